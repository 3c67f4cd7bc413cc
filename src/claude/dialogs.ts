import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import { foregroundOf } from './evidence.js';
import type { ClaudeFacts } from './facts.js';
import { type AgentRow, inOrder } from './overview.js';

/**
 * What Claude Code asks before it begins: whether it may trust the folder, or use a key, or how to log in. It tells of
 * that by no hook and in no file, so an agent that runs and has told nothing is looked at on its screen.
 */

/** What a screen asks; null: nothing that is known here. */
export function dialogOn(screen: string): 'trust' | 'login' | 'answer' | null {
  // Behind the sign of the composer stands a no-break blank, behind that of a list's choice and of what was said a
  // plain one.
  if (/❯\u00a0/.test(screen)) return null;
  const isList = /^[\s│|]*❯ \d+\. /m.test(screen) || /\benter to (confirm|select)\b/i.test(screen);
  if (!isList && !/\bpress enter to continue\b/i.test(screen)) return null;
  if (isList && /\byes, I trust\b|\btrust (the files in )?this folder\b/i.test(screen)) return 'trust';
  return /\blog ?in\b|\bsign in\b/i.test(screen) ? 'login' : 'answer';
}

/**
 * The rows with those corrected that wait for the user before they have told anything. One tmux process for all of
 * them, and none where there is none.
 */
export async function withDialogs(
  connection: Connection,
  facts: ClaudeFacts,
  rows: readonly AgentRow[],
): Promise<AgentRow[]> {
  const pids = new Map(facts.panes.map(({ id, pid }) => [id, pid]));
  const silent = rows.filter(
    ({ state, pane }) =>
      state === 'unknown' && foregroundOf(pids.get(pane) ?? 0, facts.processes) === 'program',
  );
  if (silent.length === 0) return [...rows];
  const mark = `screen-${randomHex(6)}`;
  const { stdout } = await connection.batch(
    silent.flatMap(({ pane }, at) => [
      ['display-message', '-p', `${mark} ${at}`],
      ['capture-pane', '-p', '-t', pane],
    ]),
  );
  const screens = new Map<string, string>();
  for (const part of stdout.toString('utf8').split(`${mark} `).slice(1)) {
    const newline = part.indexOf('\n');
    const pane = silent[Number(part.slice(0, newline))]?.pane;
    if (pane !== undefined) screens.set(pane, part.slice(newline + 1));
  }
  return inOrder(
    rows.map((row) => {
      const screen = screens.get(row.pane);
      const asks = screen === undefined ? null : dialogOn(screen);
      return asks === null
        ? row
        : { ...row, state: 'waiting' as const, detail: asks, evidence: 'its screen' };
    }),
  );
}
