import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Template } from '../blueprint/template.js';
import { packageFolder } from '../system/paths.js';

/** The shipped templates by name, with what they extend put in. */
export type CompiledTemplates = Readonly<Record<string, Template>>;

let known: Promise<CompiledTemplates> | undefined;

/** The shipped templates: as the build compiled them, or from their YAML when run from the sources. */
export function shippedTemplates(): Promise<CompiledTemplates> {
  known ??= read();
  return known;
}

async function read(): Promise<CompiledTemplates> {
  const here = dirname(fileURLToPath(import.meta.url));
  if (basename(here) === 'dist') {
    return JSON.parse(readFileSync(join(here, 'templates.json'), 'utf8')) as CompiledTemplates;
  }
  return (await import('./compile.js')).compileShippedTemplates();
}

/** The YAML file of a shipped template, for people to read. */
export function shippedTemplateFile(name: string): string {
  return join(packageFolder(), 'templates', `${name}.yaml`);
}
