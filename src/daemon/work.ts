import type { SaveParams, SaveReason, SaveReport } from '../rpc/protocol.js';

/**
 * What the daemon does, by those who know how: it calls these on events and schedules, and holds no rules of its own.
 * Each may throw; the daemon logs it and lives on. `save` is never called again while it runs; the others may run
 * beside it and beside each other, but never twice at once.
 */
export interface DaemonWork {
  /** Reads tmux and saves what changed. Where no server runs there is nothing to save, and that is no failure. */
  save(request: SaveParams & { readonly reason: SaveReason }): Promise<SaveReport>;
  /** Whether a pane of these windows, which showed something, is in another folder or runs another program since the last save. */
  hasMoved?(windows: ReadonlySet<string>): boolean;
  /** Applies the retention to all snapshots. */
  prune(): Promise<void>;
  /** Rehearses a restore of the newest snapshots. */
  verify(): Promise<void>;
  health?(): Promise<void>;
  cleanup?(): Promise<void>;
  /** Called once at the start, with a way to tell subscribers; what it gives back is called at the end. */
  begin?(tell: (event: 'agents') => void): () => Promise<void>;
  /** Something in tmux is other than it was. */
  changed?(): void;
  /** Called once at the start, when the socket answers: brings back what was open before this boot. */
  restoreAfterBoot(): Promise<void>;
  /** A server answers that the daemon had not seen. */
  serverSeen?(): Promise<void>;
  /** The server that the daemon watched is certainly gone. Not called when the daemon itself ends. */
  serverDied(): Promise<void>;
  /** Settings, templates or a project's environment changed: what was read of them is to be read again. */
  reload?(changed: readonly string[]): Promise<void>;
}
