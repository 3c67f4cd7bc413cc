import { join } from 'node:path';
import { expiringKnown } from '../claude/expiry.js';
import { claudeStateFolder } from '../claude/places.js';
import { ConversationRegistry } from '../claude/registry.js';
import { vaultAll, vaultFolder } from '../claude/vault.js';
import type { Notice } from '../integration/notify.js';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { Log } from './log.js';

export interface ExpiryOptions {
  readonly registryFolder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Transcripts that Claude Code deletes within so many days. */
  readonly days: number;
  readonly log: Log;
  readonly tell: (notices: readonly Notice[]) => void;
}

/** Names that are said; of more, their number. */
const named = 4;

/**
 * Copies the transcripts that Claude Code is about to delete, also of workspaces that are closed, and tells of each
 * once.
 */
export async function keepExpiring({ registryFolder, env, days, log, tell }: ExpiryOptions): Promise<void> {
  const known = new ConversationRegistry(registryFolder).all();
  const vault = vaultFolder(registryFolder);
  const soon = new Map(expiringKnown(known, vault, days, env).map((one) => [one.conversation, one]));
  const wanted = known.filter(({ conversation }) => soon.get(conversation)?.copied === false);
  const failed = new Set<string>();
  for (const { conversation, failure } of await vaultAll(vault, wanted, { env })) {
    if (failure === null) continue;
    failed.add(conversation);
    log.warn(`the conversation ${conversation} is about to be deleted, and was not copied: ${failure}`);
  }
  const file = join(claudeStateFolder(registryFolder), 'expiring.json');
  const told = new Set(readTold(file));
  const fresh = known.filter(({ conversation }) => soon.has(conversation) && !told.has(conversation));
  // What is used again, or deleted, is told again when its time has come again.
  const now = [...soon.keys()].sort();
  if (now.join() !== [...told].sort().join()) writeFileAtomic(file, `${JSON.stringify(now)}\n`);
  if (fresh.length === 0) return;
  const names = fresh.slice(0, named).map(({ name, conversation }) => name ?? conversation.slice(0, 8));
  const more = fresh.length > named ? ` and ${fresh.length - named} more` : '';
  const lost = fresh.filter(({ conversation }) => failed.has(conversation)).length;
  tell([
    {
      key: 'retention',
      kind: 'retention',
      level: lost > 0 ? 'warning' : 'info',
      title: `Claude Code deletes ${fresh.length === 1 ? 'a transcript' : `${fresh.length} transcripts`} within ${days} days: ${names.join(', ')}${more}`,
      text:
        lost > 0
          ? `${lost} could not be copied: cw daemon logs`
          : `cw has ${fresh.length === 1 ? 'a copy' : 'copies'}: cw conversation restore NAME`,
      workspace: null,
      pane: null,
    },
  ]);
}

function readTold(file: string): string[] {
  try {
    const value: unknown = JSON.parse(readTextIfAny(file) ?? '[]');
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  } catch {
    return []; // damaged: at worst something is told twice
  }
}
