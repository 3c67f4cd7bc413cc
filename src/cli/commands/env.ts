import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { looksSecret } from '../../blueprint/secrets.js';
import { CwError, isCwError, messageOf } from '../../errors.js';
import { isDangerousName } from '../../project/dangerous.js';
import { setInDotenv, unsetInDotenv } from '../../project/env-edit.js';
import { envFileName, readEnvFile } from '../../project/env-file.js';
import { type ResolvedEnvironment, resolveEnvironment } from '../../project/environment.js';
import { excludeOurFiles } from '../../project/exclude.js';
import { readSmallFile } from '../../project/small-file.js';
import { isTrusted, trust, trustState } from '../../project/trust.js';
import { writeFileAtomic } from '../../system/files.js';
import { withLock } from '../../system/lock.js';
import { stateFolder, tildePath } from '../../system/paths.js';
import { type ChosenTemplate, chooseTemplate } from '../../template/choose.js';
import type { Command as TmuxCommand } from '../../tmux/connection.js';
import { readDetails } from '../../tmux/reading.js';
import type { SessionId } from '../../tmux/target.js';
import { find, type Workspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { table } from '../output.js';

export const verb: Command = {
  name: 'env',
  summary: "Show a workspace's variables with where each came from, or change the project's own.",
  description:
    'Later ones win: cw, the template, then .env.claude in the project. --set and --unset change that file and the ' +
    'running session. New panes have the new values; programs that run keep theirs. Values that look secret are ' +
    'hidden without --show.',
  positionals: [
    {
      name: 'name',
      completes: 'workspace',
      describe: 'A workspace or a project; that of this folder when not given.',
    },
  ],
  options: {
    set: { type: 'string', multiple: true, value: 'K=V', describe: 'Give a variable this value.' },
    unset: { type: 'string', multiple: true, value: 'K', describe: 'Take a variable out.' },
    reload: { type: 'boolean', describe: 'Read .env.claude again into the running session.' },
    show: { type: 'boolean', describe: 'Show values that look secret.' },
  },
  examples: [
    { line: 'cw env shop', does: 'All variables of a workspace.' },
    {
      line: 'cw env shop --set API_URL=http://localhost:4000',
      does: 'Change one, in the file and the session.',
    },
    { line: 'cw env shop --unset API_URL', does: 'Take it out again.' },
  ],
  async run(args, context) {
    // All words are checked before anything is changed.
    const change: Change = { set: assignments(words(args.options.set)), unset: words(args.options.unset) };
    for (const name of [...change.set.keys(), ...change.unset]) checkName(name);
    const world = await readWorld(context.tmux(), context.env);
    const target = locate(args, world, context);
    const subject = await describe(target, context);
    if (change.set.size === 0 && change.unset.length === 0 && !args.options.reload) {
      return show(subject, world, args, context);
    }
    return apply(subject, change, world, context);
  },
};

interface Change {
  readonly set: ReadonlyMap<string, string>;
  readonly unset: readonly string[];
}

/** What is looked at: a project's folder, and the workspace when there is one. */
interface Subject {
  readonly name: string;
  readonly path: string;
  /** `$3`, or null when it is not open. */
  readonly sessionId: SessionId | null;
  resolve(): ResolvedEnvironment;
}

function words(value: Args['options'][string]): readonly string[] {
  return Array.isArray(value) ? value : [];
}

function assignments(given: readonly string[]): Map<string, string> {
  return new Map(
    given.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) {
        throw new CwError('usage', `--set ${JSON.stringify(word)} has no name and value.`, {
          hint: 'Write it as --set NAME=value.',
        });
      }
      return [word.slice(0, at), word.slice(at + 1)] as const;
    }),
  );
}

function checkName(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return;
  throw new CwError('usage', `${JSON.stringify(name)} is not a name for a variable.`, {
    hint: 'Letters, digits and _, no digit first. Nothing was changed.',
  });
}

