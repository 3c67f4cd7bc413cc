import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Conf from 'conf';
import { CwError, messageOf } from '../errors.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from './files.js';
import { withLock } from './lock.js';
import { stateFolder } from './paths.js';
import { readSettingsFile, type SettingKey, settingsPath } from './settings.js';

/**
 * Changes one setting in the user's file; `undefined` takes it out, so that its default holds again. What else is in
 * the file stays as it is. The file is replaced whole, and two who change it at once take turns.
 *
 * @throws CwError `failed` when the file that is there cannot be read: it is not overwritten.
 */
export async function storeSetting(key: SettingKey, value: unknown, env: NodeJS.ProcessEnv): Promise<void> {
  const path = settingsPath(env);
  await withLock(join(stateFolder(env), 'locks', 'settings'), () => {
    const content = readSettingsFile(path);
    if (typeof content.unreadable === 'string') {
      throw new CwError('failed', `${path} cannot be read: ${content.unreadable}.`, {
        hint: 'Mend it, or move it away. Nothing was changed.',
      });
    }
    ensurePrivateFolder(dirname(path));
    try {
      const store = new Conf({
        cwd: dirname(path),
        configName: 'config',
        configFileMode: 0o600,
        // Keys hold dots that mean nothing to JSON.
        accessPropertiesByDotNotation: false,
      });
      if (value === undefined) store.delete(key);
      else store.set(key, value);
    } catch (cause) {
      throw new CwError('failed', `${path} could not be written: ${messageOf(cause)}.`, {
        hint: 'Nothing was changed.',
        cause,
      });
    }
  });
}

/**
 * Replaces the whole text of the settings.
 *
 * @param before what the change was made of; null: there was no file.
 * @returns false when something else is there by now: nothing was written.
 */
export async function replaceSettings(
  before: string | null,
  after: string,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const path = settingsPath(env);
  return withLock(join(stateFolder(env), 'locks', 'settings'), () => {
    if (readTextIfAny(path) !== before) return false;
    ensurePrivateFolder(dirname(path));
    writeFileAtomic(existsSync(path) ? realpathSync(path) : path, after);
    return true;
  });
}
