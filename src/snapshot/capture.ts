import { spoolVariable } from '../blueprint/facts.js';
import { type LayoutCell, parseLayout, printLayout } from '../blueprint/layout.js';
import type { Blueprint, Options, Pane, Variable, Window } from '../blueprint/model.js';
import { parsePaneRecord, parseWindowRecord } from '../blueprint/record.js';
import type { Connection } from '../tmux/connection.js';
import type * as tmux from '../tmux/reading.js';
import { readDetails, readServer } from '../tmux/reading.js';
import { sessionLabel } from '../workspace/find.js';

/** A workspace as it was at one moment, and the ids by which its parts can be asked further. */
export interface Captured {
  readonly blueprint: Blueprint;
  readonly session: tmux.Session;
  /** `%5` by the key of the pane. */
  readonly paneIds: ReadonlyMap<string, string>;
}

/** Reads one workspace; null when no session carries its id. */
export async function captureWorkspace(connection: Connection, id: string): Promise<Captured | null> {
  const reading = await readServer(connection);
  const index = indexReading(reading);
  const session = reading.sessions.find((candidate) => candidate.workspace === id);
  if (!session) return null;
  const windows = index.windows.get(session.id) ?? [];
  const details = await readDetails(connection, reading.version, {
    sessions: [session.id],
    windows: windows.map((window) => window.id),
    panes: windows.flatMap((window) => index.panesByWindow.get(window.id) ?? []).map((pane) => pane.id),
  });
  return capture(index, details, session);
}

/** A reading in the order in which it is asked, made once for all its sessions. */
export interface ReadingIndex {
  readonly reading: tmux.Reading;
  readonly sessions: ReadonlyMap<string, tmux.Session>;
  /** By session, in the order of their indexes. */
  readonly windows: ReadonlyMap<string, readonly tmux.Window[]>;
  /** By window, in the order of the layout's cells. */
  readonly panesByWindow: ReadonlyMap<string, readonly tmux.Pane[]>;
  readonly panes: ReadonlyMap<string, tmux.Pane>;
  /** The sessions that show a window. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
}

export function indexReading(reading: tmux.Reading): ReadingIndex {
  const byIndex = (a: { readonly index: number }, b: { readonly index: number }) => a.index - b.index;
  return {
    reading,
    sessions: new Map(reading.sessions.map((session) => [session.id, session])),
    windows: groups(reading.windows.toSorted(byIndex), (window) => window.session),
    panesByWindow: groups(reading.panes.toSorted(byIndex), (pane) => pane.window),
    panes: new Map(reading.panes.map((pane) => [pane.id, pane])),
    holders: new Map(
      [...groups(reading.windows, (window) => window.id)].map(([id, shown]) => [
        id,
        shown.map((window) => window.session),
      ]),
    ),
  };
}

function groups<T>(things: readonly T[], key: (thing: T) => string): Map<string, T[]> {
  const grouped = new Map<string, T[]>();
  for (const thing of things) {
    const group = grouped.get(key(thing));
    if (group) group.push(thing);
    else grouped.set(key(thing), [thing]);
  }
  return grouped;
}

/**
 * The blueprint of a session, as a pure function of one reading. It is the inverse of a plan: applied to a server,
 * a blueprint is captured as it was.
 *
 * null: nothing of it could be read any more (its windows ended meanwhile).
 */
export function capture(index: ReadingIndex, details: tmux.Details, session: tmux.Session): Captured | null {
  const { reading } = index;
  const own = index.windows.get(session.id) ?? [];
  const local = details.sessions.get(session.id);
  if (own.length === 0 || !local) return null;
  // The user may have raised base-index since: an index below it still gets an offset.
  const base = Math.min(reading.baseIndex, own[0]?.index ?? 0);
  const historyLimit = Number(local.options['history-limit'] ?? reading.historyLimit);
  const paneIds = new Map<string, string>();
  const keys = new Keys();
  const windowKeys = new Map<string, string>();
  const windows = own.map((window): Window => {
    const record = parseWindowRecord(window.mark ?? '');
    const key = keys.window(record?.key);
    windowKeys.set(window.id, key);
    const panes = index.panesByWindow.get(window.id) ?? [];
    const paneKeys = new Map<string, string>();
    const captured = panes.map((pane): Pane => {
      const made = capturePane(pane, details.panes.get(pane.id) ?? {}, historyLimit, keys, key);
      paneKeys.set(pane.id, made.key);
      paneIds.set(made.key, pane.id);
      return made;
    });
    const intended = intendedLayout(window, record);
    return {
      key,
      index: window.index - base,
      name: window.name,
      layout: intended.layout,
      size: intended.size,
      zoomed: window.zoomed,
      activePane: keyOf(panes.find((pane) => pane.active) ?? panes[0], paneKeys),
      lastPane:
        keyOf(
          panes.find((pane) => pane.last),
          paneKeys,
        ) || null,
      options: foreignOptions(details.windows.get(window.id) ?? {}),
      panes: captured,
      link: linkOf(window, index, session),
    };
  });
  const active = own.find((window) => window.active) ?? own[0];
  const last = own.find((window) => window.last);
  const size = sizeOf(local.options['default-size'], active);
  return {
    session,
    paneIds,
    blueprint: {
      id: session.workspace ?? session.id,
      name: sessionLabel(session.name),
      session: session.name,
      path: session.path ?? '',
      template: local.options['@cw_template'] || null,
      size,
      options: sessionOptions(local.options),
      environment: ownEnvironment(local.environment),
      group: session.group,
      hooks: hooksOf(local.options),
      windows,
      activeWindow: (active && windowKeys.get(active.id)) ?? '',
      lastWindow: (last && windowKeys.get(last.id)) ?? null,
    },
  };
}

function capturePane(
  pane: tmux.Pane,
  options: Options,
  historyLimit: number,
  keys: Keys,
  windowKey: string,
): Pane {
  const record = parsePaneRecord(pane.mark ?? '');
  return {
    key: keys.pane(record?.key, windowKey),
    role: record?.role ?? null,
    title: pane.title,
    cwd: pane.currentPath || record?.cwd || pane.startPath,
    shell: record?.shell ?? null,
    run: record?.run ?? null,
    startCommand: record ? record.startCommand : pane.startCommand || null,
    environment: record?.env ?? {},
    options: foreignOptions(options),
    historyLimit: pane.historyLimit === historyLimit ? null : pane.historyLimit,
    restart: record?.restart ?? 'never',
  };
}

/**
 * The layout that is meant: the recorded one while the window has another size than it was made for and still the
 * same cells (a narrow terminal squeezed it), else the one that is seen.
 */
function intendedLayout(
  window: tmux.Window,
  record: {
    readonly layout: string;
    readonly size: { readonly width: number; readonly height: number };
  } | null,
): { layout: string; size: { width: number; height: number } } {
  const cells = parseLayout(window.layout);
  const seen = { layout: numbered(cells), size: { width: window.width, height: window.height } };
  if (!record || (record.size.width === window.width && record.size.height === window.height)) return seen;
  try {
    const meant = parseLayout(record.layout);
    if (shape(meant) === shape(cells)) return { layout: record.layout, size: record.size };
  } catch {
    // A named layout, or one that another program wrote: what is seen is all that is known.
  }
  return seen;
}

/** The layout string with its panes counted from 0: their ids are another thing on each server, and tmux ignores them. */
function numbered(cells: LayoutCell): string {
  return printLayout(
    cells,
    shape(cells)
      .match(/\./g)
      ?.map((_, place) => place) ?? [],
  );
}

/** How the cells are nested, without their sizes; a dot is a pane. */
function shape(cell: LayoutCell): string {
  if (cell.kind === 'pane') return '.';
  return `${cell.kind}(${cell.children.map(shape).join('')})`;
}

/** A window that another workspace showed first is that one's. The members of a session group share all theirs. */
function linkOf(window: tmux.Window, index: ReadingIndex, session: tmux.Session): Window['link'] {
  if (session.group !== null) return null;
  const holders = index.holders.get(window.id) ?? [];
  if (holders.length < 2) return null;
  const number = (id: string) => Number(id.slice(1));
  const owner = holders
    .flatMap((id) => index.sessions.get(id) ?? [])
    .filter((other) => other.workspace !== null)
    .sort((a, b) => number(a.id) - number(b.id))[0];
  if (!owner || owner.id === session.id || owner.workspace === null) return null;
  return { workspace: owner.workspace, window: parseWindowRecord(window.mark ?? '')?.key ?? window.name };
}

/** Keys are unique in one blueprint, also when a window of another one was moved here with its record. */
class Keys {
  private readonly used = new Set<string>();

