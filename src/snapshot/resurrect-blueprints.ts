import { countPanes, parseLayout, printLayout, type Size } from '../blueprint/layout.js';
import type { Blueprint, Pane, Window } from '../blueprint/model.js';
import { messageOf } from '../errors.js';
import { sanitiseSessionName } from '../tmux/target.js';
import { sessionPrefix } from '../workspace/find.js';
import type { ResurrectSave, SavedGroupMember, SavedPane, SavedSession, SavedWindow } from './resurrect.js';
import { type CommandFacts, savedCommand } from './resurrect-command.js';

/** What is known of the world when a save becomes blueprints. */
export interface ImportFacts extends CommandFacts {
  readonly home: string;
  /** The user's base-index now; null where no server runs. */
  readonly baseIndex: number | null;
  /** For windows whose size was not saved. */
  readonly size: Size;
  /** A workspace id for the session of this name: the same one each time, so that a second import finds the first. */
  readonly idOf: (session: string) => string;
}

/** What a pane is to have beside its blueprint. */
export interface ImportedResume {
  readonly run: string | null;
  readonly typed: string | null;
  /** What it showed, with colours. */
  readonly text: string | null;
}

export interface ImportedPane {
  /** As it was called: `main:1.0`. */
  readonly label: string;
  readonly key: string;
  readonly folder: string;
  /** Why it is not as it was, for people. */
  readonly notes: readonly string[];
}

export interface ImportedSession {
  /** The name of the session that was saved. */
  readonly saved: string;
  /** The saved name of the session whose windows it shows; null: it has its own. */
  readonly shows: string | null;
  readonly blueprint: Blueprint;
  /** By the key of the pane. A session that shows the windows of another one has none. */
  readonly resumes: ReadonlyMap<string, ImportedResume>;
  readonly panes: readonly ImportedPane[];
  readonly notes: readonly string[];
}

export interface Imported {
  /** Sessions before those that show their windows. */
  readonly sessions: readonly ImportedSession[];
  readonly problems: readonly string[];
}

/**
 * The blueprints of a save, one a session. Their names are unique among themselves; whether tmux has one of that name
 * already is for whoever opens them.
 *
 * @param texts what panes showed, by `session:window.pane`
 */
export function toBlueprints(
  save: ResurrectSave,
  facts: ImportFacts,
  texts: ReadonlyMap<string, string> = new Map(),
): Imported {
  const problems = [...save.problems];
  const names = new Names();
  const lowest = Math.min(...save.sessions.flatMap(({ windows }) => windows.map(({ index }) => index)));
  // The indexes are to be what they were; where the user's base is not known, the lowest one stands for it.
  const base = Math.min(facts.baseIndex ?? lowest, lowest);
  const panesFrom = Math.min(
    ...save.sessions.flatMap(({ windows }) =>
      windows.flatMap(({ panes }) => panes.map(({ index }) => index)),
    ),
  );
  const groups = new Map<string, string>();
  for (const { original } of save.members) groups.set(original, `group-${sanitiseSessionName(original)}`);
  const sessions = save.sessions.map((session): ImportedSession => {
    const reader = new SessionReader(session, { base, panesFrom, facts, texts });
    return reader.read(names.take(session.name), groups.get(session.name) ?? null);
  });
  const members = save.members.flatMap((member) => {
    const original = sessions.find(({ saved }) => saved === member.original);
    if (original) return [memberOf(member, original, names.take(member.name), facts, base)];
    problems.push(
      `The session ${member.name} showed the windows of ${member.original}, which was not saved.`,
    );
    return [];
  });
  return { sessions: [...sessions, ...members], problems };
}

class Names {
  private readonly used = new Set<string>();

  take(saved: string): { name: string; session: string } {
    const plain = sanitiseSessionName(
      saved.startsWith(sessionPrefix) ? saved.slice(sessionPrefix.length) : saved,
    );
    let name = plain;
    for (let n = 2; this.used.has(name); n += 1) name = `${plain}-${n}`;
    this.used.add(name);
    return { name, session: sessionPrefix + name };
  }
}

interface Surroundings {
  readonly base: number;
  /** The lowest index of a pane in the save: the user's pane-base-index then. */
  readonly panesFrom: number;
  readonly facts: ImportFacts;
  readonly texts: ReadonlyMap<string, string>;
}

class SessionReader {
  private readonly resumes = new Map<string, ImportedResume>();
  private readonly panes: ImportedPane[] = [];
  private readonly notes: string[] = [];

  constructor(
    private readonly saved: SavedSession,
    private readonly around: Surroundings,
  ) {}

  read(names: { name: string; session: string }, group: string | null): ImportedSession {
    const { saved, around } = this;
    const path = this.projectPath();
    const windows = saved.windows.map((window, at) => this.window(window, `w${at + 1}`, path));
    const keyOf = (window: SavedWindow | undefined) => windows[saved.windows.indexOf(window!)]?.key ?? null;
    const active = saved.windows.find((window) => window.active) ?? saved.windows[0];
    const last = saved.windows.find((window) => window.last && window !== active);
    const activeKey = keyOf(active) ?? 'w1';
    const blueprint: Blueprint = {
      ...names,
      id: around.facts.idOf(saved.name),
      path,
      template: null,
      size: { ...(windows.find(({ key }) => key === activeKey)?.size ?? around.facts.size) },
      options: {},
      environment: [],
      group,
      hooks: {},
      windows,
      activeWindow: activeKey,
      lastWindow: keyOf(last),
    };
    const { resumes, panes, notes } = this;
    return { saved: saved.name, shows: null, blueprint, resumes, panes, notes };
  }

