import { CwError } from '../errors.js';
import { previewLines } from '../integration/preview.js';
import { applyChange, planPut, planTake, readUserFile, type UserEdit } from '../integration/user-file.js';
import { tildePath } from '../system/paths.js';
import type { Context, OptionSpec, Outcome } from './command.js';
import { indent, visible } from './output.js';

/** How the verbs of `cw init` change a file of the user's: shown first, asked, written, with an undo. */

export const changingOptions: Readonly<Record<'print' | 'remove' | 'yes', OptionSpec>> = {
  print: { type: 'boolean', describe: 'Print what would be added, change nothing.' },
  remove: { type: 'boolean', describe: 'Take it out again.' },
  yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
};

export interface Changing {
  readonly path: string;
  readonly edit: UserEdit;
  /** The rights of a new file; 0600 when not given. */
  readonly mode?: number;
  /** What of ours it is: `hooks`. */
  readonly what: string;
  /** The line that does it, for hints: `cw init claude --project`. */
  readonly line: string;
  readonly remove: boolean;
  readonly yes: boolean;
  /** Remarks on what is to be written, before the question. */
  readonly remarks?: () => Promise<readonly string[]>;
  /** What is said once it is written, or out again. */
  readonly afterwards?: string;
}

/**
 * Changes one file, or says that it is so already. What changed while the question stood is asked again.
 *
 * @throws CwError `refused` without a yes, and for files that may not or must not be written.
 */
export async function changeUserFile(changing: Changing, context: Context): Promise<Outcome> {
  const { path, edit, what, line, remove, yes, afterwards } = changing;
  const { env } = context;
  const shown = tildePath(path, env);
  const are = what.endsWith('s') ? 'are' : 'is';
  for (let again = false; ; again = true) {
    const file = readUserFile(path, changing.mode);
    const change = remove ? planTake(file, edit, env) : planPut(file, edit);
    if (change.after === file.text) {
      const text = remove
        ? `There ${are} no ${what} of cw in ${shown}.`
        : `The ${what} ${are} in ${shown} already.`;
      return { data: { path, changed: false }, text };
    }
    const target = file.target === path ? '' : `, a link to ${tildePath(file.target, env)}`;
    const will =
      change.after === null
        ? 'This file will be removed'
        : `This will ${file.text === null ? 'be written' : 'change'}`;
    if (again) context.note('The file was changed meanwhile: nothing was written yet.');
    context.note(`${will}: ${shown}${target}\n${indent(previewLines(change).map(visible).join('\n'))}`);
    if (!remove) for (const remark of (await changing.remarks?.()) ?? []) context.note(remark);
    if (!yes) {
      if (!context.terminal.interactive)
        throw new CwError('refused', `Changing ${shown} needs a yes.`, {
          hint: `Nothing was written. Without a terminal: ${line} ${remove ? '--remove ' : ''}--yes`,
        });
      if (!(await context.ask('Write it?')))
        return { data: { path, changed: false }, text: 'Nothing was written.' };
    }
    if (!applyChange(change, edit, env)) continue;
    const done = remove ? `The ${what} ${are} out of ${shown}.` : `The ${what} ${are} in ${shown}.`;
    return {
      data: { path, changed: true },
      text: [done, ...(afterwards ? [afterwards] : []), ...(remove ? [] : [`Undo: ${line} --remove`])].join(
        '\n',
      ),
    };
  }
}

/** @throws CwError `usage` for options that exclude each other. */
export function checkChanging(options: Readonly<Record<string, unknown>>): void {
  if (options.print && options.remove)
    throw new CwError('usage', 'Both --print and --remove were given.', { hint: 'Give one of them.' });
}
