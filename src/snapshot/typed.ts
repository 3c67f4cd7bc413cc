import { randomBytes } from 'node:crypto';
import { parsePaneRecord } from '../blueprint/record.js';
import { processAge } from '../system/process.js';
import type { Connection } from '../tmux/connection.js';
import type { Pane } from '../tmux/reading.js';
import type { Program } from './model.js';

/** Seconds within which a pane that was just made may not have been typed into yet (`shell/cw-start`). */
const typesWithin = 10;

/**
 * The lines that a restore typed into panes and that still wait there for Enter, by the pane's id: a second crash
 * before the user has confirmed one must not lose it. Whether one waits is on the screen alone. Only panes that were
 * made with such a line and whose shell is at its prompt are looked at, all with one batch.
 */
export async function waitingLines(
  connection: Connection,
  panes: readonly Pane[],
  programs: ReadonlyMap<string, Program>,
): Promise<ReadonlyMap<string, string>> {
  const asked = panes.flatMap((pane) => {
    // Nearly all have none: their records are not parsed for it.
    const typed = pane.mark?.includes('"typed":"') ? (parsePaneRecord(pane.mark)?.typed ?? null) : null;
    return typed !== null && programs.get(pane.id)?.kind === 'shell' ? [{ pane, typed }] : [];
  });
  if (asked.length === 0) return new Map();
  // The screens hold foreign text: nothing in them may pass for the line between two of them.
  const mark = randomBytes(12).toString('hex');
  const commands = asked.flatMap(({ pane, typed }) => {
    const above = Math.ceil(Buffer.byteLength(typed) / Math.max(1, pane.width)) + 1;
    const from = Math.max(0, pane.cursorY - above);
    return [
      ['display-message', '-p', '-t', pane.id, `${mark} #{pane_id}`],
      ['capture-pane', '-p', '-J', '-t', pane.id, '-S', String(from), '-E', String(pane.cursorY)],
    ];
  });
  const { stdout } = await connection.batch(commands);
  const screens = new Map(
    stdout
      .toString('utf8')
      .split(`${mark} `)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
  return new Map(
    asked
      .filter(({ pane, typed }) => isOnLine(screens.get(pane.id) ?? '', typed) || isNew(pane))
      .map(({ pane, typed }) => [pane.id, typed]),
  );
}

/** True where the line of the cursor, the last one of the text, holds it: after a prompt, and before what was added. */
export function isOnLine(screen: string, typed: string): boolean {
  return screen.replace(/\n$/, '').split('\n').at(-1)?.includes(typed.trimEnd()) ?? false;
}

function isNew({ pid }: Pane): boolean {
  const age = processAge(pid);
  return age !== null && age < typesWithin;
}
