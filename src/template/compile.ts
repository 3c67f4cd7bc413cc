import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Template } from '../blueprint/template.js';
import { packageFolder } from '../system/paths.js';
import { mergeTemplates } from './merge.js';
import { parseTemplate } from './parse.js';
import type { CompiledTemplates } from './shipped.js';

/**
 * Reads the shipped YAML and resolves what each extends. The build stores the result as `dist/templates.json`, so that
 * opening a workspace from a shipped template loads no YAML parser and no schema.
 *
 * @param folder the package's folder with the YAML files.
 * @throws CwError for a fault in one of them.
 */
export async function compileShippedTemplates(
  folder = join(packageFolder(), 'templates'),
): Promise<CompiledTemplates> {
  const raw = new Map<string, Template>();
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.yaml')) continue;
    raw.set(basename(file, '.yaml'), parseTemplate(readFileSync(join(folder, file), 'utf8'), file));
  }
  const resolve = (name: string, chain: readonly string[]): Template => {
    const template = raw.get(name);
    if (!template || chain.includes(name))
      throw new Error(`shipped templates: ${[...chain, name].join(' extends ')}`);
    const base = template.extends;
    return base === undefined ? template : mergeTemplates(resolve(base, [...chain, name]), template);
  };
  return Object.fromEntries([...raw.keys()].map((name) => [name, resolve(name, [])]));
}

/** The text of `dist/templates.json`. */
export async function compiledTemplatesText(folder?: string): Promise<string> {
  return `${JSON.stringify(await compileShippedTemplates(folder))}\n`;
}
