import type { Pane, Window } from '../tmux/reading.js';
import type { Registry } from '../workspace/registry.js';
import { saveEditorSession } from './editor-session.js';
import type { Program } from './model.js';

/** A pane in which nvim is in the foreground. */
export interface EditorPane {
  readonly key: string;
  readonly id: string;
  /** Moves when the editor draws. */
  readonly print: string;
  /** The second in which its window last showed something. */
  readonly activity: number;
}

/** The pane as one with an nvim; null for all others. One that is stopped is not in the foreground: it cannot answer. */
export function editorPane(
  key: string,
  pane: Pane,
  window: Window | undefined,
  program: Program | undefined,
): EditorPane | null {
  const isEditor =
    // The mark holds the declared command; where it names nvim otherwise, nobody listens.
    (program?.kind === 'declared' && pane.mark?.includes('nvim')) ||
    (program?.kind === 'group' && program.processes.some(({ argv }) => /(^|\/)nvim$/.test(argv[0] ?? '')));
  if (!isEditor) return null;
  const activity = window?.activity ?? 0;
  const { cursorX, cursorY, width, height } = pane;
  return { key, id: pane.id, activity, print: [cursorX, cursorY, width, height, activity].join(' ') };
}

/** Has the nvims of panes write their sessions; one that lives long asks only those that did something since. */
export class EditorSaves {
  private readonly saved = new Map<string, { readonly print: string; readonly second: number }>();

  constructor(private readonly registry: Registry) {}

  /**
   * Asks all of them at once. One that does not answer (it runs a command, or waits for a key) keeps the session of
   * before, which is no failure of the save.
   *
   * @param every also those whose panes show what they showed.
   */
  async save(
    workspaces: readonly { readonly workspace: string; readonly editors: readonly EditorPane[] }[],
    every: boolean,
  ): Promise<void> {
    const all = workspaces.flatMap(({ workspace, editors }) =>
      editors.map((editor) => ({ workspace, editor })),
    );
    const second = Math.floor(Date.now() / 1000);
    // With a user who waits a slow one gets more time than among changes, which come one after the other.
    const limit = every ? 1000 : 250;
    await Promise.all(
      all
        .filter(({ editor }) => every || this.hasMoved(editor))
        .map(async ({ workspace, editor }) => {
          const socket = this.registry.editorSocket(workspace, editor.key);
          if (socket === null) return;
          await saveEditorSession(socket, this.registry.editorSession(workspace, editor.key), limit);
          this.saved.set(editor.id, { print: editor.print, second });
        }),
    );
  }

  private hasMoved({ id, print, activity }: EditorPane): boolean {
    const saved = this.saved.get(id);
    // What moved in the second of the last save may have moved after it.
    return saved?.print !== print || activity >= saved.second;
  }
}
