import type { NoticeKind } from '../system/settings.js';

/** What the user is told, when, and when not. Pure: channels are in `notify-channels.ts`. */

/** Something that the user may want to know at once. */
export interface Notice {
  /** What it is about: `agent %5`, `health disk`. A newer one takes the place of an older one of the same key. */
  readonly key: string;
  readonly kind: NoticeKind;
  readonly level: NoticeLevel;
  /** One line, complete in itself. Foreign text may stand in it. */
  readonly title: string;
  /** More, or nothing. */
  readonly text: string;
  /** The workspace's name. */
  readonly workspace: string | null;
  /** `%5`: the pane that it is about. */
  readonly pane: string | null;
}

export type NoticeLevel = 'info' | 'warning' | 'error';

/** Milliseconds between two notices of one key. */
export const keyGap = 20_000;
/** So many are told within `span` milliseconds, in all. */
export const most = 6;
export const span = 60_000;
/** Milliseconds since the last key in a terminal for which what it shows counts as seen. */
const seenFor = 60_000;

/** What was told, and what waits for its time. Times are milliseconds since 1970. */
export interface Told {
  /** When each key was told last. */
  readonly keys: ReadonlyMap<string, number>;
  readonly recent: readonly number[];
  /** The newest of each key that came too soon. */
  readonly held: ReadonlyMap<string, Notice>;
}

export const nothingTold: Told = { keys: new Map(), recent: [], held: new Map() };

export interface Decision {
  /** To be told now, the worst first. */
  readonly tell: readonly Notice[];
  readonly told: Told;
  /** When to decide again, though nothing new comes; null: nothing is held. */
  readonly dueAt: number | null;
}

/**
 * Decides what is told now. What the user sees anyway is dropped; what comes too soon is held, and told when its time
 * has come, unless something newer of its key has come by then. What does not fit among the few that are told in a
 * minute is joined into one.
 *
 * @param seen the panes that the user has before his eyes.
 */
export function decide(
  before: Told,
  fresh: readonly Notice[],
  now: number,
  about: { readonly on: readonly NoticeKind[]; readonly seen: ReadonlySet<string> },
): Decision {
  const waiting = new Map(before.held);
  for (const notice of fresh) {
    waiting.delete(notice.key); // it stands last again
    waiting.set(notice.key, notice);
  }
  for (const { key, kind, pane } of waiting.values())
    if (!about.on.includes(kind) || (pane !== null && about.seen.has(pane))) waiting.delete(key);

  // A clock that was set back must not silence anything.
  const isWithin = (at: number, time: number) => at <= now && now - at < time;
  const keys = new Map([...before.keys].filter(([, at]) => isWithin(at, keyGap)));
  const recent = before.recent.filter((at) => isWithin(at, span));
  const ripe = worstFirst([...waiting.values()].filter(({ key }) => !keys.has(key)));
  const room = most - recent.length;
  const told = room > 0 ? ripe : [];
  const tell = told.length <= room ? told : [...told.slice(0, room - 1), joined(told.slice(room - 1))];
  for (const { key } of told) {
    waiting.delete(key);
    keys.set(key, now);
  }
  recent.push(...tell.map(() => now));
  return { tell, told: { keys, recent, held: waiting }, dueAt: dueAt(waiting, keys, recent) };
}

function dueAt(
  held: ReadonlyMap<string, Notice>,
  keys: ReadonlyMap<string, number>,
  recent: readonly number[],
): number | null {
  if (held.size === 0) return null;
  const first = Math.min(...[...held.keys()].map((key) => (keys.has(key) ? keys.get(key)! + keyGap : 0)));
  const free = recent.length < most ? 0 : Math.min(...recent) + span;
  return Math.max(first, free);
}

/** Without what has become untrue meanwhile: an agent that waited works again. */
export function withdraw(told: Told, keys: readonly string[]): Told {
  if (!keys.some((key) => told.held.has(key))) return told;
  return { ...told, held: new Map([...told.held].filter(([key]) => !keys.includes(key))) };
}

const levels: readonly NoticeLevel[] = ['error', 'warning', 'info'];

function worstFirst(notices: readonly Notice[]): Notice[] {
  return [...notices].sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

const words: Readonly<Record<NoticeKind, string>> = {
  waiting: 'waiting',
  finished: 'finished',
  failed: 'failed',
  context: 'nearly full',
  retention: 'on transcripts',
  health: 'on health',
};

/** Many as one, which has the level, the kind and the pane of the worst. */
function joined(notices: readonly Notice[]): Notice {
  const [worst] = notices;
  if (!worst || notices.length === 1) return worst!;
  const counts = new Map<NoticeKind, number>();
  for (const { kind } of notices) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].map(([kind, count]) => `${count} ${words[kind]}`);
  const shown = notices.slice(0, 8).map(({ title }) => title);
  const rest = notices.length - shown.length;
  return {
    ...worst,
    key: 'many',
    title: `${notices.length} more: ${parts.join(', ')} (cw agents)`,
    text: [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n'),
    workspace: null,
  };
}

/** The panes before the user's eyes: those that a terminal shows in which a key was pressed lately. */
export function seenPanes(
  views: readonly { readonly activity: number; readonly panes: readonly string[] }[],
  now: number,
): Set<string> {
  return new Set(
    views.filter(({ activity }) => now - activity * 1000 < seenFor).flatMap(({ panes }) => panes),
  );
}