function locate(args: Args, world: World, context: Context): { workspace: Workspace | null; path: string } {
  const found = find(
    args.positionals.name ?? '.',
    placesOf(world, context.settings(), context.cwd, context.env),
  );
  if ('workspace' in found) return { workspace: found.workspace, path: found.workspace.path };
  const workspace = world.workspaces.find((candidate) => candidate.path === found.folder) ?? null;
  return { workspace, path: found.folder };
}

async function describe(
  { workspace, path }: { workspace: Workspace | null; path: string },
  context: Context,
): Promise<Subject> {
  const { env } = context;
  const name = workspace?.name ?? path.slice(path.lastIndexOf('/') + 1);
  const chosen = await templateOf(workspace, path, context);
  return {
    name,
    path,
    sessionId: workspace?.session?.id ?? null,
    resolve: () =>
      resolveEnvironment({
        name,
        path,
        template: chosen.template,
        trusted: isTrusted(trustState(path, env)),
        env,
      }),
  };
}

/** The template that it was opened from, where that is still there; else the one that it would be opened from. */
async function templateOf(
  workspace: Workspace | null,
  path: string,
  context: Context,
): Promise<ChosenTemplate> {
  const { env, cwd } = context;
  const request = {
    path,
    trusted: isTrusted(trustState(path, env)),
    preferred: context.settings().template,
    env,
    cwd,
  };
  const recorded = workspace?.record?.template;
  if (recorded && !/\.ya?ml$/.test(recorded)) {
    try {
      return await chooseTemplate({ ...request, explicit: recorded });
    } catch (error) {
      if (!isCwError(error) || error.kind !== 'not-found') throw error;
    }
  }
  return chooseTemplate(request);
}

async function show(subject: Subject, world: World, args: Args, context: Context): Promise<Outcome> {
  const resolved = subject.resolve();
  for (const note of notesOf(resolved, subject, context)) context.note(note);
  const live = await liveValues(subject, world);
  const mask = (name: string, value: string) => !args.options.show && looksSecret(name, value);
  const variables = resolved.variables.map(({ name, value, source }) => {
    const now = live?.get(name);
    const masked = mask(name, value) || (typeof now === 'string' && mask(name, now));
    // What was set in the session by hand, or is in the file and was not loaded yet.
    const differs = live !== null && now !== value;
    return {
      name,
      value: masked ? '********' : value,
      masked,
      source,
      ...(differs ? { session: now === undefined || now === null ? null : masked ? '********' : now } : {}),
    };
  });
  const stale = variables.filter((variable) => 'session' in variable).length;
  const rows = variables.map((variable) => [
    variable.name,
    variable.value,
    variable.source,
    ...('session' in variable ? [variable.session ?? '(not set)'] : []),
  ]);
  const head = ['VARIABLE', 'VALUE', 'FROM', ...(stale > 0 ? ['IN THE SESSION'] : [])];
  const lines = [
    table([head, ...rows], context.terminal.columns, [{ fixed: true }, {}, { fixed: true }]),
    ...(variables.some((variable) => variable.masked) ? ['Hidden values: --show'] : []),
    ...(stale > 0
      ? [`The running session differs in ${stale}. To load the file: cw env ${subject.name} --reload`]
      : []),
  ];
  return {
    data: {
      name: subject.name,
      path: subject.path,
      open: subject.sessionId !== null,
      variables,
      withheld: resolved.withheld,
      notes: resolved.notes,
    },
    text: lines.join('\n'),
  };
}

function notesOf({ notes, withheld }: ResolvedEnvironment, { path }: Subject, context: Context): string[] {
  if (withheld.length === 0) return [...notes];
  const held =
    `${withheld.join(', ')} of ${envFileName} ${withheld.length === 1 ? 'is' : 'are'} not set: such names can run ` +
    `code, and the project is not trusted. To see and allow it: cw trust ${tildePath(path, context.env)}`;
  return [...notes, held];
}

/** The session's own variables, `null` for a removed one; null when it is not open. */
async function liveValues(subject: Subject, world: World): Promise<Map<string, string | null> | null> {
  if (subject.sessionId === null || world.server === null) return null;
  const id = subject.sessionId;
  const details = await readDetails(world.connection, world.server.version, {
    sessions: [id],
    windows: [],
    panes: [],
  });
  const environment = details.sessions.get(id)?.environment ?? [];
  return new Map(environment.map(({ name, value }) => [name, value]));
}