  /** The folder that most of its panes are in; of equals the first. */
  private projectPath(): string {
    const counts = new Map<string, number>();
    for (const pane of this.saved.windows.flatMap((window) => window.panes)) {
      const folder = this.folder(pane.folder);
      if (folder !== null) counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    const most = Math.max(0, ...counts.values());
    return [...counts].find(([, count]) => count === most)?.[0] ?? this.around.facts.home;
  }

  private folder(text: string): string | null {
    const { home } = this.around.facts;
    const path = text.replace(/^~(?=\/|$)/, home);
    return path.startsWith('/') ? path : null;
  }

  private window(saved: SavedWindow, key: string, path: string): Window {
    const label = `${this.saved.name}:${saved.index}`;
    const cells = this.layout(saved, label);
    const panes = this.all(saved, cells?.panes ?? 0, label).map((pane, at) =>
      this.pane(pane, `${key}.p${at + 1}`, `${label}.${pane.index}`, path),
    );
    const chosen = this.all(saved, cells?.panes ?? 0).findIndex((pane) => pane.active);
    return {
      key,
      index: saved.index - this.around.base,
      // tmux shows a backslash as two, and a blueprint's name is one that tmux shows.
      name: (saved.name ?? '').replaceAll('\\', '\\\\'),
      layout: cells?.layout ?? 'tiled',
      size: { ...(cells?.size ?? this.around.facts.size) },
      zoomed: saved.zoomed && panes.length > 1,
      activePane: panes[Math.max(0, chosen)]!.key,
      lastPane: null,
      options: automaticRename(saved),
      panes,
      link: null,
    };
  }

  private layout(saved: SavedWindow, label: string): { layout: string; size: Size; panes: number } | null {
    if (saved.layout === null) {
      this.notes.push(`The layout of the window ${label} was not saved: it is tiled.`);
      return null;
    }
    try {
      const root = parseLayout(saved.layout);
      const panes = countPanes(root);
      const numbers = Array.from({ length: panes }, (_, at) => at);
      return { layout: printLayout(root, numbers), size: { width: root.width, height: root.height }, panes };
    } catch (error) {
      this.notes.push(`The layout of the window ${label} cannot be used, it is tiled: ${messageOf(error)}`);
      return null;
    }
  }

  /** The window's panes, with a plain one for each cell of the layout whose pane's line is missing. */
  private all(saved: SavedWindow, cells: number, label?: string): readonly SavedPane[] {
    const { panes } = saved;
    if (panes.length >= Math.max(1, cells)) return panes;
    const from = Number.isFinite(this.around.panesFrom) ? this.around.panesFrom : 0;
    const places = Array.from({ length: Math.max(1, cells) }, (_, at) => from + at);
    const missing = places
      .filter((place) => !panes.some((pane) => pane.index === place))
      .slice(0, places.length - panes.length);
    if (label) {
      this.notes.push(
        `The window ${label} had ${places.length} panes, of which ${panes.length} were saved: the others are plain shells.`,
      );
    }
    const plain = missing.map((index): SavedPane => {
      return { index, title: null, folder: '', active: false, command: '', lines: [] };
    });
    return [...panes, ...plain].sort((a, b) => a.index - b.index);
  }

  private pane(saved: SavedPane, key: string, label: string, path: string): Pane {
    const cwd = this.folder(saved.folder);
    const { run, typed, note } = savedCommand(saved, this.around.facts);
    const text = this.around.texts.get(label) ?? null;
    if (run !== null || typed !== null || text !== null) this.resumes.set(key, { run, typed, text });
    const unknown = cwd === null ? [`Its folder was not saved: it is in ${path}.`] : [];
    const folder = cwd ?? path;
    this.panes.push({ label, key, folder, notes: [...unknown, ...(note === null ? [] : [note])] });
    return {
      key,
      role: null,
      title: saved.title ?? '',
      cwd: folder,
      shell: null,
      run: null,
      startCommand: null,
      environment: {},
      options: {},
      historyLimit: null,
      restart: 'never',
    };
  }
}

/**
 * Before v4 nothing says whether tmux named a window, or the user did. One that is called as its program is was named
 * by tmux; any other name is kept.
 */
function automaticRename({ automaticRename: value, name, panes }: SavedWindow): Record<string, string> {
  if (value === null) return {};
  if (value === 'on' || value === 'off') return { 'automatic-rename': value };
  const active = panes.find((pane) => pane.active) ?? panes[0];
  return name === null || name === active?.command ? {} : { 'automatic-rename': 'off' };
}

function memberOf(
  member: SavedGroupMember,
  original: ImportedSession,
  names: { name: string; session: string },
  facts: ImportFacts,
  base: number,
): ImportedSession {
  const { windows, ...rest } = original.blueprint;
  const keyAt = (index: number | null) =>
    windows.find((window) => index !== null && window.index === index - base)?.key ?? null;
  const activeWindow = keyAt(member.activeWindow) ?? rest.activeWindow;
  const last = keyAt(member.lastWindow);
  return {
    saved: member.name,
    shows: original.saved,
    blueprint: {
      ...rest,
      ...names,
      id: facts.idOf(member.name),
      windows,
      activeWindow,
      lastWindow: last === activeWindow ? null : last,
    },
    resumes: new Map(),
    panes: [],
    notes: [`It shows the windows of ${original.saved}.`],
  };
}
