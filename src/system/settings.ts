import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { readTextIfAny } from './files.js';
import { configFolder, expandPath, homeFolder } from './paths.js';

/** The user's settings, `$XDG_CONFIG_HOME/cw/config.json`, with the defaults put in. */
export interface Settings {
  /** Folders whose subfolders are projects, absolute. */
  readonly roots: readonly string[];
  /** The size of a workspace that is opened away from a terminal, `COLUMNSxROWS`. */
  readonly size: { readonly width: number; readonly height: number };
  /** The template when nothing else names one; null: by detection. */
  readonly template: string | null;
}

/** The values as the file has them. */
export interface StoredSettings {
  readonly roots: readonly string[];
  readonly size: string;
  readonly template: string | null;
}

export type SettingKey = keyof StoredSettings;

/**
 * What each key may hold, checked by hand: the everyday verbs read settings, and must not load a schema library for
 * it. `settings-schema.ts` says the same to `cw config`, with descriptions; a test holds the two together.
 */
const checks: { readonly [Key in SettingKey]: (value: unknown) => boolean } = {
  roots: (value) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string' && item.length > 0),
  size: (value) => typeof value === 'string' && parseSize(value) !== null,
  template: (value) => value === null || (typeof value === 'string' && value.length > 0),
};

export const defaultSettings: StoredSettings = { roots: ['~/projects'], size: '200x50', template: null };

/** What stands in words for a value that is right. */
export const expected: { readonly [Key in SettingKey]: string } = {
  roots: 'a list of folders',
  size: 'a size like 200x50, each side 10 to 10000',
  template: 'the name of a template, or null',
};

/** A size as `COLUMNSxROWS`, or null. tmux takes up to 10,000 cells a side. */
export function parseSize(text: string): { width: number; height: number } | null {
  const match = /^(\d{2,5})x(\d{2,5})$/.exec(text);
  if (!match) return null;
  const [width, height] = [Number(match[1]), Number(match[2])];
  return width >= 10 && height >= 10 && width <= 10_000 && height <= 10_000 ? { width, height } : null;
}

export function settingsPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(configFolder(env), 'config.json');
}

/** True for a key that there is. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(checks, key);
}

/** Reads the settings. A value that is wrong counts as its default, and is warned of with its file and key. */
export function loadSettings(env: NodeJS.ProcessEnv, warn: (text: string) => void): Settings {
  const path = settingsPath(env);
  const { values, problems } = checkSettings(readSettingsFile(path));
  for (const problem of problems) warn(`${path}: ${problem}`);
  const stored = { ...defaultSettings, ...values };
  return {
    roots: stored.roots.map((root) => expandPath(root, homeFolder(env), env)),
    size: parseSize(stored.size)!,
    template: stored.template,
  };
}

/** The file's content: a JSON object, `{}` where there is no file, or why it cannot be read. */
export function readSettingsFile(
  path: string,
): Readonly<Record<string, unknown>> | { readonly unreadable: string } {
  try {
    const text = readTextIfAny(path);
    if (text === null) return {};
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      return content as Record<string, unknown>;
    }
    return { unreadable: 'it does not hold a JSON object' };
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

export interface CheckedSettings {
  /** The right values of the file. */
  readonly values: Partial<StoredSettings>;
  /** A sentence for each value that is wrong. */
  readonly problems: readonly string[];
  /** Keys that nothing here knows. */
  readonly unknown: readonly string[];
}

/** Sorts the content of a settings file into right, wrong and unknown. */
export function checkSettings(content: ReturnType<typeof readSettingsFile>): CheckedSettings {
  if (typeof content.unreadable === 'string') {
    return {
      values: {},
      problems: [`cannot be read (${content.unreadable}); the defaults hold.`],
      unknown: [],
    };
  }
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(content)) {
    if (!isSettingKey(key)) unknown.push(key);
    else if (checks[key](value)) values[key] = value;
    else {
      problems.push(
        `"${key}" is ${JSON.stringify(value)}, not ${expected[key]}; the default ${JSON.stringify(defaultSettings[key])} holds.`,
      );
    }
  }
  return { values, problems, unknown };
}
