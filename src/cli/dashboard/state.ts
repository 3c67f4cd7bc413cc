import { agentsText, type History } from './columns.js';
import { type Counts, paneToShow, type Row, type Use } from './rows.js';
import { pushed } from './sparkline.js';

/** What the dashboard knows and shows, and what a key or a reading makes of it. Pure: whatever is to be done comes out as an effect. */

export interface State {
  /** In their order. */
  readonly rows: readonly Row[];
  readonly history: ReadonlyMap<string, History>;
  /** Of tmux, the disk, the daemon. */
  readonly shared: Counts;
  /** What is to say of the server where it is not well; null: it runs, or nothing was read yet. */
  readonly server: string | null;
  readonly isRead: boolean;
  /** The daemon tells what happens. */
  readonly live: boolean;
  readonly filter: string;
  /** The id of the row with the cursor. */
  readonly selected: string | null;
  /** The pane that is shown, where another one was chosen than the one that is shown by itself. */
  readonly pane: string | null;
  readonly preview: boolean;
  readonly mode: Mode;
  /** What is being done: `saving shop`. */
  readonly busy: string | null;
  readonly message: string | null;
}

export type Mode =
  | { readonly kind: 'list' }
  | { readonly kind: 'help' }
  | { readonly kind: 'filter' }
  /** A line for the agent in a pane is typed. */
  | { readonly kind: 'send'; readonly pane: string; readonly to: string; readonly text: string }
  /** Something asks before it is done. */
  | { readonly kind: 'question'; readonly question: string };

export type Effect =
  | { readonly do: 'quit' }
  | { readonly do: 'hop'; readonly row: Row }
  | { readonly do: 'save' | 'restore' | 'kill' | 'pin'; readonly row: Row }
  | { readonly do: 'send'; readonly pane: string; readonly text: string }
  | { readonly do: 'answer'; readonly yes: boolean };

/** A key that was pressed, or text that was typed or pasted. */
export type Key =
  | { readonly name: KeyName }
  /** Printable. */
  | { readonly name: 'text'; readonly text: string };

export type KeyName =
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'tab'
  | 'backspace'
  | 'clear'
  | 'interrupt';

export type Input =
  | { readonly kind: 'key'; readonly key: Key /** Rows that are seen at once. */; readonly page: number }
  | {
      readonly kind: 'survey';
      readonly rows: readonly Row[];
      readonly shared: Counts;
      readonly server: string | null;
    }
  | { readonly kind: 'use'; readonly use: ReadonlyMap<string, Use> }
  | { readonly kind: 'live'; readonly live: boolean }
  | { readonly kind: 'busy'; readonly what: string | null }
  | { readonly kind: 'message'; readonly text: string | null }
  | { readonly kind: 'question'; readonly question: string };

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const emptyState: State = {
  rows: [],
  history: new Map(),
  shared: { errors: 0, unknown: 0, warnings: 0 },
  server: null,
  isRead: false,
  live: false,
  filter: '',
  selected: null,
  pane: null,
  preview: true,
  mode: { kind: 'list' },
  busy: null,
  message: null,
};

/** Values that are kept of each workspace. */
const kept = 30;

export function reduce(state: State, input: Input): Step {
  switch (input.kind) {
    case 'survey': {
      const { rows, shared, server } = input;
      return only(reselected({ ...state, rows, shared, server, isRead: true }, state));
    }
    case 'use':
      return only(used(state, input.use));
    case 'live':
      return only({ ...state, live: input.live });
    case 'busy':
      return only({ ...state, busy: input.what });
    case 'message':
      return only({ ...state, message: input.text });
    case 'question':
      return only({ ...state, mode: { kind: 'question', question: input.question } });
    case 'key':
      return pressed(state, input.key, Math.max(1, input.page));
  }
}

function only(state: State): Step {
  return { state, effects: [] };
}

