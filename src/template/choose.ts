import { join } from 'node:path';
import { CwError } from '../errors.js';
import {
  projectFileName,
  projectTemplateName,
  readProjectFile,
  templateNamesFor,
} from '../project/project-file.js';
import { readSmallFile } from '../project/small-file.js';
import { isFile } from '../system/files.js';
import { expandPath, tildePath } from '../system/paths.js';
import { detectType } from './detect.js';
import {
  detectables,
  type LoadedTemplate,
  loadTemplate,
  loadTemplateFile,
  shippedTemplate,
  templateNames,
} from './load.js';
import { mergeTemplates } from './merge.js';

export interface TemplateRequest {
  /** `--template`: a name, or a file when it holds a slash or ends in `.yaml` or `.yml`. */
  readonly explicit?: string | undefined;
  /** The project's folder, absolute. */
  readonly path: string;
  /** The project may run commands of its own (`trustState`). */
  readonly trusted: boolean;
  /** The template of the user's settings, used where the project names none. */
  readonly preferred?: string | null | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** What a relative file in `explicit` is relative to. */
  readonly cwd: string;
}

export interface ChosenTemplate extends LoadedTemplate {
  /** For people, after "because": `package.json depends on react`. */
  readonly reason: string;
  /** Sentences on what was passed over. */
  readonly notes: readonly string[];
}

/**
 * The template of a project: `--template`, then its `.cw.yaml` when trusted, then the `project_type` of its project.json
 * (untrusted it may only name a shipped one), then the user's setting, then the markers of its folder, else generic.
 *
 * @throws CwError `not-found` for an unknown name in `--template` or in the settings; `failed` for a fault in a template.
 */
export async function chooseTemplate(request: TemplateRequest): Promise<ChosenTemplate> {
  const { explicit, path, trusted, env } = request;
  const notes: string[] = [];
  if (explicit !== undefined) {
    return { ...(await loadExplicit(explicit, request)), reason: `--template ${explicit}`, notes };
  }
  const own = join(path, projectTemplateName);
  if (isFile(own)) {
    if (trusted)
      return {
        ...(await loadOwn(own, request, notes)),
        reason: `the project has ${projectTemplateName}`,
        notes,
      };
    notes.push(
      `${projectTemplateName} is not used: the project is not trusted. To see and allow it: cw trust ${tildePath(path, env)}`,
    );
  }
  return chooseByType(request, notes);
}

async function loadExplicit(
  explicit: string,
  { env, cwd, path, trusted }: TemplateRequest,
): Promise<LoadedTemplate> {
  if (!explicit.includes('/') && !/\.ya?ml$/.test(explicit)) return loadTemplate(explicit, env);
  const file = expandPath(explicit, cwd, env);
  if (file === join(path, projectTemplateName) && !trusted) {
    throw new CwError('refused', `${tildePath(file, env)} is not used: the project is not trusted.`, {
      hint: `To see what it would run, and allow it: cw trust ${tildePath(path, env)}`,
    });
  }
  return loadTemplateFile(file, 'file', env);
}

/** `.cw.yaml`; without windows and `extends` of its own it is laid over the template of the project's type. */
async function loadOwn(file: string, request: TemplateRequest, notes: string[]): Promise<LoadedTemplate> {
  const { parseTemplate } = await import('./parse.js');
  const raw = parseTemplate(readSmallFile(file) ?? '', tildePath(file, request.env));
  if (raw.windows || raw.extends) return loadTemplateFile(file, 'project', request.env);
  const base = await chooseByType(request, notes);
  return { name: base.name, origin: 'project', file, template: mergeTemplates(base.template, raw) };
}

async function chooseByType(request: TemplateRequest, notes: string[]): Promise<ChosenTemplate> {
  const { path, trusted, env, preferred } = request;
  const project = readProjectFile(path);
  if (project) notes.push(...project.problems);
  const type = project?.projectType ?? null;
  if (type !== null) {
    const named = await loadProjectType(type, trusted, env);
    if (named) return { ...named, reason: `project_type is "${type}" in ${projectFileName}`, notes };
    notes.push(
      `project_type "${type}" in ${projectFileName} names no ${trusted ? '' : 'shipped '}template: it is passed over.`,
    );
  }
  if (preferred)
    return { ...(await loadTemplate(preferred, env)), reason: 'the setting "template" names it', notes };
  const { templates, problems } = await detectables(env);
  notes.push(...problems);
  const { name, reason } = detectType(path, templates);
  return { ...(await loadTemplate(name, env)), reason, notes };
}

async function loadProjectType(
  type: string,
  trusted: boolean,
  env: NodeJS.ProcessEnv,
): Promise<LoadedTemplate | null> {
  const names = await templateNames(env);
  for (const name of templateNamesFor(type)) {
    if (!names.includes(name)) continue;
    // The user's template in place of a shipped one is the user's choice; another of theirs is not the project's to pick.
    if (trusted || (await shippedTemplate(name))) return loadTemplate(name, env);
  }
  return null;
}
