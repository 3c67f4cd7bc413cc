import { CwError } from '../errors.js';
import { readTextIfAny } from '../system/files.js';
import { expandPath } from '../system/paths.js';
import type { Context } from './command.js';

/** What the verbs that write and read archives have in common. */

/** The passphrase of an archive that is written: asked twice, or from the file that CW_PASSPHRASE_FILE names. */
export async function newPassphrase(context: Context): Promise<string> {
  const given = passphraseFile(context);
  if (given !== null) return given;
  const first = await asked('Passphrase for the archive:', context);
  const second = await asked('The same again:', context);
  if (first === second) return first;
  throw new CwError('usage', 'The two passphrases differ.', { hint: 'Nothing was written. Try again.' });
}

/** The passphrase of an archive that is read. */
export async function passphraseOf(context: Context): Promise<string> {
  return passphraseFile(context) ?? (await asked('Passphrase of the archive:', context));
}

/** Not by an option or a variable: those are seen by whoever lists processes. */
function passphraseFile({ env, cwd }: Context): string | null {
  const name = env.CW_PASSPHRASE_FILE;
  if (!name) return null;
  const path = expandPath(name, cwd, env);
  const text = readTextIfAny(path)?.replace(/\r?\n$/, '');
  if (text) return text;
  throw new CwError('not-found', `${path} holds no passphrase.`, {
    hint: 'CW_PASSPHRASE_FILE names that file.',
  });
}

async function asked(question: string, { terminal }: Context): Promise<string> {
  if (!terminal.interactive) {
    throw new CwError('usage', 'A passphrase is needed, and there is no terminal to ask for it.', {
      hint: 'Put it into a file that only you can read, and name that in CW_PASSPHRASE_FILE.',
    });
  }
  const { askHidden } = await import('./ask.js');
  const answer = await askHidden(question);
  if (answer !== null) return answer;
  throw new CwError('usage', 'No passphrase was given.', { hint: 'Nothing was done.' });
}
