import type { AgentRow } from '../claude/overview.js';
import { statusOptions } from '../integration/tmux-status.js';
import type { Command, Connection } from '../tmux/connection.js';
import { sessionLabel } from '../workspace/find.js';

/**
 * Shows what agents do in tmux: as an option of each pane (`@cw_state`), and in sum as options of the server, from which
 * a status line can be made without a process.
 */
export class TmuxStates {
  private states = new Map<string, string>();
  private sums = new Map<string, string>();

  constructor(private readonly connection: Connection) {}

  /** What was shown is gone with its server. */
  forget(): void {
    this.states.clear();
    this.sums.clear();
  }

  async show(rows: readonly AgentRow[]): Promise<void> {
    const states = new Map(
      rows.map(({ pane, state, detail }) => [pane, detail === null ? state : `${state} ${detail}`]),
    );
    const sums = new Map(
      Object.entries(statusOptions(rows, sessionLabel)).filter(([, value]) => value !== ''),
    );
    const commands = [
      ...changes(this.states, states, (pane, state) =>
        state === null
          ? ['set-option', '-pu', '-t', pane, '@cw_state']
          : ['set-option', '-p', '-t', pane, '@cw_state', state],
      ),
      ...changes(this.sums, sums, (name, value) =>
        value === null ? ['set-option', '-su', name] : ['set-option', '-s', '--', name, value],
      ),
    ];
    // A pane that ended meanwhile takes its option with it: that it cannot be set is no failure.
    if (commands.length > 0) await this.connection.batch(commands, { timeout: 5000 });
    this.states = states;
    this.sums = sums;
  }

  /** Nobody keeps it up to date any more: what is not known must not be shown. */
  async end(): Promise<void> {
    await this.show([]);
  }
}

function changes(
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
  command: (name: string, value: string | null) => Command,
): Command[] {
  const set = [...now].filter(([name, value]) => before.get(name) !== value);
  const gone = [...before.keys()].filter((name) => !now.has(name));
  return [...set.map(([name, value]) => command(name, value)), ...gone.map((name) => command(name, null))];
}
