import { resolve } from 'node:path';
import { nearest } from '../../blueprint/suggest.js';
import { CwError } from '../../errors.js';
import { isFolder } from '../../system/files.js';
import { expandPath, homeFolder, tildePath } from '../../system/paths.js';
import {
  checkSettings,
  defaultSettings,
  expected,
  isSettingKey,
  readSettingsFile,
  type SettingKey,
  settingsPath,
} from '../../system/settings.js';
import { describeSetting, settingKeys, valueFromWords } from '../../system/settings-schema.js';
import type { Command, Context, PositionalSpec, Verb } from '../command.js';
import { glossary, table } from '../output.js';

const keyWord: PositionalSpec = {
  name: 'key',
  completes: 'setting',
  describe: 'The setting.',
  required: true,
};

const list: Command = {
  name: 'config list',
  summary: 'All settings with their values, their defaults, and what they are for.',
  examples: [{ line: 'cw config list', does: 'What holds, and where it is from.' }],
  async run(_args, context) {
    const path = settingsPath(context.env);
    const { values, problems, unknown } = checkSettings(readSettingsFile(path));
    for (const problem of problems) context.note(`${path}: ${problem}`);
    for (const key of unknown) context.note(`${path}: there is no setting "${key}".${meant(key)}`);
    const entries = settingKeys.map((key) => ({
      key,
      value: values[key] === undefined ? defaultSettings[key] : values[key],
      default: defaultSettings[key],
      from: values[key] === undefined ? 'default' : 'file',
      description: describeSetting(key),
    }));
    const rows = entries.map(({ key, value, from, default: fallback }) => [
      key,
      inWords(value),
      from === 'file' ? `set (default ${inWords(fallback)})` : 'default',
    ]);
    const { columns } = context.terminal;
    const [head, ...lines] = table([['SETTING', 'VALUE', 'FROM'], ...rows], columns, [{ fixed: true }]).split(
      '\n',
    );
    const described = lines.flatMap((line, at) => [
      line,
      glossary([['', entries[at]!.description]], columns),
    ]);
    return {
      data: entries,
      text: [head, ...described, `Kept in ${tildePath(path, context.env)}`].join('\n'),
    };
  },
};

const get: Command = {
  name: 'config get',
  summary: 'The value of one setting; a list one item a line.',
  positionals: [keyWord],
  examples: [{ line: 'cw config get roots', does: 'The folders that are searched for projects.' }],
  async run(args, context) {
    const key = knownKey(args.positionals.key);
    const path = settingsPath(context.env);
    const { values, problems } = checkSettings(readSettingsFile(path));
    for (const problem of problems) context.note(`${path}: ${problem}`);
    const value = values[key] === undefined ? defaultSettings[key] : values[key];
    return {
      data: { key, value, from: values[key] === undefined ? 'default' : 'file' },
      text: Array.isArray(value) ? value.join('\n') : inWords(value),
    };
  },
};

const set: Command = {
  name: 'config set',
  summary: 'Change one setting.',
  description: 'The value is text or JSON; the items of a list can also be given as words.',
  positionals: [keyWord, { name: 'value', describe: 'The new value.', required: true, variadic: true }],
  examples: [
    { line: 'cw config set roots ~/projects ~/work', does: 'Search two folders for projects.' },
    { line: 'cw config set size 220x60', does: 'Open larger workspaces away from a terminal.' },
    {
      line: "cw config set notify.command notify-send '{title}' '{text}'",
      does: 'Tell on the desktop, too.',
    },
  ],
  async run(args, context) {
    const key = knownKey(args.positionals.key);
    const read = valueFromWords(key, args.rest);
    if (!read) {
      throw new CwError('usage', `${key} cannot be ${args.rest.map((word) => `"${word}"`).join(' ')}.`, {
        hint: `It is ${expected[key]}. Nothing was changed.`,
      });
    }
    const value = key === 'roots' ? absoluteRoots(read.value as string[], context) : read.value;
    const { storeSetting } = await import('../../system/settings-store.js');
    await storeSetting(key, value, context.env);
    return { data: { key, value, from: 'file' }, text: `${key} is now ${inWords(value)}` };
  },
};

const unset: Command = {
  name: 'config unset',
  summary: 'Put one setting back to its default.',
  positionals: [keyWord],
  examples: [{ line: 'cw config unset size', does: 'The default size again.' }],
  async run(args, context) {
    const key = knownKey(args.positionals.key);
    const { storeSetting } = await import('../../system/settings-store.js');
    await storeSetting(key, undefined, context.env);
    const value = defaultSettings[key];
    return { data: { key, value, from: 'default' }, text: `${key} is ${inWords(value)} again, its default` };
  },
};

const path: Command = {
  name: 'config path',
  summary: 'The file that the settings are kept in.',
  examples: [{ line: 'cw config path', does: 'To edit it by hand.' }],
  async run(_args, context) {
    const file = settingsPath(context.env);
    return { data: { path: file }, text: file };
  },
};

const edit: Command = {
  name: 'config edit',
  summary: 'Change the settings in your editor; they are checked before they are saved.',
  examples: [{ line: 'cw config edit', does: 'With $VISUAL, $EDITOR, or one that is there.', endless: true }],
  async run(_args, context) {
    const { editSettings } = await import('../editing-settings.js');
    return editSettings(context);
  },
};

export const verb: Verb = {
  name: 'config',
  summary: 'Look at and change the settings.',
  subcommands: { list, get, set, unset, edit, path },
};

function knownKey(key: string | undefined): SettingKey {
  if (key !== undefined && isSettingKey(key)) return key;
  throw new CwError('usage', `There is no setting "${key}".${meant(key ?? '')}`, {
    hint: 'All settings: cw config list',
  });
}

function meant(key: string): string {
  const near = nearest(key, settingKeys);
  return near ? ` Did you mean "${near}"?` : '';
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : 'none';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A relative folder means another one in each folder that cw is started in: kept as the one that it is here. */
function absoluteRoots(roots: readonly string[], context: Context): string[] {
  return roots.map((root) => {
    const kept = root === '~' || root.startsWith('~/') ? root : resolve(context.cwd, root);
    if (!isFolder(expandPath(kept, homeFolder(context.env), context.env))) {
      context.note(`${root} is no folder now; it is searched once it is there.`);
    }
    return kept;
  });
}
