import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Known } from '../claude/registry-log.js';
import { claudeFolder, transcriptPath } from '../claude/slug.js';
import { usageByDay } from '../claude/usage.js';
import { systemCode } from '../errors.js';
import { dayOf, type Talk } from './model.js';
import type { MetricsStore } from './store.js';

/** What conversations used, day by day, from their transcripts. */

export interface TalkOf {
  readonly workspace: string;
  readonly conversation: string;
  readonly day: string;
  readonly talk: Talk;
}

/**
 * Reads the transcripts that changed since a moment, as a whole: what they say of a day replaces what was known of it,
 * so it may be read as often as one likes.
 *
 * @param since milliseconds since 1970.
 */
export async function talkSince(
  conversations: Iterable<Known>,
  since: number,
  env: NodeJS.ProcessEnv,
): Promise<TalkOf[]> {
  const all = [...conversations];
  const found: TalkOf[] = [];
  // A fork begins with its parent's lines, which are told by their own mark and by the ids of their answers: the parent
  // is read first, also where it has not changed.
  const families = familiesOf(all.filter(({ prompted }) => prompted));
  for (const family of families) {
    const files = family.map((known) => ({ known, paths: filesOf(known, env) }));
    if (!files.some(({ paths }) => paths.some((path) => changedAt(path) >= since))) continue;
    const counted = new Set<string>();
    for (const { known, paths } of files) {
      if (paths.length === 0) continue;
      for (const [day, usage] of await usageByDay(paths, dayOf, { counted })) {
        const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = usage.tokens;
        const tokens = input + output + cacheRead + cacheWrite5m + cacheWrite1h;
        if (tokens === 0 && usage.turns === 0) continue;
        const talk = { turns: usage.turns, tokens, dollars: usage.dollars };
        found.push({ workspace: known.workspace, conversation: known.conversation, day, talk });
      }
    }
  }
  return found;
}

/**
 * From when on transcripts are not in what was written: since the last day that was, which may have been cut off;
 * where there is none, all that Claude Code keeps. Milliseconds since 1970.
 */
export function talkFrom(store: MetricsStore, now: number): number {
  const last = store.days().at(-1);
  const [year = 0, month = 1, day = 1] = last?.split('-').map(Number) ?? [];
  const from = last === undefined ? 0 : new Date(year, month - 1, day).getTime();
  // A day that is to come: the clock was set back.
  return Math.min(from, new Date(now).setHours(0, 0, 0, 0));
}

/** Conversations of one beginning, parents before their forks. */
function familiesOf(all: readonly Known[]): Known[][] {
  const byId = new Map(all.map((known) => [known.conversation, known]));
  const depth = (known: Known): number => {
    let count = 0;
    for (let one = byId.get(known.forkOf ?? ''); one && count < 100; one = byId.get(one.forkOf ?? ''))
      count++;
    return count;
  };
  const rootOf = (known: Known): string => {
    let root = known;
    for (let count = 0; count < 100; count++) {
      const parent = byId.get(root.forkOf ?? '');
      if (!parent) break;
      root = parent;
    }
    return root.conversation;
  };
  const families = new Map<string, Known[]>();
  for (const known of all) families.set(rootOf(known), [...(families.get(rootOf(known)) ?? []), known]);
  return [...families.values()].map((family) => family.toSorted((a, b) => depth(a) - depth(b)));
}

/** The transcript and those of its subagents; none where it is gone. */
function filesOf({ configDir, cwd, conversation }: Known, env: NodeJS.ProcessEnv): string[] {
  const transcript = transcriptPath(claudeFolder(configDir, env), cwd, conversation);
  if (changedAt(transcript) === 0) return [];
  const folder = join(transcript.slice(0, -'.jsonl'.length), 'subagents');
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === undefined) throw error; // it has none, or they are closed to us
  }
  return [
    transcript,
    ...names.filter((name) => /^agent-.*\.jsonl$/.test(name)).map((name) => join(folder, name)),
  ];
}

function changedAt(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  } catch {
    return 0;
  }
}
