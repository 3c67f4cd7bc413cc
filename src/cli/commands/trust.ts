import { CwError } from '../../errors.js';
import { type TrustReport, trust, trustedProjects, trustState, untrust } from '../../project/trust.js';
import { expandPath, tildePath } from '../../system/paths.js';
import { find, projectFolder } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { table } from '../output.js';

export const verb: Command = {
  name: 'trust',
  summary: 'Show what a project would run by its own files, and allow it.',
  description:
    'Commands in .cw.yaml and .claude/config/project.json, and variables of .env.claude that can run code (PATH, ' +
    'NODE_OPTIONS, GIT_*, ...), work only after this. What is allowed is remembered by its content: a change asks again.',
  positionals: [
    {
      name: 'project',
      completes: 'project',
      describe: 'A folder or the name of a project; this folder when not given.',
    },
  ],
  options: {
    yes: { type: 'boolean', short: 'y', describe: 'Allow it without a question.' },
    trust: { type: 'boolean', describe: 'The same as --yes.' },
    show: { type: 'boolean', describe: 'Only show it.' },
    remove: { type: 'boolean', describe: 'Take the trust back.' },
    list: { type: 'boolean', describe: 'All projects that are trusted.' },
  },
  examples: [
    { line: 'cw trust --show', does: 'What the project you are in would run.' },
    { line: 'cw trust ~/projects/shop --yes', does: 'Allow it, without a question.' },
    { line: 'cw trust --list', does: 'What is trusted.' },
    { line: 'cw trust ~/projects/shop --remove', does: 'Ask again next time.' },
  ],
  async run(args, context) {
    const { yes, trust: alsoYes, show, remove, list: all } = args.options;
    const chosen = [show, remove, all, yes || alsoYes].filter(Boolean);
    if (chosen.length > 1) {
      throw new CwError('usage', 'Only one of --show, --yes, --remove and --list can be given.', {
        hint: 'See: cw trust --help',
      });
    }
    if (all) return list(args, context);
    if (remove) return takeBack(args, context);
    const report = trustState(await folderOf(args.positionals.project, context), context.env);
    // Loads the YAML parser: --list and --remove do without.
    const { trustPicture } = await import('../trust-picture.js');
    const picture = trustPicture(report, context.env);
    if (show || report.state === 'trusted' || report.state === 'nothing-to-trust') {
      return { data: dataOf(report), text: picture };
    }
    if (!yes && !alsoYes) {
      const path = tildePath(report.path, context.env);
      context.note(picture);
      if (!context.terminal.interactive || context.json) {
        throw new CwError('refused', `Trusting ${path} needs a yes.`, {
          hint: `Nothing was changed. Without a terminal: cw trust ${path} --yes`,
        });
      }
      if (!(await context.ask(`Trust ${path} to run this?`))) {
        return { data: dataOf(report), text: 'Nothing was changed.' };
      }
    }
    await trust(report, context.env);
    const now = { ...report, state: 'trusted' as const };
    const shown = yes || alsoYes ? `${trustPicture(now, context.env)}\n` : '';
    return {
      data: dataOf(now),
      text: `${shown}Trusted: ${tildePath(report.path, context.env)}. Take it back with: cw trust ${tildePath(report.path, context.env)} --remove`,
    };
  },
};

function dataOf(report: TrustReport) {
  const { path, state, files, commands, variables, hash } = report;
  return { path, state, files, commands, variables, hash };
}

function list(args: Args, context: Context): Outcome {
  if (args.positionals.project !== undefined) {
    throw new CwError('usage', '--list takes no project.', {
      hint: 'Of one project: cw trust PROJECT --show',
    });
  }
  const entries = trustedProjects(context.env).map(({ path, at }) => ({
    path,
    trustedAt: at,
    state: stateNow(path, context.env),
  }));
  if (entries.length === 0) return { data: [], text: 'No project is trusted.' };
  const rows = entries.map((entry) => [
    tildePath(entry.path, context.env),
    entry.state === 'trusted' ? 'trusted' : entry.state,
    entry.trustedAt.slice(0, 10),
  ]);
  return {
    data: entries,
    text: table([['PROJECT', 'STATE', 'SINCE'], ...rows], context.terminal.columns, [{ cut: 'start' }]),
  };
}

/** A project that cannot be looked at must not hide the others. */
function stateNow(path: string, env: NodeJS.ProcessEnv): string {
  try {
    return trustState(path, env).state;
  } catch {
    return 'unreadable';
  }
}

async function takeBack(args: Args, context: Context): Promise<Outcome> {
  const word = args.positionals.project ?? '.';
  // The folder may be gone: its trust can be taken back all the same.
  const path = isPath(word) ? expandPath(word, context.cwd, context.env) : await folderOf(word, context);
  const had = await untrust(path, context.env);
  const shown = tildePath(path, context.env);
  if (!had) {
    throw new CwError('not-found', `${shown} was not trusted.`, { hint: 'What is: cw trust --list' });
  }
  return { data: { path, state: 'untrusted' }, text: `Not trusted any more: ${shown}.` };
}

/** The folder of a project, given as a path or by name; without a word the current one. */
async function folderOf(word: string | undefined, context: Context): Promise<string> {
  const given = word ?? '.';
  if (given === '') throw new CwError('usage', 'The project is an empty word.', { hint: 'cw trust PATH' });
  // Only a name needs a look at what is open.
  if (isPath(given)) return projectFolder(expandPath(given, context.cwd, context.env), context.env);
  const world = await readWorld(context.tmux(), context.env);
  const found = find(given, placesOf(world, context.settings(), context.cwd, context.env));
  return 'workspace' in found ? projectFolder(found.workspace.path, context.env) : found.folder;
}

function isPath(word: string): boolean {
  return word.includes('/') || word === '.' || word === '..' || word === '~';
}
