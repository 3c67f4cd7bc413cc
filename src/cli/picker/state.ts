import type { Choice, Search } from './choices.js';
import type { Key } from './keys.js';

/** What the picker shows, as data; what a key makes of it is a pure function. */
export interface State {
  readonly query: string;
  readonly matches: readonly Choice[];
  /** The place of the chosen one in `matches`. */
  readonly at: number;
  readonly view: 'list' | 'help' | 'confirm';
  /** A line at the bottom in place of the keys: a question, or what was done. */
  readonly message: string | null;
}

export type Wish = 'open' | 'leave' | 'kill' | 'killed' | 'pin' | 'save';

export interface Step {
  readonly state: State;
  /** What is to be done with the chosen one. */
  readonly wish: Wish | null;
}

export function begin(search: Search): State {
  return { query: '', matches: search.find(''), at: 0, view: 'list', message: null };
}

/** @param page lines of the list. */
export function step(state: State, key: Key, search: Search, page: number): Step {
  const stay = (changes: Partial<State> = {}): Step => ({
    state: { ...state, message: null, ...changes },
    wish: null,
  });
  if (state.view === 'confirm') {
    const isYes = key.kind === 'text' && /^y$/i.test(key.text);
    return { state: { ...state, view: 'list', message: null }, wish: isYes ? 'killed' : null };
  }
  if (state.view === 'help') return stay({ view: 'list' });
  const asked = (query: string) => stay({ query, matches: search.find(query), at: 0 });
  const moved = (by: number) => stay({ at: Math.max(0, Math.min(state.matches.length - 1, state.at + by)) });
  const wish = (what: Wish): Step => ({ state: { ...state, message: null }, wish: what });
  switch (key.kind) {
    case 'text':
      return key.text === '?' ? stay({ view: 'help' }) : asked(state.query + key.text);
    case 'erase':
      return asked([...state.query].slice(0, -1).join(''));
    case 'erase-word':
      return asked(state.query.replace(/\S*\s*$/, ''));
    case 'clear':
      return asked('');
    case 'up':
      return moved(-1);
    case 'down':
      return moved(1);
    case 'page-up':
      return moved(-page);
    case 'page-down':
      return moved(page);
    case 'first':
      return moved(-state.matches.length);
    case 'last':
      return moved(state.matches.length);
    case 'help':
      return stay({ view: 'help' });
    case 'leave':
      return wish('leave');
    case 'enter':
      return state.matches.length > 0 ? wish('open') : stay();
    case 'kill':
    case 'pin':
    case 'save':
      return state.matches.length > 0 ? wish(key.kind) : stay();
  }
}

/** The state over other choices, with the same text, and the same one chosen where it is still there. */
export function refreshed(state: State, search: Search): State {
  const matches = search.find(state.query);
  const name = state.matches[state.at]?.name;
  const at = matches.findIndex((choice) => choice.name === name);
  return { ...state, matches, at: at < 0 ? Math.max(0, Math.min(state.at, matches.length - 1)) : at };
}
