import { claudeFacts } from '../claude/facts.js';
import { drain } from '../claude/intake.js';
import type { Connection } from '../tmux/connection.js';
import type { Kept } from './conversations.js';

/** A pane in which a Claude runs of which no conversation is known. */
interface Stranger {
  readonly workspace: string;
  readonly key: string;
  /** Its pane and that one's process, for ever. */
  readonly name: string;
  /** Looks again. */
  readonly look: () => Kept;
}

/** Milliseconds until one whose conversation could not be found is asked after again. */
const patience = 5000;

/**
 * Claudes that somebody has just started by hand, and that no hook tells of: the program's own files say which
 * conversation each has. They are looked at every half minute; a save that sees such a Claude has them looked at now,
 * since a crash may come before.
 */
export class Strangers {
  private seen: Stranger[] = [];
  private readonly asked = new Map<string, number>();

  constructor(
    private readonly connection: Connection,
    private readonly registryFolder: string,
    private readonly env: NodeJS.ProcessEnv = process.env,
  ) {}

  note(stranger: Stranger): void {
    this.seen.push(stranger);
  }

  /** Finds the conversations of those that were noted, and puts them into what is about to be saved. */
  async introduce(
    drafts: readonly {
      readonly workspace: string;
      readonly draft: { readonly panes: Record<string, { conversation?: Kept['conversation'] | undefined }> };
    }[],
  ): Promise<void> {
    const strangers = this.seen;
    this.seen = [];
    const now = performance.now();
    const due = strangers.filter(({ name }) => now - (this.asked.get(name) ?? -patience) >= patience);
    if (due.length === 0) return;
    for (const { name } of due) this.asked.set(name, now);
    try {
      await drain(this.registryFolder, () => claudeFacts(this.connection, this.env));
    } catch {
      return; // another process looks, or tmux has just gone: what is known is saved
    }
    for (const { workspace, key, look } of due) {
      const pane = drafts.find((one) => one.workspace === workspace)?.draft.panes[key];
      if (pane) pane.conversation = look().conversation;
    }
  }
}
