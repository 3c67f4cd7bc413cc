import { statSync } from 'node:fs';
import type { Drained } from './intake.js';
import type { AgentRow } from './overview.js';
import { claudeFolder, transcriptPath } from './slug.js';
import { type ContextShare, contextShare } from './usage.js';

/** How full the contexts of living agents are, and what follows from it. */

/** Of one: from here on the user is warned, and from here on a checkpoint is made. */
export const nearlyFull = 0.8;
export const full = 0.95;
/** Below it a context counts as emptied, and what is told of it is told again when it fills again. */
const emptied = 0.7;

/** Reads transcripts' ends; what has not grown since the last time is not read again. */
export class ContextReader {
  private readonly known = new Map<string, { readonly mark: string; readonly share: ContextShare | null }>();

  /** @param windows tokens that fit, by a part of a model's name; see `contextShare`. */
  constructor(private readonly windows: () => Readonly<Record<string, number>> | null) {}

  /**
   * How full the contexts of these agents are, by conversation; null where nothing tells it. Those that have ended
   * are left out.
   */
  async read(
    rows: readonly AgentRow[],
    { agents, registry, facts }: Pick<Drained, 'agents' | 'registry' | 'facts'>,
  ): Promise<Map<string, ContextShare | null>> {
    const living = rows.filter(({ state }) => state !== 'exited');
    const windows = this.windows();
    const shares = await Promise.all(
      living.map(async ({ conversation }) => {
        const known = registry.conversations.get(conversation);
        const path =
          agents.get(conversation)?.transcript ??
          (known && transcriptPath(claudeFolder(known.configDir, facts.env), known.cwd, conversation));
        const share = path ? await this.one(path, modelOf(known?.flags ?? []), windows) : null;
        return [conversation, share] as const;
      }),
    );
    for (const path of this.known.keys()) if (this.known.size > 1000) this.known.delete(path);
    return new Map(shares);
  }

  private async one(
    path: string,
    wished: string | null,
    windows: Readonly<Record<string, number>> | null,
  ): Promise<ContextShare | null> {
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat?.isFile()) return null;
      const mark = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${wished} ${JSON.stringify(windows)}`;
      const before = this.known.get(path);
      if (before?.mark === mark) return before.share;
      const share = await contextShare(path, wished, windows);
      this.known.set(path, { mark, share });
      return share;
    } catch {
      return null; // closed to us, or gone meanwhile: nothing can be told
    }
  }
}

/** The model that a conversation was asked for: the word after `--model`. */
export function modelOf(flags: readonly string[]): string | null {
  const at = flags.indexOf('--model');
  if (at >= 0) return flags[at + 1] ?? null;
  return flags.find((flag) => flag.startsWith('--model='))?.slice('--model='.length) ?? null;
}

/** What was told of a context that fills. */
export type ContextStage = 'warned' | 'full';
/** By conversation. */
export type ContextMemory = Readonly<Record<string, ContextStage>>;

/** Conversations that are remembered; more than anybody has open. */
const remembered = 200;

/**
 * What is new: each stage is told once, until the context was emptied (by a compaction) and fills again. A conversation
 * that does not run now is remembered.
 */
export function contextSteps(
  before: ContextMemory,
  shares: ReadonlyMap<string, number | null>,
): { readonly memory: ContextMemory; readonly warn: readonly string[]; readonly full: readonly string[] } {
  const memory = new Map(Object.entries(before));
  const warn: string[] = [];
  const filled: string[] = [];
  for (const [conversation, share] of shares) {
    const stage = memory.get(conversation);
    if (share === null || share < emptied) memory.delete(conversation);
    else if (share >= full && stage !== 'full') {
      memory.set(conversation, 'full');
      filled.push(conversation);
    } else if (share >= nearlyFull && stage === undefined) {
      memory.set(conversation, 'warned');
      warn.push(conversation);
    }
  }
  return { memory: Object.fromEntries([...memory].slice(-remembered)), warn, full: filled };
}

export function parseContextMemory(text: string | null): ContextMemory {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter(
        (entry): entry is [string, ContextStage] => entry[1] === 'warned' || entry[1] === 'full',
      ),
    );
  } catch {
    return {}; // damaged: at worst something is told twice
  }
}
