import { join, resolve } from 'node:path';
import { CwError } from '../../errors.js';
import type { UserEdit } from '../../integration/user-file.js';
import { isFolder } from '../../system/files.js';
import { changeUserFile, changingOptions, checkChanging } from '../changing-file.js';
import type { Args, Command, Context, Outcome, PositionalSpec } from '../command.js';

const place: PositionalSpec = {
  name: 'path',
  describe: 'The folder that the editor opens; this one when not given.',
};

export const vscode: Command = {
  name: 'init vscode',
  summary: 'Tasks for VS Code: attach, dashboard, health, save.',
  description:
    'Merges them into .vscode/tasks.json; comments and other tasks stay as they are. "cw: attach" opens the workspace of the folder in a terminal of VS Code, also from a Remote-SSH window (cw is to be on the PATH there) and where VS Code itself runs inside tmux; "cw: health" lists what is wrong under Problems.',
  positionals: [place],
  options: {
    'on-open': { type: 'boolean', describe: 'Attach each time the folder is opened.' },
    profile: { type: 'boolean', describe: 'Also a terminal profile, in .vscode/settings.json.' },
    ...changingOptions,
  },
  examples: [
    { line: 'cw init vscode --print', does: 'See the tasks first.' },
    { line: 'cw init vscode --profile --yes', does: 'Tasks and a terminal profile.' },
    { line: 'cw init vscode --remove --yes', does: 'As it was before.' },
  ],
  async run(args, context) {
    const folder = folderOf(args, context);
    const { vscodeTasks, vscodeProfile } = await import('../../integration/editors.js');
    const { profile, remove } = args.options;
    const tasks = {
      path: join(folder, '.vscode/tasks.json'),
      edit: vscodeTasks(args.options['on-open'] === true),
      what: 'tasks',
    };
    const settings = { path: join(folder, '.vscode/settings.json'), edit: vscodeProfile, what: 'profiles' };
    return changeAll([tasks, ...(profile || remove ? [settings] : [])], 'cw init vscode', args, context);
  },
};

export const zed: Command = {
  name: 'init zed',
  summary: 'Tasks for Zed: attach, dashboard, health, save.',
  description: 'Merges them into .zed/tasks.json; comments and other tasks stay as they are.',
  positionals: [place],
  options: changingOptions,
  examples: [
    { line: 'cw init zed --print', does: 'See the tasks first.' },
    { line: 'cw init zed --yes', does: 'Add them.' },
    { line: 'cw init zed --remove --yes', does: 'As it was before.' },
  ],
  async run(args, context) {
    const folder = folderOf(args, context);
    const { zedTasks } = await import('../../integration/editors.js');
    const tasks = { path: join(folder, '.zed/tasks.json'), edit: zedTasks, what: 'tasks' };
    return changeAll([tasks], 'cw init zed', args, context);
  },
};

interface Part {
  readonly path: string;
  readonly edit: UserEdit;
  readonly what: string;
}

function folderOf(args: Args, context: Context): string {
  checkChanging(args.options);
  const folder = resolve(context.cwd, args.positionals.path ?? '.');
  if (!isFolder(folder)) throw new CwError('not-found', `There is no folder ${folder}.`);
  return folder;
}

/** One file after the other; each is shown and asked for. */
async function changeAll(
  parts: readonly Part[],
  line: string,
  args: Args,
  context: Context,
): Promise<Outcome> {
  const { print, remove, yes } = args.options;
  if (print) {
    const files = parts.map(({ path, edit }) => ({ path, text: edit.put(null, path) }));
    return { data: files, text: files.map(({ text }) => text.trimEnd()).join('\n') };
  }
  const outcomes: Outcome[] = [];
  // The folder was made with the first, so that goes last.
  for (const part of remove ? [...parts].reverse() : parts)
    outcomes.push(
      await changeUserFile(
        { ...part, mode: 0o644, line, remove: remove === true, yes: yes === true },
        context,
      ),
    );
  return { data: outcomes.map(({ data }) => data), text: outcomes.map(({ text }) => text).join('\n') };
}