/** The rows that the filter lets through: each of its words is in the name or in what the agents do. */
export function shownRows({ rows, filter }: Pick<State, 'rows' | 'filter'>): readonly Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = `${row.name} ${row.state} ${row.pinned ? 'pinned' : ''} ${agentsText(row, 0)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function selectedRow(state: State): Row | null {
  return state.rows.find(({ id }) => id === state.selected) ?? null;
}

/** The pane that is shown of the row with the cursor. */
export function shownPane(state: State): Row['panes'][number] | null {
  const row = selectedRow(state);
  if (!row) return null;
  const wanted = row.panes.find(({ id }) => id === state.pane);
  return wanted ?? row.panes.find(({ id }) => id === paneToShow(row)) ?? null;
}

/** The cursor stays on its workspace; where that is gone, or not let through, on what stands in its place. */
function reselected(state: State, before: State): State {
  const shown = shownRows(state);
  if (shown.some(({ id }) => id === state.selected)) return state;
  const place = shownRows(before).findIndex(({ id }) => id === state.selected);
  const row = shown[Math.min(Math.max(0, place), shown.length - 1)];
  return { ...state, selected: row?.id ?? null, pane: null };
}

function used(state: State, use: ReadonlyMap<string, Use>): State {
  const history = new Map<string, History>();
  for (const { id } of state.rows) {
    const before = state.history.get(id);
    const now = use.get(id);
    if (!before && !now) continue;
    history.set(id, {
      cpu: pushed(before?.cpu ?? [], now?.cpu ?? null, kept),
      memory: pushed(before?.memory ?? [], now?.memory ?? null, kept),
    });
  }
  const rows = state.rows.map((row) => {
    const now = use.get(row.id);
    return now ? { ...row, use: now } : row;
  });
  return { ...state, rows, history };
}

function pressed(state: State, key: Key, page: number): Step {
  const { mode } = state;
  if (key.name === 'interrupt') return { state, effects: [{ do: 'quit' }] };
  switch (mode.kind) {
    case 'help':
      return only({ ...state, mode: { kind: 'list' } });
    case 'question':
      return answered(state, key);
    case 'filter':
      return filtering(state, key, page);
    case 'send':
      return typing(state, mode, key);
    case 'list':
      if (key.name === 'text' && [...key.text].length > 1) return hurried(state, key.text, page);
      return commanded({ ...state, message: null }, key, page);
  }
}

/**
 * Keys that came together. Moves and then one command were pressed quickly, and so was what follows a `/` or an `m`,
 * which is only typed; anything else is a paste, and no row of commands.
 */
function hurried(state: State, text: string, page: number): Step {
  const letters = [...text];
  const moving = letters.findIndex((letter) => !Object.hasOwn(moves, letter));
  const command = moving < 0 ? letters.length - 1 : moving;
  const rest = letters.slice(command + 1).join('');
  if (rest !== '' && letters[command] !== '/' && letters[command] !== 'm') return only(state);
  let step = only(state);
  for (const letter of letters.slice(0, command + 1))
    step = pressed(step.state, { name: 'text', text: letter }, page);
  // Where nobody is there to send to, nothing is typed.
  const isTyping = step.state.mode.kind === 'filter' || step.state.mode.kind === 'send';
  return rest !== '' && isTyping ? pressed(step.state, { name: 'text', text: rest }, page) : step;
}

function answered(state: State, key: Key): Step {
  const yes = key.name === 'text' && /^y$/i.test(key.text);
  const no =
    (key.name === 'text' && /^[nq]$/i.test(key.text)) || key.name === 'escape' || key.name === 'enter';
  if (!yes && !no) return only(state);
  return { state: { ...state, mode: { kind: 'list' } }, effects: [{ do: 'answer', yes }] };
}

function filtering(state: State, key: Key, page: number): Step {
  const to = (filter: string) => only(reselected({ ...state, filter }, state));
  switch (key.name) {
    case 'text':
      return to(state.filter + key.text);
    case 'backspace':
      return to([...state.filter].slice(0, -1).join(''));
    case 'clear':
      return to('');
    case 'enter':
      return only({ ...state, mode: { kind: 'list' } });
    case 'escape':
      return only(reselected({ ...state, filter: '', mode: { kind: 'list' } }, state));
    default:
      return commanded(state, key, page);
  }
}

function typing(state: State, mode: Extract<Mode, { kind: 'send' }>, key: Key): Step {
  const to = (text: string) => only({ ...state, mode: { ...mode, text } });
  switch (key.name) {
    case 'text':
      return to(mode.text + key.text);
    case 'backspace':
      return to([...mode.text].slice(0, -1).join(''));
    case 'clear':
      return to('');
    case 'escape':
      return only({ ...state, mode: { kind: 'list' } });
    case 'enter': {
      const done: State = { ...state, mode: { kind: 'list' } };
      if (mode.text.trim() === '') return only(done);
      return { state: done, effects: [{ do: 'send', pane: mode.pane, text: mode.text }] };
    }
    default:
      return only(state);
  }
}

const moves: Readonly<Record<string, KeyName>> = { j: 'down', k: 'up', g: 'home', G: 'end' };

function commanded(state: State, key: Key, page: number): Step {
  const name = key.name === 'text' ? (moves[key.text] ?? key.text) : key.name;
  switch (name) {
    case 'up':
      return only(moved(state, -1));
    case 'down':
      return only(moved(state, 1));
    case 'pageUp':
      return only(moved(state, -page));
    case 'pageDown':
      return only(moved(state, page));
    case 'home':
      return only(moved(state, Number.NEGATIVE_INFINITY));
    case 'end':
      return only(moved(state, Number.POSITIVE_INFINITY));
    case 'tab':
      return only(nextPane(state));
    case 'escape':
      return only(reselected({ ...state, filter: '' }, state));
    case 'q':
      return { state, effects: [{ do: 'quit' }] };
    case '?':
      return only({ ...state, mode: { kind: 'help' } });
    case '/':
      return only({ ...state, mode: { kind: 'filter' } });
    case ' ':
      return only({ ...state, preview: !state.preview });
    default:
      return onRow(state, name);
  }
}

function moved(state: State, by: number): State {
  const shown = shownRows(state);
  const place = shown.findIndex(({ id }) => id === state.selected);
  const row = shown[Math.min(Math.max(0, place + by), shown.length - 1)];
  if (!row || row.id === state.selected) return state;
  return { ...state, selected: row.id, pane: null };
}

function nextPane(state: State): State {
  const panes = selectedRow(state)?.panes ?? [];
  const place = panes.findIndex(({ id }) => id === shownPane(state)?.id);
  const next = panes[(place + 1) % panes.length];
  return next ? { ...state, pane: next.id, preview: true } : state;
}

/** The keys that do something with the row under the cursor. */
const doing = { enter: 'hop', s: 'save', r: 'restore', x: 'kill', p: 'pin', m: 'send' } as const;

function onRow(state: State, name: string): Step {
  const what = Object.hasOwn(doing, name) ? doing[name as keyof typeof doing] : null;
  const row = selectedRow(state);
  if (what === null || row === null) return only(state);
  const said = (message: string) => only({ ...state, message });
  // Going away waits for what is being done; everything else would be in its way.
  if (state.busy !== null) return said(`Still ${state.busy} ...`);
  const isOpen = row.state === 'open';
  switch (what) {
    case 'restore':
      if (isOpen)
        return said(
          `${row.name} is open. An earlier moment beside it: cw restore ${row.name} --at TIME --as NAME`,
        );
      break;
    case 'save':
    case 'kill':
      if (!isOpen) return said(`${row.name} is not open.`);
      break;
    case 'send': {
      const pane = shownPane(state);
      const agent = row.agents.find((one) => one.pane === pane?.id) ?? row.agents[0];
      if (!agent) return said(`No Claude runs in ${row.name}.`);
      const place = row.panes.find(({ id }) => id === agent.pane)?.place ?? agent.pane;
      return only({
        ...state,
        pane: agent.pane,
        mode: { kind: 'send', pane: agent.pane, to: `${row.name} ${place}`, text: '' },
      });
    }
  }
  return { state, effects: [{ do: what, row }] };
}
