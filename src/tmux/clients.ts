import { isOnlooker } from './client-flags.js';
import type { Connection } from './connection.js';
import { defineRow, each, field, flag, int } from './format.js';
import { parseVersion } from './version.js';

/** A terminal of the user's that shows a session. */
export interface ClientView {
  /** As `-c` takes it. */
  readonly name: string;
  readonly tty: string;
  /** When the user last pressed a key there. Seconds since 1970. */
  readonly activity: number;
  /** The panes that can be seen in it. */
  readonly panes: readonly string[];
}

const viewRow = defineRow('v', {
  name: field('client_name'),
  tty: field('client_tty'),
  control: flag('client_control_mode'),
  flags: field('client_flags'),
  activity: int('client_activity'),
  zoomed: flag('window_zoomed_flag'),
  pane: field('pane_id'),
  panes: each('P', { id: field('pane_id') }),
});

/**
 * The terminals that are attached, and what each shows. Control-mode clients show nothing; an onlooker is no
 * terminal that its user works at.
 *
 * @throws CwError `tmux-unusable` when tmux did not answer, or no server runs.
 */
export async function readViews(connection: Connection): Promise<ClientView[]> {
  const { stdout } = await connection.batch([
    ['display-message', '-p', '#{version}'],
    ['list-clients', '-F', viewRow.format],
  ]);
  const end = stdout.indexOf('\n');
  const version = parseVersion(stdout.toString('utf8', 0, end));
  return viewRow
    .parse(stdout.subarray(end + 1), version)
    .filter(({ control, flags }) => !control && !isOnlooker(flags))
    .map(({ name, tty, activity, zoomed, pane, panes }) => ({
      name,
      tty,
      activity,
      panes: zoomed ? [pane] : panes.map(({ id }) => id),
    }));
}
