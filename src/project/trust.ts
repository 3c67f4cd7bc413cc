import { createHash } from 'node:crypto';
import { realpathSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CwError } from '../errors.js';
import { isFile, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { withLock } from '../system/lock.js';
import { packageFolder, stateFolder, tildePath } from '../system/paths.js';
import { isDangerousName } from './dangerous.js';
import { envFileName, readEnvFile } from './env-file.js';
import {
  type ProjectFile,
  projectFileName,
  projectTemplateName,
  readProjectFile,
  templateNamesFor,
} from './project-file.js';
import { readSmallFile } from './small-file.js';

/**
 * Trust: a project's own commands and code-running variables work only after the user has seen and allowed them. What
 * was allowed is remembered by its content's hash, so that a change (a pull, another branch) asks again. Shipped
 * templates and the user's own need none.
 */

export interface TrustReport {
  /** The project's folder, absolute and real: a link to a trusted folder is trusted. */
  readonly path: string;
  /** `changed`: it was trusted as it was before. */
  readonly state: 'nothing-to-trust' | 'trusted' | 'untrusted' | 'changed';
  /** Files of the project, relative, whose content would be used. */
  readonly files: readonly string[];
  /** The text of `.cw.yaml`, or null. */
  readonly template: string | null;
  /** Command lines of project.json, with the key that holds each. */
  readonly commands: readonly { readonly from: string; readonly run: string }[];
  /** Code-running variables of `.env.claude`, as they would be set. */
  readonly variables: readonly { readonly name: string; readonly value: string }[];
  /** Of all of the above; empty when there is nothing to trust. */
  readonly hash: string;
}

export interface TrustedProject {
  readonly path: string;
  readonly hash: string;
  /** UTC, ISO 8601. */
  readonly at: string;
}

/**
 * What a project would run by its own files, and whether the user allowed just that. Synchronous and cheap; the store
 * is read only where there is something to trust.
 *
 * @throws CwError `failed` when one of the project's files is there and cannot be read.
 */
export function trustState(project: string, env: NodeJS.ProcessEnv = process.env): TrustReport {
  const path = realFolder(project);
  const asks = whatItAsks(path);
  if (asks.files.length === 0) return { path, state: 'nothing-to-trust', ...asks, hash: '' };
  const stored = readStore(env).get(path);
  const state = stored === undefined ? 'untrusted' : stored.hash === asks.hash ? 'trusted' : 'changed';
  return { path, state, ...asks };
}

/** True when the project may use commands and code-running variables of its own. */
export function isTrusted(report: TrustReport): boolean {
  return report.state === 'trusted' || report.state === 'nothing-to-trust';
}

/**
 * Allows what the report names, as it was when the report was made: what changed since is asked for again.
 *
 * @throws CwError `failed` when the store cannot be written.
 */
export async function trust(report: TrustReport, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  await changeStore(env, (projects) => {
    projects.set(report.path, { path: report.path, hash: report.hash, at: new Date().toISOString() });
  });
}

/** Takes the trust back. False when there was none. */
export async function untrust(project: string, env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const path = realFolder(project);
  let had = false;
  await changeStore(env, (projects) => {
    had = projects.delete(path);
  });
  return had;
}

/** All projects that were trusted, sorted by path. */
export function trustedProjects(env: NodeJS.ProcessEnv = process.env): TrustedProject[] {
  return [...readStore(env).values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function whatItAsks(
  path: string,
): Pick<TrustReport, 'files' | 'template' | 'commands' | 'variables' | 'hash'> {
  const files: string[] = [];
  // Texts in an order that does not depend on anything but the project.
  const content: unknown[] = [];
  const template = readSmallFile(join(path, projectTemplateName));
  if (template !== null) {
    files.push(projectTemplateName);
    content.push([projectTemplateName, template]);
  }
  const project = readProjectFile(path);
  const commands = project ? commandsOf(project) : [];
  const ownType = project?.projectType && !isShipped(project.projectType) ? project.projectType : null;
  if (commands.length > 0 || ownType !== null) {
    files.push(projectFileName);
    content.push([projectFileName, commands, ownType]);
    for (const script of scriptsOf(path, commands)) {
      files.push(script);
      content.push([script, readSmallFile(join(path, script))]);
    }
  }
  const variables = readEnvFile(path)
    .entries.filter((entry) => isDangerousName(entry.name))
    .map(({ name, value }) => ({ name, value }));
  if (variables.length > 0) {
    files.push(envFileName);
    content.push([envFileName, variables]);
  }
  // Most projects ask for nothing; then `node:crypto` need not be loaded.
  const hash = content.length === 0 ? '' : createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return { files, template, commands, variables, hash };
}

function commandsOf(project: ProjectFile): { from: string; run: string }[] {
  const all = [
    ['init_script', project.initScript],
    ['health_check', project.healthCheck],
    ['test_command', project.testCommand],
    ['smoke_test', project.smokeTest],
  ] as const;
  return all.flatMap(([from, run]) => (run === null ? [] : [{ from, run }]));
}

/** Files of the project that its commands name (`./init.sh`): their content is part of what is allowed. */
function scriptsOf(path: string, commands: readonly { readonly run: string }[]): string[] {
  const words = commands.flatMap(({ run }) => run.split(/[\s;|&'"()]+/));
  const inside = words
    .filter((word) => word !== '' && !word.startsWith('/') && !word.split('/').includes('..'))
    .map((word) => word.replace(/^(\.\/)+/, ''));
  return [...new Set(inside)].filter((word) => isFile(resolve(path, word))).sort();
}

function isShipped(projectType: string): boolean {
  return templateNamesFor(projectType).some(
    (name) => !name.includes('/') && isFile(join(packageFolder(), 'templates', `${name}.yaml`)),
  );
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // A folder that is gone: its trust can still be looked up and taken back.
    return resolve(path);
  }
}

const storeVersion = 1;

function storeFile(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'trust.json');
}

/** What is remembered; a store that does not read counts as empty, so that nothing is trusted by accident. */
function readStore(env: NodeJS.ProcessEnv): Map<string, TrustedProject> {
  return parseStore(readTextIfAny(storeFile(env)), storeFile(env), env) ?? new Map();
}

/** null for a text that is no store. */
function parseStore(
  text: string | null,
  file: string,
  env: NodeJS.ProcessEnv,
): Map<string, TrustedProject> | null {
  if (text === null) return new Map();
  let value: { version?: unknown; projects?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return null;
  }
  if (typeof value?.version === 'number' && value.version > storeVersion) {
    throw new CwError('failed', `${tildePath(file, env)} was written by a newer cw.`, {
      hint: 'Update cw on this machine: npm install -g claude-workspaces',
    });
  }
  if (value?.version !== storeVersion || !Array.isArray(value.projects)) return null;
  const projects = value.projects.filter(
    (entry: Partial<TrustedProject> | null): entry is TrustedProject =>
      typeof entry?.path === 'string' && typeof entry.hash === 'string' && typeof entry.at === 'string',
  );
  return new Map(projects.map((entry) => [entry.path, entry]));
}

async function changeStore(
  env: NodeJS.ProcessEnv,
  change: (projects: Map<string, TrustedProject>) => void,
): Promise<void> {
  const file = storeFile(env);
  await withLock(`${file}.lock`, () => {
    let projects = parseStore(readTextIfAny(file), file, env);
    if (projects === null) {
      // Set aside, not overwritten: somebody may want to see what became of it.
      renameSync(file, `${file}.unreadable`);
      projects = new Map();
    }
    change(projects);
    const text = JSON.stringify({ version: storeVersion, projects: [...projects.values()] }, null, 2);
    writeFileAtomic(file, `${text}\n`);
  });
}