/** Changes the file, then brings the running session up to it. */
async function apply(subject: Subject, change: Change, world: World, context: Context): Promise<Outcome> {
  const remarks: string[] = [];
  const before = new Set(subject.resolve().variables.map(({ name }) => name));
  const missing = change.unset.filter((name) => !fileNames(subject.path).has(name));
  if (change.set.size > 0 || change.unset.length > 0) {
    // Two that change one file at once must not undo each other.
    const lock = join(stateFolder(context.env), 'locks', `env-${hashOf(subject.path)}.lock`);
    await withLock(lock, () => edit(subject, change, remarks, context));
  }
  const resolved = subject.resolve();
  remarks.push(...notesOf(resolved, subject, context));
  const values = new Map(resolved.variables.map(({ name, value }) => [name, value]));
  const gone = [...new Set([...before, ...change.unset])].filter((name) => !values.has(name));
  if (subject.sessionId !== null) {
    const id = subject.sessionId;
    const commands: TmuxCommand[] = [
      ...[...values].map(([name, value]) => ['set-environment', '-t', id, name, value]),
      ...gone.map((name) => ['set-environment', '-u', '-t', id, name]),
    ];
    const { errors } = await world.connection.batch(commands);
    if (errors.length > 0) {
      throw new CwError('partial', `tmux did not take all variables: ${errors.join('; ')}`, {
        hint: `The file is changed. To try again: cw env ${subject.name} --reload`,
      });
    }
  }
  for (const name of missing) remarks.push(`${name} was not in ${envFileName}.`);
  for (const remark of remarks) context.note(remark);
  const where =
    subject.sessionId === null ? 'when it is opened' : 'in new panes; running programs keep theirs';
  const done = [
    ...[...change.set.keys()].map((name) => `set ${name}`),
    ...change.unset.filter((name) => !missing.includes(name)).map((name) => `took out ${name}`),
  ];
  const what =
    done.length > 0
      ? `${done.join(', ')} in ${tildePath(join(subject.path, envFileName), context.env)}`
      : `read ${envFileName} again`;
  return {
    data: {
      name: subject.name,
      path: subject.path,
      open: subject.sessionId !== null,
      set: [...change.set.keys()],
      unset: change.unset.filter((name) => !missing.includes(name)),
      loaded: subject.sessionId !== null,
      withheld: resolved.withheld,
      notes: remarks,
    },
    text: `${what.slice(0, 1).toUpperCase()}${what.slice(1)}. It holds ${where}.`,
  };
}

function hashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}

function fileNames(path: string): Set<string> {
  return new Set(readEnvFile(path).entries.map(({ name }) => name));
}

async function edit(subject: Subject, change: Change, remarks: string[], context: Context): Promise<void> {
  const link = join(subject.path, envFileName);
  // A link stays a link: it often leads to a file that several checkouts share.
  const file = existsSync(link) ? realpathSync(link) : link;
  const trustedBefore = isTrusted(trustState(subject.path, context.env));
  const isNew = !existsSync(file);
  const before = readSmallFile(file) ?? '';
  let text = before;
  for (const name of change.unset) text = unsetInDotenv(text, name);
  for (const [name, value] of change.set) text = setInDotenv(text, name, value);
  if (text === before) return;
  if (isNew) {
    const problem = excludeOurFiles(subject.path, [envFileName]);
    if (problem !== null) remarks.push(problem);
  }
  try {
    // 0600: such files hold secrets.
    writeFileAtomic(file, text, 0o600);
  } catch (error) {
    throw new CwError('failed', `${tildePath(file, context.env)} cannot be written: ${messageOf(error)}`, {
      hint: 'Nothing was changed.',
      cause: error,
    });
  }
  // What the user writes here by hand needs no second consent, where the rest of the project had it.
  const names = [...change.set.keys(), ...change.unset];
  if (trustedBefore && names.some(isDangerousName)) {
    const report = trustState(subject.path, context.env);
    if (report.state !== 'nothing-to-trust') await trust(report, context.env);
  }
}
