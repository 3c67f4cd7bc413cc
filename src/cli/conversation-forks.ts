import { rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Conversation, pruned, rootOf } from '../claude/catalog.js';
import { isConversationId } from '../claude/model.js';
import { claudeStateFolder } from '../claude/registry.js';
import { isObject } from '../claude/transcripts.js';
import { vaultAll } from '../claude/vault.js';
import { CwError } from '../errors.js';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { Command } from './command.js';
import { labelOf, nameArgument, named, readConversations, sourceOf } from './conversations.js';

/** Which of several forks is gone on with, and what becomes of the others. */

const chosenName = 'chosen.json';

/** The chosen conversation of each tree, by the tree's root. */
export function chosenIn(folder: string): ReadonlyMap<string, string> {
  try {
    const value: unknown = JSON.parse(readTextIfAny(join(claudeStateFolder(folder), chosenName)) ?? '{}');
    if (!isObject(value)) return new Map();
    return new Map(
      Object.entries(value).filter((pair): pair is [string, string] => isConversationId(pair[1])),
    );
  } catch {
    return new Map(); // damaged: nothing is chosen, so nothing more can be pruned
  }
}

export const choose: Command = {
  name: 'conversation choose',
  summary: 'Say which of several forks is gone on with; the others can be pruned then.',
  positionals: [nameArgument],
  examples: [{ line: 'cw conversation choose cart-2', does: 'Then: cw conversation prune', exit: 3 }],
  async run(args, context) {
    const world = await readConversations(context);
    const one = named(args.positionals.name ?? '', world);
    const root = rootOf(one, world.all);
    const chosen = new Map(chosenIn(world.folder)).set(root.id, one.id);
    writeFileAtomic(
      join(claudeStateFolder(world.folder), chosenName),
      `${JSON.stringify(Object.fromEntries(chosen))}\n`,
    );
    const others = prunable(world.all, chosen).filter((other) => rootOf(other, world.all).id === root.id);
    return {
      data: { conversation: one.id, root: root.id, prunable: others.map(({ id }) => id) },
      text: `${labelOf(one)} is chosen.${others.length > 0 ? ` ${others.length} other forks can go: cw conversation prune` : ''}`,
    };
  },
};

/**
 * Forks that nobody needs: not running, not on the way to one that runs or is chosen, and either never prompted or of
 * a tree in which another one was chosen. What is no fork is never among them.
 */
export function prunable(all: readonly Conversation[], chosen: ReadonlyMap<string, string>): Conversation[] {
  const byId = new Map(all.map((one) => [one.id, one]));
  const kept = new Set<string>();
  const picked = new Set(chosen.values());
  for (const one of all) {
    if (!one.live && !picked.has(one.id)) continue;
    for (let at: Conversation | undefined = one; at && !kept.has(at.id); at = byId.get(at.forkOf ?? ''))
      kept.add(at.id);
  }
  return all.filter((one) => {
    if (one.forkOf === null || kept.has(one.id) || one.known?.ended?.reason === pruned) return false;
    return !one.prompted || chosen.has(rootOf(one, all).id);
  });
}

export const prune: Command = {
  name: 'conversation prune',
  summary: 'Put away forks that are not used. Their copies stay in the vault.',
  description:
    'Forks that were never prompted, and those beside one that was chosen. Running ones, and what they come from, stay.',
  options: {
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
    'dry-run': { type: 'boolean', describe: 'Say which, and do nothing.' },
  },
  examples: [{ line: 'cw conversation prune --dry-run', does: 'Which ones would go.' }],
  async run(args, context) {
    const world = await readConversations(context);
    const unused = prunable(world.all, chosenIn(world.folder));
    const names = unused.map((one) => `${labelOf(one)} (${one.id.slice(0, 8)})`).join(', ');
    const data = { pruned: unused.map(({ id }) => id) };
    if (unused.length === 0) return { data, text: 'No unused forks.' };
    if (args.options['dry-run']) return { data, text: `These would go: ${names}.` };
    if (!args.options.yes) {
      if (!context.terminal.interactive) {
        throw new CwError('refused', `Pruning ${unused.length} forks needs a yes.`, {
          hint: 'Nothing was changed. Without a terminal, add --yes.',
        });
      }
      if (!(await context.ask(`Put away ${names}?`)))
        return { data: { pruned: [] }, text: 'Nothing was changed.' };
    }
    const copied = await vaultAll(world.vault, unused.map(sourceOf), { env: context.env });
    const failures = new Map(
      copied.flatMap((one) => (one.failure === null ? [] : [[one.conversation, one.failure]])),
    );
    const done = unused.filter(({ id }) => !failures.has(id));
    for (const one of done) remove(one);
    world.registry.append(
      done.map((one) => ({
        kind: 'end' as const,
        at: new Date().toISOString(),
        conversation: one.id,
        pane: null,
        process: null,
        reason: pruned,
        evidence: 'cw conversation prune',
      })),
    );
    for (const [id, failure] of failures)
      context.note(`${id.slice(0, 8)} stays: it could not be copied: ${failure}`);
    return {
      data: { pruned: done.map(({ id }) => id) },
      text: `${done.length} forks are put away. One comes back with: cw conversation restore ID`,
      ...(failures.size > 0 && { exit: 6 }),
    };
  },
};

/** Takes a transcript of Claude Code's away, of which there is a copy. */
function remove({ transcript, id }: Conversation): void {
  if (transcript === null || basename(transcript) !== `${id}.jsonl`) return;
  rmSync(transcript, { force: true });
  rmSync(join(dirname(transcript), id, 'subagents'), { recursive: true, force: true });
}
