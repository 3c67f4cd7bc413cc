import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CwError } from '../errors.js';
import { chooseEditor } from '../project/facts.js';
import { readTextIfAny } from '../system/files.js';
import { runInForeground } from '../system/foreground.js';
import { tildePath } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import { checkSettings, readSettingsFile, settingsPath } from '../system/settings.js';
import { replaceSettings } from '../system/settings-store.js';
import type { Context, Outcome } from './command.js';

/**
 * The user's settings in his editor: a copy is edited, checked, and takes the place of the file only when all of it is
 * right, or he wants it so.
 *
 * @throws CwError `usage` without a terminal, `refused` where the copy was not taken, with what is wrong.
 */
export async function editSettings(context: Context): Promise<Outcome> {
  const { env } = context;
  if (!context.terminal.interactive)
    throw new CwError('usage', 'An editor needs a terminal.', {
      hint: 'Without one: cw config set KEY VALUE',
    });
  const path = settingsPath(env);
  const shown = tildePath(path, env);
  const before = readTextIfAny(path);
  const folder = mkdtempSync(join(tmpdir(), 'cw-config-'));
  const draft = join(folder, 'config.json');
  try {
    writeFileSync(draft, before ?? '{\n}\n', { mode: 0o600 });
    for (;;) {
      const editor = chooseEditor(env, (name) => findProgram(name, env.PATH));
      // The editor's words may hold arguments; the file's name is one word, whatever it holds.
      const code = await runInForeground('sh', ['-c', `${editor} "$1"`, 'sh', draft], env);
      if (code !== 0)
        throw new CwError('failed', `The editor (${editor}) ended with code ${code}.`, {
          hint: 'Nothing was changed.',
        });
      const after = readFileSync(draft, 'utf8');
      if (after === (before ?? '{\n}\n'))
        return { data: { path, changed: false }, text: 'Nothing was changed.' };
      const wrong = faultsOf(draft);
      for (const fault of wrong) context.note(fault);
      if (wrong.length > 0) {
        if (await context.ask('Edit it again?', true)) continue;
        throw new CwError('refused', 'The settings are not right, and were not saved.', {
          hint: `${shown} is as it was.`,
        });
      }
      if (await replaceSettings(before, after, env))
        return { data: { path, changed: true }, text: `${shown} is saved, and holds at once.` };
      throw new CwError('refused', `${shown} was changed meanwhile by something else.`, {
        hint: 'Nothing was saved. Try again: cw config edit',
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function faultsOf(file: string): string[] {
  const { problems, unknown } = checkSettings(readSettingsFile(file));
  return [...problems, ...unknown.map((key) => `There is no setting "${key}" (cw config list has all).`)];
}
