import { statSync } from 'node:fs';
import type { Known } from './registry-log.js';
import { claudeFolder } from './slug.js';
import { expiring, inVault } from './vault.js';

/** A conversation that is known here, and whose transcript Claude Code deletes soon. */
export interface ExpiringKnown {
  readonly conversation: string;
  /** When it is deleted at the next start of Claude Code, UTC, ISO 8601. */
  readonly deletedAt: string;
  /** The vault has all of it. */
  readonly copied: boolean;
}

/**
 * Those whose transcripts Claude Code deletes within `days`, by its own settings; the next one first.
 *
 * @param known the conversations that there are; others are nobody's business here.
 */
export function expiringKnown(
  known: readonly Pick<Known, 'conversation' | 'configDir'>[],
  vault: string,
  days: number,
  env: NodeJS.ProcessEnv,
): ExpiringKnown[] {
  if (known.length === 0) return [];
  const only = new Set(known.map(({ conversation }) => conversation));
  const folders = new Set(known.map(({ configDir }) => claudeFolder(configDir, env)));
  return [...folders]
    .flatMap((folder) => expiring(folder, days, { only }))
    .map(({ conversation, path, deletedAt }) => {
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      return { conversation, deletedAt, copied: (inVault(vault, conversation)?.bytes ?? 0) >= size };
    })
    .sort((a, b) => a.deletedAt.localeCompare(b.deletedAt));
}