  window(wanted: string | undefined): string {
    return this.take(wanted, (n) => `w${n}`);
  }

  pane(wanted: string | undefined, window: string): string {
    return this.take(wanted, (n) => `${window}.p${n}`);
  }

  private take(wanted: string | undefined, name: (n: number) => string): string {
    let key = wanted;
    for (let n = 1; key === undefined || this.used.has(key); n += 1) key = name(n);
    this.used.add(key);
    return key;
  }
}

function keyOf(pane: tmux.Pane | undefined, keys: ReadonlyMap<string, string>): string {
  return (pane && keys.get(pane.id)) ?? '';
}

/** Options that are the user's: ours (`@cw_*`) are what the rest of the blueprint says. */
function foreignOptions(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !name.startsWith('@cw_')));
}

function sessionOptions(options: Options): Options {
  // `new-session -x -y` sets it; the blueprint has a field for it.
  const { 'default-size': _, ...rest } = foreignOptions(options);
  return rest;
}

function sizeOf(
  defaultSize: string | undefined,
  window: tmux.Window | undefined,
): { width: number; height: number } {
  const [width, height] = (defaultSize ?? '').split('x').map(Number);
  if (width && height) return { width, height };
  return { width: window?.width ?? 80, height: window?.height ?? 24 };
}

const hookNames = ['on_attach', 'on_detach', 'before_close', 'after_close'] as const;

function hooksOf(options: Options): Blueprint['hooks'] {
  const set = hookNames.flatMap((name) => {
    const command = options[`@cw_hook_${name}`];
    return command === undefined ? [] : [[name, command] as const];
  });
  return Object.fromEntries(set);
}

/**
 * tmux copies these from each client that attaches (`update-environment`): they are the terminal's, not the
 * workspace's, and the next terminal brings its own.
 */
const fromTheClient = new Set([
  'DISPLAY',
  'KRB5CCNAME',
  'MSYSTEM',
  'SSH_ASKPASS',
  'SSH_AUTH_SOCK',
  'SSH_AGENT_PID',
  'SSH_CONNECTION',
  'WINDOWID',
  'XAUTHORITY',
]);

function ownEnvironment(variables: readonly Variable[]): Variable[] {
  // An environment has no order: one by name lets equal ones be equal.
  return variables
    .filter(({ name }) => !fromTheClient.has(name) && name !== spoolVariable)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
