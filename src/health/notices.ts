import type { HealthFinding } from './finding.js';

/** What was told of a finding, and when. */
export interface Told {
  readonly level: 'warning' | 'error';
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly id: string;
  readonly workspace: string | null;
  readonly subject: string;
  readonly message: string;
}

/** By the key of a finding. */
export type ToldBefore = Readonly<Record<string, Told>>;

/** Something to tell the user: once when it gets worse, once when it is well again. */
export interface HealthNotice {
  /** The same for both. */
  readonly key: string;
  readonly level: 'warning' | 'error' | 'well';
  readonly title: string;
  readonly text: string;
  /** The workspace's name; null: it is of none. */
  readonly workspace: string | null;
}

/** A finding by where it is and what was looked at. */
export function keyOf({ workspace, id, subject }: HealthFinding): string {
  return `health ${workspace ?? '-'} ${id} ${subject}`;
}

/**
 * What a user who does something else wants to hear of. Work that is not committed is no news, an agent that waits is
 * told of when it begins to, and what only reads as a number can wait for the next look.
 */
export function isNews({ id, level }: Pick<HealthFinding, 'id' | 'level'>): boolean {
  if (id.startsWith('agents.') || id.startsWith('git.')) return false;
  return level === 'error' || (level === 'warning' && news.has(id));
}

const news = new Set([
  'panes.dead',
  'programs.running',
  'saved.snapshot',
  'claude.expiring',
  'use.memory',
  'tmux.memory',
  'state.disk',
  'daemon.saves',
]);

/**
 * Compares findings with what was told before.
 *
 * A check that could not be made says nothing either way: what was told of it stays. Of a workspace that is closed
 * nothing is told any more.
 */
export function newNotices(
  before: ToldBefore,
  findings: readonly HealthFinding[],
  now: string,
): { readonly told: ToldBefore; readonly notices: readonly HealthNotice[] } {
  const told: Record<string, Told> = {};
  const notices: HealthNotice[] = [];
  for (const finding of findings.filter(isNews)) {
    const key = keyOf(finding);
    if (key in told) continue;
    const { id, workspace, subject, message } = finding;
    const level = finding.level === 'error' ? 'error' : 'warning';
    const old = before[key];
    const isWorse = !old || (old.level === 'warning' && level === 'error');
    told[key] = isWorse ? { level, at: now, id, workspace, subject, message } : { ...old, level };
    if (isWorse) notices.push(noticeOf(key, told[key], level, message));
  }
  const open = new Set(findings.map((finding) => finding.workspace));
  const unsure = findings.filter(({ level }) => level === 'unknown');
  for (const [key, old] of Object.entries(before)) {
    if (key in told || !open.has(old.workspace)) continue;
    if (unsure.some(({ workspace, id }) => workspace === old.workspace && id === old.id)) told[key] = old;
    else notices.push(noticeOf(key, old, 'well', `well again (${old.message})`));
  }
  return { told, notices };
}

function noticeOf(key: string, told: Told, level: HealthNotice['level'], message: string): HealthNotice {
  const { workspace, subject } = told;
  const title = workspace ?? 'cw';
  return { key, level, title, text: subject === title ? message : `${subject}: ${message}`, workspace };
}
