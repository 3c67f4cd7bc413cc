import type { ServerFacts } from './facts.js';
import type { Blueprint } from './model.js';
import { createSteps } from './plan-create.js';
import { draft } from './plan-draft.js';
import { finishSteps } from './plan-finish.js';
import { looksSecret } from './secrets.js';
import type { Plan, Step, Word } from './step.js';

/**
 * The steps from what tmux has now to a new session that is what the blueprint says. Whatever cannot be had
 * (a folder that is gone, a window that was to be shared, ...) is replaced and told in `problems`; a plan is
 * always made.
 */
export function plan(blueprint: Blueprint, facts: ServerFacts): Plan {
  const made = draft(blueprint, facts);
  const create = createSteps(made);
  const finish = finishSteps(made);
  return { temporaryName: made.temporaryName, create, finish, problems: made.problems };
}

/** A plan for people, one line a step: what it is for, and the tmux command. Values that look secret are hidden. */
export function describePlan(plan: Plan): string[] {
  return [...plan.create, ...plan.finish].map(describeStep);
}

function describeStep(step: Step): string {
  const why = step.why.replace(controls, escaped);
  return `${why}: tmux ${hideSecrets(step.command).map(describeWord).join(' ')}`;
}

/** The values of variables are in `set-environment ... NAME VALUE`, in `-e NAME=VALUE`, and in the record of a pane. */
function hideSecrets(command: readonly Word[]): Word[] {
  const isSetting = command[0] === 'set-environment';
  return command.map((word, at) => {
    const before = command[at - 1];
    if (typeof word !== 'string' || typeof before !== 'string') return word;
    if (isSetting) return at === command.length - 1 && looksSecret(before, word) ? hidden : word;
    if (before === '@cw_pane') return hideInRecord(word);
    const [, name, value] = before === '-e' ? (/^([^=]+)=(.*)$/s.exec(word) ?? []) : [];
    return name !== undefined && value !== undefined && looksSecret(name, value) ? `${name}=${hidden}` : word;
  });
}

/** A pane's record is a JSON object that holds its variables under `env`. */
function hideInRecord(record: string): string {
  const { env, ...rest } = JSON.parse(record) as { env?: Record<string, string> };
  if (!env) return record;
  const shown = Object.entries(env).map(([name, value]) => [name, looksSecret(name, value) ? hidden : value]);
  return JSON.stringify({ ...rest, env: Object.fromEntries(shown) });
}

const hidden = '********';

function describeWord(word: Word): string {
  if (typeof word !== 'string' && 'ref' in word) return `<${word.ref}>`;
  const text = typeof word === 'string' ? word : word.literal;
  if (text.search(controls) >= 0) return `$'${text.replace(/[\\']/g, '\\$&').replace(controls, escaped)}'`;
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// One line a step, and no escape sequence for the terminal, whatever a name holds.
const controls = /[\x00-\x1f\x7f-\x9f]/g;

function escaped(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
