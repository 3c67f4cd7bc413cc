import type { AgentRow } from '../claude/overview.js';

/** The options of tmux's server by which its status line shows agents (`tmux-conf.ts`). Pure. */

export const statusOptionNames = ['@cw_waiting', '@cw_waiting_since', '@cw_working', '@cw_idle'] as const;
export type StatusOptions = Readonly<Record<(typeof statusOptionNames)[number], string>>;

/** Names of workspaces that are shown; of more, their number. */
const shown = 2;

/**
 * What the options are to be; an empty one is to be unset.
 *
 * @param nameOf the name of a workspace, by its session.
 */
export function statusOptions(rows: readonly AgentRow[], nameOf: (session: string) => string): StatusOptions {
  const waiting = rows
    .filter(({ state }) => state === 'waiting')
    .sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
  const names = [...new Set(waiting.map(({ session }) => nameOf(session)))];
  const more = names.length > shown ? ` +${names.length - shown}` : '';
  const since = Math.floor(Date.parse(waiting[0]?.since ?? '') / 1000);
  const count = (state: AgentRow['state']) => {
    const number = rows.filter((row) => row.state === state).length;
    return number === 0 ? '' : String(number);
  };
  return {
    // A session's name can be the user's own: in a status line `#[` would begin a style.
    '@cw_waiting': `${names.slice(0, shown).join(', ')}${more}`.replaceAll('#', ''),
    '@cw_waiting_since': Number.isNaN(since) ? '' : String(since),
    '@cw_working': count('working'),
    '@cw_idle': count('idle'),
  };
}
