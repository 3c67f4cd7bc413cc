import { statSync } from 'node:fs';
import { readTextIfAny } from '../system/files.js';
import type { Pane, Window } from '../tmux/reading.js';
import { editorPipe } from '../workspace/editor-socket.js';
import type { Registry } from '../workspace/registry.js';
import type { BlobStore } from './blobs.js';
import { type EditorSave, saveEditorSession } from './editor-session.js';
import type { ObservedPane, Program } from './model.js';
import { saveVimSession } from './vim-session.js';

/** A pane in which an nvim, or a vim that listens, is in the foreground. */
export interface EditorPane {
  readonly key: string;
  readonly id: string;
  /** Moves when the editor draws. */
  readonly print: string;
  /** The second in which its window last showed something. */
  readonly activity: number;
}

/** The pane as one with such an editor; null for all others. One that is stopped is not in the foreground: it cannot answer. */
export function editorPane(
  key: string,
  pane: Pane,
  window: Window | undefined,
  program: Program | undefined,
): EditorPane | null {
  const isEditor =
    // The mark holds the declared command; where it names one otherwise, nobody listens.
    (program?.kind === 'declared' && pane.mark?.includes('vim')) ||
    (program?.kind === 'group' && program.processes.some(({ argv }) => /(^|\/)nvim$/.test(argv[0] ?? '')));
  if (!isEditor) return null;
  const activity = window?.activity ?? 0;
  const { cursorX, cursorY, width, height } = pane;
  return { key, id: pane.id, activity, print: [cursorX, cursorY, width, height, activity].join(' ') };
}

/** Has the editors of panes write their sessions; one that lives long asks only those that did something since. */
export class EditorSaves {
  private readonly saved = new Map<string, { readonly print: string; readonly second: number }>();
  /** The last session of each, by its file, under the time of that file. */
  private readonly blobs = new Map<string, { readonly time: number; readonly blob: string }>();

  constructor(
    private readonly registry: Registry,
    private readonly store: BlobStore,
  ) {}

  /**
   * Asks all of them at once. One that does not answer (it runs a command, or waits for a key) keeps the session of
   * before, which is no failure of the save.
   *
   * Each snapshot names the session that goes with it: one that is restored later opens what was open then.
   *
   * @param every also those whose panes show what they showed.
   */
  async save(
    workspaces: readonly {
      readonly workspace: string;
      readonly editors: readonly EditorPane[];
      readonly draft: { readonly panes: Record<string, ObservedPane> };
    }[],
    every: boolean,
  ): Promise<void> {
    const all = workspaces.flatMap(({ workspace, editors, draft }) =>
      editors.map((editor) => ({ workspace, editor, pane: draft.panes[editor.key] })),
    );
    if (all.length === 0) return;
    const second = Math.floor(Date.now() / 1000);
    // With a user who waits a slow one gets more time than among changes, which come one after the other.
    const limit = every ? 1000 : 250;
    await Promise.all(
      all
        .filter(({ editor }) => every || this.hasMoved(editor))
        .map(async ({ workspace, editor }) => {
          await this.ask(workspace, editor.key, limit);
          this.saved.set(editor.id, { print: editor.print, second });
        }),
    );
    for (const { workspace, editor, pane } of all) {
      const blob = await this.blobOf(this.registry.editorSession(workspace, editor.key));
      if (pane && blob !== null) pane.editorSession = blob;
    }
  }

  /** Whichever of the two it is: where the one does not listen, the other may. */
  private async ask(workspace: string, key: string, limit: number): Promise<EditorSave> {
    const socket = this.registry.editorSocket(workspace, key);
    const file = this.registry.editorSession(workspace, key);
    const asked = await saveEditorSession(socket, file, limit);
    return asked.saved || asked.why !== null ? asked : saveVimSession(editorPipe(socket), file, limit);
  }

  private async blobOf(file: string): Promise<string | null> {
    const time = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    if (time === undefined) return null;
    const known = this.blobs.get(file);
    if (known?.time === time && this.store.has(known.blob)) return known.blob;
    const text = readTextIfAny(file);
    if (text === null) return null;
    const [blob = ''] = await this.store.put([text]);
    this.blobs.set(file, { time, blob });
    return blob;
  }

  private hasMoved({ id, print, activity }: EditorPane): boolean {
    const saved = this.saved.get(id);
    // What moved in the second of the last save may have moved after it.
    return saved?.print !== print || activity >= saved.second;
  }
}
