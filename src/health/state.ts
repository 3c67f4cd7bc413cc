import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { HealthFinding } from './finding.js';
import type { Told, ToldBefore } from './notices.js';
import type { RestartKept, RestartSeen } from './restarts.js';

/**
 * What the daemon keeps of health in the state folder of its tmux server: the last findings, what was told of them,
 * which programs it starts again, and a history of what changed. All of it can be lost: the next look makes it anew.
 */

/** The last look of the daemon. */
export interface LatestHealth {
  /** UTC, ISO 8601. */
  readonly at: string;
  /** What was not ok. */
  readonly findings: readonly HealthFinding[];
  readonly told: ToldBefore;
}

/** A line of the history: what became worse or better since the look before. */
export interface HealthChange {
  readonly at: string;
  readonly errors: number;
  readonly warnings: number;
  readonly unknown: number;
  readonly began: readonly Pick<HealthFinding, 'workspace' | 'id' | 'level' | 'subject' | 'message'>[];
  readonly ended: readonly Pick<HealthFinding, 'workspace' | 'id' | 'level' | 'subject' | 'message'>[];
}

/** Bytes of a file of the history; the one before it is kept beside it. */
const historyBytes = 256 * 1024;

export class HealthState {
  private readonly folder: string;

  /** @param registryFolder that of the tmux server (`Registry.folder`). */
  constructor(registryFolder: string) {
    this.folder = join(registryFolder, 'health');
  }

  /** null: the daemon has not looked yet, or what it kept does not read. */
  latest(): LatestHealth | null {
    const value = readJson(join(this.folder, 'latest.json'));
    if (!isObject(value) || typeof value.at !== 'string' || !Array.isArray(value.findings)) return null;
    return {
      at: value.at,
      findings: value.findings.filter(isFinding),
      told: Object.fromEntries(
        Object.entries(isObject(value.told) ? value.told : {}).filter((entry): entry is [string, Told] =>
          isTold(entry[1]),
        ),
      ),
    };
  }

  /** Keeps what was found, and adds to the history what changed. */
  record(at: string, findings: readonly HealthFinding[], told: ToldBefore): void {
    ensurePrivateFolder(this.folder);
    const before = this.latest()?.findings ?? [];
    const bad = findings.filter(({ level }) => level !== 'ok');
    const change = changeOf(at, before, bad);
    writeFileAtomic(join(this.folder, 'latest.json'), `${JSON.stringify({ at, findings: bad, told })}\n`);
    if (change.began.length + change.ended.length > 0) this.append(change);
  }

  /** The newest last. Lines that do not read (the disk was full) are passed over. */
  history(): HealthChange[] {
    return ['history.1.jsonl', 'history.jsonl'].flatMap((name) =>
      (readTextIfAny(join(this.folder, name)) ?? '').split('\n').flatMap((line) => {
        const value = parse(line);
        return isChange(value) ? [value] : [];
      }),
    );
  }

  /** Programs that the daemon starts again, by `restartName`. */
  restarts(): Map<string, RestartSeen> {
    const value = readJson(join(this.folder, 'restarts.json'));
    return new Map(
      Object.entries(isObject(value) ? value : {}).filter((entry): entry is [string, RestartSeen] =>
        isRestart(entry[1]),
      ),
    );
  }

  /** The same, and those that run again and have been started so often; for the next daemon. */
  keptRestarts(): Map<string, RestartKept> {
    const value = readJson(join(this.folder, 'restarts.json'));
    return new Map(
      Object.entries(isObject(value) ? value : {}).filter((entry): entry is [string, RestartKept] =>
        isKept(entry[1]),
      ),
    );
  }

  recordRestarts(restarts: ReadonlyMap<string, RestartKept>): void {
    ensurePrivateFolder(this.folder);
    writeFileAtomic(join(this.folder, 'restarts.json'), `${JSON.stringify(Object.fromEntries(restarts))}\n`);
  }

  private append(change: HealthChange): void {
    const file = join(this.folder, 'history.jsonl');
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > historyBytes)
      renameSync(file, join(this.folder, 'history.1.jsonl'));
    appendFileSync(file, `${JSON.stringify(change)}\n`, { mode: 0o600 });
  }
}

/** What is other than before, by what was looked at and its level. The words may hold numbers that move all the time. */
export function changeOf(
  at: string,
  before: readonly HealthFinding[],
  now: readonly HealthFinding[],
): HealthChange {
  const name = ({ workspace, id, subject, level }: HealthFinding) => `${workspace} ${id} ${subject} ${level}`;
  const [old, present] = [new Set(before.map(name)), new Set(now.map(name))];
  const brief = ({ workspace, id, level, subject, message }: HealthFinding) => ({
    workspace,
    id,
    level,
    subject,
    message,
  });
  const levels = (level: HealthFinding['level']) => now.filter((finding) => finding.level === level).length;
  return {
    at,
    errors: levels('error'),
    warnings: levels('warning'),
    unknown: levels('unknown'),
    began: now.filter((finding) => !old.has(name(finding))).map(brief),
    ended: before.filter((finding) => !present.has(name(finding))).map(brief),
  };
}

function readJson(path: string): unknown {
  return parse(readTextIfAny(path) ?? '');
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

function isFinding(value: unknown): value is HealthFinding {
  return (
    isObject(value) &&
    [value.id, value.level, value.subject, value.message].every((field) => typeof field === 'string')
  );
}

function isTold(value: unknown): value is Told {
  return (
    isObject(value) &&
    (value.level === 'warning' || value.level === 'error') &&
    typeof value.message === 'string'
  );
}

function isChange(value: unknown): value is HealthChange {
  return (
    isObject(value) &&
    typeof value.at === 'string' &&
    Array.isArray(value.began) &&
    Array.isArray(value.ended)
  );
}

function isRestart(value: unknown): value is RestartSeen {
  return isKept(value) && value.state !== 'runs';
}

function isKept(value: unknown): value is RestartKept {
  return (
    isObject(value) &&
    (value.state === 'waits' || value.state === 'gave-up' || value.state === 'runs') &&
    typeof value.times === 'number' &&
    typeof value.byHand === 'boolean'
  );
}
