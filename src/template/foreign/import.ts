import { CwError } from '../../errors.js';
import type { ForeignFacts, ForeignFormat, Imported } from './model.js';
import { type DataMap, isDataMap, readYaml } from './read-yaml.js';
import { readSmug } from './smug.js';
import { readTeamocil } from './teamocil.js';
import { readTmuxifier } from './tmuxifier.js';
import { readTmuxinator } from './tmuxinator.js';
import { readTmuxp } from './tmuxp.js';

const readers: Readonly<Record<ForeignFormat, (source: string, facts: ForeignFacts) => Imported>> = {
  tmuxinator: readTmuxinator,
  tmuxp: readTmuxp,
  smug: readSmug,
  tmuxifier: readTmuxifier,
  teamocil: readTeamocil,
};

/**
 * Another manager's file as a template. Nothing of it is run.
 *
 * @param format null: told by what is in it.
 * @throws CwError `failed` for a file that cannot be read, or is none of those that are known.
 */
export function importForeign(source: string, format: ForeignFormat | null, facts: ForeignFacts): Imported {
  const text = source.replace(/^\ufeff/, '');
  // They stand for holes while a file is read.
  if (/[\ue000\ue001]/.test(text))
    throw new CwError(
      'failed',
      `${facts.label} holds private characters (U+E000, U+E001), which cw uses itself.`,
    );
  return readers[format ?? formatOf(text, facts)](text, facts);
}

/** The manager that a file is of, by its keys. */
export function formatOf(text: string, { label }: Pick<ForeignFacts, 'label'>): ForeignFormat {
  if (/\.sh$/.test(label) || /^\s*(new_window|initialize_session|window_root|session_root)\b/m.test(text))
    return 'tmuxifier';
  // ERB is no YAML, and only tmuxinator has it.
  if (/<%/.test(text)) return 'tmuxinator';
  const keys = readYaml(text, label);
  if ('session_name' in keys) return 'tmuxp';
  const windows = keys.windows ?? keys.tabs;
  const first = Array.isArray(windows) ? (windows[0] as DataMap | string | undefined) : undefined;
  if (isDataMap(first) && 'window_name' in first) return 'tmuxp';
  if (typeof keys.session === 'string') return 'smug';
  if (isDataMap(keys.session)) return 'teamocil';
  const named = isDataMap(first) && 'name' in first;
  if (named && ('root' in keys || 'before_start' in keys || 'env' in keys)) return 'smug';
  if (named) return 'teamocil';
  if (Array.isArray(windows)) return 'tmuxinator';
  throw new CwError('failed', `${label} is no file of a manager that cw knows.`, {
    hint: 'Say which it is: --from tmuxinator, tmuxp, smug, tmuxifier or teamocil.',
  });
}
