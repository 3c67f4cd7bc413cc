import { z } from 'zod';
import { defaultSettings, expected, parseSize, type SettingKey, type StoredSettings } from './settings.js';

/** What each setting is for and may hold: the thorough twin of the checks in `settings.ts`, for `cw config`. */
export const settingsSchema = z.strictObject({
  roots: z
    .array(z.string().min(1, expected.roots), expected.roots)
    .default([...defaultSettings.roots])
    .describe('Folders whose subfolders are projects: where a name is looked up.'),
  size: z
    .string(expected.size)
    .refine((text) => parseSize(text) !== null, expected.size)
    .default(defaultSettings.size)
    .describe('Columns and rows of a workspace that is opened away from a terminal.'),
  template: z
    .string(expected.template)
    .min(1, expected.template)
    .nullable()
    .default(defaultSettings.template)
    .describe('The template for projects that name none; null: by the type of the project.'),
}) satisfies z.ZodType<StoredSettings>;

export const settingKeys = Object.keys(settingsSchema.shape) as readonly SettingKey[];

/** One line on what a setting is for. */
export function describeSetting(key: SettingKey): string {
  return settingsSchema.shape[key].description ?? '';
}

/**
 * The value that words of a command line stand for: JSON (`null`, `["~/a"]`), or the text itself, or for a list the
 * words one by one.
 *
 * @returns null when the setting cannot hold any of them.
 */
export function valueFromWords(
  key: SettingKey,
  words: readonly string[],
): { readonly value: unknown } | null {
  const [first = ''] = words;
  const readings: unknown[] = words.length === 1 ? [...jsonOf(first), first, [first]] : [words];
  for (const reading of readings) {
    const result = settingsSchema.shape[key].safeParse(reading);
    if (result.success) return { value: result.data };
  }
  return null;
}

function jsonOf(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return []; // plain text
  }
}
