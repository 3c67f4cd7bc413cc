import { isCwError, messageOf } from '../../errors.js';
import type { Args, Command, Context, Outcome, Verb } from '../command.js';
import { verb as kill } from '../commands/kill.js';
import { verb as pin } from '../commands/pin.js';
import { verb as restore } from '../commands/restore.js';
import { verb as save } from '../commands/save.js';
import { verb as send } from '../commands/send.js';
import { attachArguments } from '../opening.js';
import { type Row, sinceOf } from './rows.js';
import type { Effect } from './state.js';

/** What the keys of the dashboard do goes through the verbs: what they refuse and ask is refused and asked here too. */

export type Deed = Extract<Effect, { do: 'save' | 'restore' | 'kill' | 'pin' | 'send' }>;

export interface Voice {
  ask(question: string): Promise<boolean>;
}

/** What is being done, for people. */
export function doingText(deed: Deed): string {
  if (deed.do === 'send') return 'sending';
  return (
    { save: 'saving', restore: 'bringing back', kill: 'closing', pin: 'pinning' }[deed.do] +
    ` ${deed.row.name}`
  );
}

/**
 * Does it.
 *
 * @returns what is to be said of it. Never throws: what went wrong is said too.
 */
export async function carryOut(deed: Deed, context: Context, voice: Voice): Promise<string> {
  const notes: string[] = [];
  const inner: Context = {
    env: context.env,
    json: false,
    terminal: context.terminal,
    get cwd() {
      return context.cwd;
    },
    settings: () => context.settings(),
    tmux: () => context.tmux(),
    note: (text) => void notes.push(text),
    // What the verb has to say before it asks belongs to the question.
    ask: (question) => voice.ask([...notes.splice(0), question].join('\n')),
  };
  try {
    const { text } = await run(deed, inner);
    return [...notes, ...(text ? [text] : [])].join('\n');
  } catch (error) {
    return [...notes, toldOf(error)].join('\n');
  }
}

/** What went wrong, and what to do. */
export function toldOf(error: unknown): string {
  const hint = isCwError(error) ? error.hint : undefined;
  return [messageOf(error), ...(hint ? [hint] : [])].join('\n');
}

function run(deed: Deed, context: Context): Promise<Outcome> {
  if (deed.do === 'send') return line(send, { positionals: { name: deed.pane, text: deed.text } }, context);
  const { name, pinned } = deed.row;
  switch (deed.do) {
    case 'save':
      return line(save, { rest: [name] }, context);
    case 'restore':
      return line(restore, { rest: [name] }, context);
    case 'kill':
      return line(kill, { rest: [name] }, context);
    case 'pin':
      return line(pin, { rest: [name], options: pinned ? { remove: true } : {} }, context);
  }
}

function line(verb: Verb, args: Partial<Args>, context: Context): Promise<Outcome> {
  return (verb as Command).run({ positionals: {}, rest: [], options: {}, afterDashes: [], ...args }, context);
}

/** How the terminal gets to an open workspace: to the pane of the agent that waits longest, where one does. */
export function wayTo(row: Row, context: Context): readonly string[] | null {
  const since = sinceOf(row, 'waiting');
  const agent = row.agents.find((one) => one.state === 'waiting' && one.since === since);
  const target = agent?.pane ?? row.session;
  return target === null ? null : attachArguments(target, context);
}
