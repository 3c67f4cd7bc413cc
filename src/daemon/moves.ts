import type { PaneStand } from '../snapshot/observe.js';
import { folderOfIdleShell } from '../system/process.js';

/**
 * Tells whether a pane that showed something did more than print: a shell went to another folder, a program began or
 * ended. tmux tells of neither, and to wait until it is quiet would take long beside a pane that prints all the time.
 */
export class Moves {
  private byWindow = new Map<string, PaneStand[]>();
  /** What was told of each process: where our look and the save's differ for good, that is told once. */
  private readonly told = new Map<number, string | null>();

  constructor(private readonly look: (pid: number) => string | null | undefined = folderOfIdleShell) {}

  /** What all panes were like when they were saved. */
  saved(panes: readonly PaneStand[]): void {
    this.byWindow = new Map();
    for (const pane of panes) {
      const others = this.byWindow.get(pane.window);
      if (others) others.push(pane);
      else this.byWindow.set(pane.window, [pane]);
    }
    const living = new Set(panes.map(({ pid }) => pid));
    for (const pid of this.told.keys()) if (!living.has(pid)) this.told.delete(pid);
  }

  /** Whether a pane of one of these windows is not as it was saved. */
  hasMoved(windows: ReadonlySet<string>): boolean {
    let moved = false;
    for (const window of windows) {
      for (const { pid, folder } of this.byWindow.get(window) ?? []) {
        const now = this.look(pid);
        if (now === undefined || now === folder || this.told.get(pid) === now) continue;
        this.told.set(pid, now);
        moved = true;
      }
    }
    return moved;
  }
}

/**
 * The windows that a notice tells of, as ` @1=SECOND` for each: those that showed something in its last second, or in the one
 * before it. What comes later in a second that was told is told by no text of its own.
 */
export function windowsPrinted(text: string): ReadonlySet<string> {
  const windows = [...text.matchAll(/ (@\d+)=(\d+)/g)].map(([, id = '', second]) => ({
    id,
    second: Number(second),
  }));
  const last = windows.reduce((most, { second }) => Math.max(most, second), 0);
  return new Set(windows.filter(({ second }) => second >= last - 1).map(({ id }) => id));
}
