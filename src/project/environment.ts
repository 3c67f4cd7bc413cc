import { fillVariable, type Values } from '../blueprint/fill.js';
import type { Template } from '../blueprint/template.js';
import { homeFolder } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import { isDangerousName } from './dangerous.js';
import { envFileName, readEnvFile } from './env-file.js';
import { chooseEditor } from './facts.js';

/** Who gave a variable its value. */
export type VariableSource = 'cw' | 'template' | '.env.claude';

export interface ResolvedVariable {
  readonly name: string;
  readonly value: string;
  readonly source: VariableSource;
}

export interface EnvironmentRequest {
  /** The workspace's name. */
  readonly name: string;
  /** The project's folder, absolute. */
  readonly path: string;
  /** Its template: `env`, with holes for `vars` and for `project`, `root`, `home` and `editor`. */
  readonly template: Pick<Template, 'env' | 'vars'>;
  /** Values of `--set`. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** The project may set code-running names (`trustState`). */
  readonly trusted: boolean;
  /** Our own environment: EDITOR and PATH. */
  readonly env: NodeJS.ProcessEnv;
}

export interface ResolvedEnvironment {
  /** Each name once, with the value that won; in the order in which the names first came. */
  readonly variables: readonly ResolvedVariable[];
  /** Names of `.env.claude` that are not set since the project is not trusted. */
  readonly withheld: readonly string[];
  /** Sentences on lines of `.env.claude` that were passed over. */
  readonly notes: readonly string[];
}

/**
 * The environment of a workspace: our own names, then the template's, then the project's `.env.claude`; later wins.
 *
 * @throws CwError `failed` when there is a `.env.claude` that cannot be read.
 */
export function resolveEnvironment(request: EnvironmentRequest): ResolvedEnvironment {
  const { name, path, template, trusted, env } = request;
  const variables = new Map<string, ResolvedVariable>();
  const set = (entry: string, value: string, source: VariableSource) =>
    variables.set(entry, { name: entry, value, source });
  set('CLAUDE_PROJECT', name, 'cw');
  set('PROJECT_ROOT', path, 'cw');
  set('CLAUDE_CODE_TMUX_SESSION', '1', 'cw');
  const editor = chooseEditor(env, (program) => findProgram(program, env.PATH ?? ''));
  set('EDITOR', editor, 'cw');
  const values = valuesOf(request, editor);
  for (const [entry, value] of Object.entries(template.env ?? {})) {
    set(entry, fillVariable(String(value), values), 'template');
  }
  const file = readEnvFile(path);
  const withheld = new Set<string>();
  for (const entry of file.entries) {
    if (!trusted && isDangerousName(entry.name)) withheld.add(entry.name);
    else set(entry.name, entry.value, '.env.claude');
  }
  const notes = file.problems.map(
    ({ line, message }) => `${envFileName}:${line}  ${message}; the line is passed over`,
  );
  return { variables: [...variables.values()], withheld: [...withheld], notes };
}

function valuesOf({ template, overrides, name, path, env }: EnvironmentRequest, editor: string): Values {
  const trusted = (text: string) => ({ text, trusted: true });
  const foreign = (text: string) => ({ text, trusted: false });
  const vars = Object.entries(template.vars ?? {}).map(
    ([entry, value]) => [entry, trusted(overrides?.[entry] ?? String(value))] as const,
  );
  return {
    project: foreign(name),
    root: foreign(path),
    home: foreign(homeFolder(env)),
    editor: trusted(editor),
    ...Object.fromEntries(vars),
  };
}
