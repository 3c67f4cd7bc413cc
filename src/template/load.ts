import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { nearest } from '../blueprint/suggest.js';
import type { Template } from '../blueprint/template.js';
import { CwError, messageOf, systemCode } from '../errors.js';
import { readSmallFile } from '../project/small-file.js';
import { configFolder, tildePath } from '../system/paths.js';
import type { Detectable } from './detect.js';
import { mergeTemplates } from './merge.js';
import { shippedTemplateFile, shippedTemplates } from './shipped.js';

/**
 * Finds templates: the user's own in `$XDG_CONFIG_HOME/cw/templates/*.yaml`, then the shipped ones. A user's template
 * of a shipped one's name takes its place, and may extend it by that same name.
 */

export type TemplateOrigin = 'shipped' | 'user' | 'project' | 'file';

export interface LoadedTemplate {
  readonly name: string;
  readonly origin: TemplateOrigin;
  /** Where it is written. */
  readonly file: string;
  /** With what it extends put in. */
  readonly template: Template;
}

/** The user's folder of templates. It need not exist. */
export function userTemplatesFolder(env: NodeJS.ProcessEnv): string {
  return join(configFolder(env), 'templates');
}

/** The user's own templates: file by name. */
export function userTemplateFiles(env: NodeJS.ProcessEnv): Map<string, string> {
  const folder = userTemplatesFolder(env);
  let files: string[];
  try {
    files = readdirSync(folder).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return new Map();
    throw new CwError('failed', `The folder of your templates cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const found = new Map<string, string>();
  for (const file of files) {
    // Hidden files are editors' swap and backup files.
    const name = /^([^.].*)\.ya?ml$/.exec(file)?.[1];
    if (name === undefined) continue;
    const other = found.get(name);
    if (other !== undefined) {
      throw new CwError(
        'failed',
        `Two templates are named "${name}": ${tildePath(other, env)} and ${file}.`,
        {
          hint: 'Rename one of them.',
        },
      );
    }
    found.set(name, join(folder, file));
  }
  return found;
}

/** Names of all templates there are, sorted. */
export async function templateNames(env: NodeJS.ProcessEnv): Promise<string[]> {
  return [...new Set([...userTemplateFiles(env).keys(), ...Object.keys(await shippedTemplates())])].sort();
}

/**
 * The template of this name, the user's before the shipped one.
 *
 * @throws CwError `not-found` with the nearest names; `failed` for a fault in it or in one that it extends.
 */
export async function loadTemplate(name: string, env: NodeJS.ProcessEnv): Promise<LoadedTemplate> {
  const own = userTemplateFiles(env).get(name);
  if (own !== undefined) return loadTemplateFile(own, 'user', env);
  const shipped = await shippedTemplate(name);
  if (shipped) return shipped;
  throw await unknownTemplate(name, env);
}

/** The shipped template of this name, or null. */
export async function shippedTemplate(name: string): Promise<LoadedTemplate | null> {
  const all = await shippedTemplates();
  if (!Object.hasOwn(all, name)) return null;
  return { name, origin: 'shipped', file: shippedTemplateFile(name), template: all[name]! };
}

/**
 * A template in a file of its own.
 *
 * @throws CwError `not-found` when there is no such file; `failed` for a fault in it or in one that it extends.
 */
export async function loadTemplateFile(
  file: string,
  origin: Exclude<TemplateOrigin, 'shipped'>,
  env: NodeJS.ProcessEnv,
): Promise<LoadedTemplate> {
  const name = origin === 'project' ? basename(file) : basename(file).replace(/\.ya?ml$/, '');
  const template = await resolveFile(file, env, []);
  return { name, origin, file, template: await withWindows(template) };
}

async function resolveFile(
  file: string,
  env: NodeJS.ProcessEnv,
  chain: readonly string[],
): Promise<Template> {
  const text = readSmallFile(file);
  if (text === null) {
    throw new CwError('not-found', `There is no template file ${tildePath(file, env)}.`, {
      hint: 'Check the path. Templates by name: cw template list',
    });
  }
  const { parseTemplate } = await import('./parse.js');
  const template = parseTemplate(text, tildePath(file, env));
  if (template.extends === undefined) return template;
  const base = template.extends;
  const seen = [...chain, file];
  const own = userTemplateFiles(env).get(base);
  // A user's react.yaml that extends react means the shipped one.
  if (own !== undefined && own !== file) {
    if (seen.includes(own)) {
      const names = [...seen.slice(seen.indexOf(own)), own].map((entry) =>
        basename(entry).replace(/\.ya?ml$/, ''),
      );
      throw new CwError('failed', `Templates extend each other in a circle: ${names.join(' -> ')}.`, {
        hint: `Take the "extends" out of one of them, in ${tildePath(userTemplatesFolder(env), env)}.`,
      });
    }
    return mergeTemplates(await resolveFile(own, env, seen), template);
  }
  const shipped = await shippedTemplate(base);
  if (shipped) return mergeTemplates(shipped.template, template);
  const unknown = await unknownTemplate(base, env);
  throw new CwError('failed', `${tildePath(file, env)} extends "${base}", and there is no such template.`, {
    hint: unknown.hint,
  });
}

/** A template that says nothing of windows has the default picture. */
async function withWindows(template: Template): Promise<Template> {
  if (template.windows) return template;
  const generic = await shippedTemplate('generic');
  return generic ? mergeTemplates(generic.template, template) : template;
}

/** @returns the error for a name that no template has. */
async function unknownTemplate(name: string, env: NodeJS.ProcessEnv): Promise<CwError> {
  const names = await templateNames(env);
  const near = nearest(name, names);
  return new CwError('not-found', `No template "${name}".${near === null ? '' : ` Nearest: ${near}.`}`, {
    hint: 'All templates: cw template list',
  });
}

/**
 * What detection looks for: the shipped markers, and those of the user's templates, which win under the same name.
 * User templates without the word `detect` are not parsed. One that does not read is reported in `problems`:
 * a fault in one template must not keep all projects from opening.
 */
export async function detectables(
  env: NodeJS.ProcessEnv,
): Promise<{ templates: Detectable[]; problems: string[] }> {
  const found = new Map<string, Detectable>();
  const problems: string[] = [];
  for (const [name, template] of Object.entries(await shippedTemplates())) {
    if (template.detect) found.set(name, { name, detect: template.detect });
  }
  for (const [name, file] of userTemplateFiles(env)) {
    try {
      if (!/^["']?detect\b/m.test(readSmallFile(file) ?? '')) continue;
      const { template } = await loadTemplateFile(file, 'user', env);
      if (template.detect) found.set(name, { name, detect: template.detect });
    } catch (error) {
      problems.push(`The template "${name}" is passed over: ${messageOf(error)}`);
    }
  }
  return { templates: [...found.values()], problems };
}
