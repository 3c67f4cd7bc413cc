import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { BlobStore } from '../snapshot/blobs.js';
import { chunkOf, chunkText } from '../snapshot/chunks.js';
import type { Snapshot } from '../snapshot/model.js';
import { memberName } from './members.js';
import type { ReadArchive } from './read.js';

const unpack = promisify(gunzip);

/** So many texts are held at once before they are written. */
const together = 64;

/**
 * Stores the texts of an archive here, with nothing in them that could act on a terminal: a pane prints them as it
 * begins.
 *
 * @param editors take the sessions of editors along, which are scripts.
 * @returns the snapshot with the names that its texts have here.
 */
export async function importTexts(
  snapshot: Snapshot,
  archive: ReadArchive,
  fileOf: (name: string) => string,
  blobs: BlobStore,
  editors: boolean,
): Promise<Snapshot> {
  const held = new Set(archive.members.map(({ name }) => name));
  const stored = new Map<string, { readonly name: string; readonly lines: number }>();
  for (const [at, member] of archive.members.entries()) {
    if (member.kind !== 'scrollback' && !(member.kind === 'editor' && editors)) continue;
    const text = (await unpack(readFileSync(fileOf(member.name)))).toString('utf8');
    const lines = member.kind === 'scrollback' ? chunkOf(text).map(harmlessLine) : [];
    const [name = member.blob] = blobs.add([member.kind === 'scrollback' ? chunkText(lines) : text]);
    stored.set(member.name, { name, lines: lines.length });
    if (at % together === together - 1) await blobs.flush();
  }
  await blobs.flush();
  const panes = Object.entries(snapshot.panes).map(([key, pane]) => {
    const chunks =
      pane.scrollback?.chunks.flatMap((chunk) => stored.get(memberName.scrollback(chunk)) ?? []) ?? [];
    const session = pane.editorSession ? memberName.editor(pane.editorSession) : null;
    return [
      key,
      {
        ...pane,
        scrollback:
          chunks.length > 0
            ? {
                chunks: chunks.map(({ name }) => name),
                lines: chunks.reduce((sum, { lines }) => sum + lines, 0),
              }
            : null,
        editorSession: session !== null && held.has(session) ? (stored.get(session)?.name ?? null) : null,
      },
    ];
  });
  return { ...snapshot, panes: Object.fromEntries(panes) };
}

/**
 * What tmux itself prints of a line's cells: text, colours, and links to web pages. Everything else that a terminal
 * acts on (titles, the clipboard, questions that it answers as if they were typed) is taken out.
 */
const kept =
  /\x1b\[[0-9;:]*m|\x1b\]8;[!-:<-~]*;(?:https?:\/\/[!-~]*)?\x1b\\|[^\x00-\x08\x0a-\x1f\x7f-\x9f]+/gu;

/** A line of scrollback that cannot act on a terminal; one that tmux wrote is the same. */
export function harmlessLine(line: string): string {
  return /[\x00-\x1f\x7f-\x9f]/.test(line) ? (line.match(kept) ?? []).join('') : line;
}
