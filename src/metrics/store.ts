import { appendFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { Days } from './accumulate.js';
import { type Day, type DayOfWorkspace, dayOf, type Talk } from './model.js';

/**
 * The files of the metrics, in the state folder of their tmux server: one for each day, which is replaced as a whole,
 * so that whatever kills us leaves the one before; and a log of restores, to which whoever restores appends.
 */
export class MetricsStore {
  private readonly folder: string;

  /** @param registryFolder that of the tmux server (`Registry.folder`). */
  constructor(registryFolder: string) {
    this.folder = join(registryFolder, 'metrics');
  }

  /** The names of the days that there are, the oldest first. */
  days(): string[] {
    try {
      return readdirSync(this.folder)
        .flatMap((name) => /^(\d{4}-\d\d-\d\d)\.json$/.exec(name)?.[1] ?? [])
        .sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /** Empty where there is nothing of it, or nothing that can be read. */
  read(day: string): Day {
    return parseDay(readTextIfAny(this.path(day)) ?? '');
  }

  write(days: Days): void {
    ensurePrivateFolder(this.folder);
    for (const [name, day] of Object.entries(days)) writeFileAtomic(this.path(name), printDay(day));
  }

  /** Takes away what is older than a year. */
  prune(now: number): void {
    const date = new Date(now);
    const first = dayOf(new Date(date.getFullYear() - 1, date.getMonth(), date.getDate(), 12));
    for (const day of this.days()) if (day < first) rmSync(this.path(day), { force: true });
  }

  noteRestore(workspace: string, name: string, at: number): void {
    ensurePrivateFolder(this.folder);
    const log = join(this.folder, 'restores.jsonl');
    if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > logBytes)
      renameSync(log, join(this.folder, 'restores.1.jsonl'));
    // A crash may have left a line without its end: this one begins anew.
    appendFileSync(log, `\n${JSON.stringify({ at: new Date(at).toISOString(), workspace, name })}\n`, {
      mode: 0o600,
    });
  }

  /** The restores of a day, by workspace. */
  restores(day: string): Map<string, { readonly name: string; readonly count: number }> {
    const found = new Map<string, { name: string; count: number }>();
    for (const file of ['restores.1.jsonl', 'restores.jsonl']) {
      for (const line of (readTextIfAny(join(this.folder, file)) ?? '').split('\n')) {
        const value = parse(line);
        if (!isObject(value)) continue;
        const { at, workspace, name } = value;
        if (typeof at !== 'string' || typeof workspace !== 'string' || typeof name !== 'string') continue;
        const time = Date.parse(at);
        if (Number.isNaN(time) || dayOf(time) !== day) continue;
        found.set(workspace, { name, count: (found.get(workspace)?.count ?? 0) + 1 });
      }
    }
    return found;
  }

  private path(day: string): string {
    return join(this.folder, `${day}.json`);
  }
}

const logBytes = 128 * 1024;

export function printDay(day: Day): string {
  return `${JSON.stringify({ format: 1, workspaces: day })}\n`;
}

/** What of it can be read; anything else is left out, and never throws. */
export function parseDay(text: string): Day {
  const value = parse(text);
  if (!isObject(value) || value.format !== 1 || !isObject(value.workspaces)) return {};
  return Object.fromEntries(
    Object.entries(value.workspaces).flatMap(([id, one]) => (isObject(one) ? [[id, workspaceOf(one)]] : [])),
  );
}

function workspaceOf(value: Record<string, unknown>): DayOfWorkspace {
  const health = isObject(value.health) ? value.health : {};
  return {
    name: typeof value.name === 'string' ? value.name : '?',
    open: amount(value.open),
    attached: amount(value.attached),
    working: amount(value.working),
    waiting: amount(value.waiting),
    saves: amount(value.saves),
    restores: amount(value.restores),
    health: { ok: amount(health.ok), warning: amount(health.warning), error: amount(health.error) },
    talk: Object.fromEntries(
      Object.entries(isObject(value.talk) ? value.talk : {}).flatMap(([id, one]) =>
        isObject(one) ? [[id, talkOf(one)]] : [],
      ),
    ),
  };
}

function talkOf({ turns, tokens, dollars }: Record<string, unknown>): Talk {
  return { turns: amount(turns), tokens: amount(tokens), dollars: dollars === null ? null : amount(dollars) };
}

function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
