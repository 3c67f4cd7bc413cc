import { randomBytes } from 'node:crypto';
import type { Connection } from '../tmux/connection.js';

/**
 * The whole text of panes, scrollback and screen, read in one batch. Lines that a narrow window wrapped are
 * joined again.
 *
 * @param panes ids (`%5`)
 * @returns the text by pane; a pane that ended meanwhile is left out.
 */
export async function readPaneText(
  connection: Connection,
  panes: readonly string[],
): Promise<Map<string, string>> {
  // What a pane shows is foreign text: the mark between two panes is one that no pane can know.
  const mark = `cw-pane-${randomBytes(12).toString('hex')}`;
  const result = await connection.batch(
    panes.flatMap((pane) => [
      ['display-message', '-p', `${mark} ${pane}`],
      ['capture-pane', '-p', '-J', '-S', '-', '-t', pane],
    ]),
  );
  const texts = new Map<string, string>();
  for (const part of result.stdout.toString('utf8').split(`${mark} `).slice(1)) {
    const end = part.indexOf('\n');
    const text = part.slice(end + 1).trimEnd();
    texts.set(part.slice(0, end), text === '' ? '' : `${text}\n`);
  }
  for (const error of result.errors) {
    // "can't find pane: %5": it ended between the reading and now, and has no text any more.
    const gone = /%\d+/.exec(error)?.[0];
    if (gone) texts.delete(gone);
  }
  return texts;
}
