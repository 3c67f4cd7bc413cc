import { randomHex } from '../system/random.js';
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
  const mark = `cw-pane-${randomHex(12)}`;
  const result = await connection.batch(
    panes.flatMap((pane) => [
      // By the format: `%5` in a message would be taken for a part of a time. A pane that is gone prints no id.
      ['display-message', '-p', '-t', pane, `${mark} #{pane_id}`],
      ['capture-pane', '-p', '-J', '-S', '-', '-t', pane],
    ]),
  );
  const texts = new Map<string, string>();
  for (const part of result.stdout.toString('utf8').split(`${mark} `).slice(1)) {
    const end = part.indexOf('\n');
    const text = part.slice(end + 1).trimEnd();
    const pane = part.slice(0, end);
    if (pane !== '') texts.set(pane, text === '' ? '' : `${text}\n`);
  }
  return texts;
}
