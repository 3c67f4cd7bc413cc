import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { tildePath } from '../../system/paths.js';
import { changeUserFile, changingOptions, checkChanging } from '../changing-file.js';
import type { Command } from '../command.js';

export const git: Command = {
  name: 'init git',
  summary: 'Before each commit, tell of uncommitted changes in other worktrees.',
  description:
    "Adds a block to the pre-commit hook of the repository, before a hook that is there, which runs as it did (also of husky, lefthook and pre-commit; core.hooksPath counts). It names the pane that works in each worktree, takes a few milliseconds and git's own, and lets every commit pass, also where cw is missing; with --strict such changes stop it.",
  positionals: [{ name: 'path', describe: 'A folder in the repository; this one when not given.' }],
  options: {
    strict: { type: 'boolean', describe: 'Stop the commit (git commit --no-verify passes).' },
    ...changingOptions,
  },
  examples: [
    { line: 'cw init git --print', does: 'See the hook first.' },
    { line: 'cw init git --strict --yes', does: 'Add it; it stops commits.' },
    { line: 'cw init git --remove --yes', does: 'As it was before.' },
  ],
  async run(args, context) {
    checkChanging(args.options);
    const { env } = context;
    const { strict, print, remove, yes } = args.options;
    const { gitHook, hookPlace, managerOf } = await import('../../integration/git-hook.js');
    const { readUserFile } = await import('../../integration/user-file.js');
    const place = await hookPlace(resolve(context.cwd, args.positionals.path ?? '.'), env);
    const isShared = place.manager === 'husky';
    const edit = gitHook({ strict: strict === true, isShared });
    if (print) {
      const text = edit.put(null, place.path);
      return { data: { path: place.path, text }, text: text.trimEnd() };
    }
    const { text, mode } = readUserFile(place.path, 0o755);
    const manager = place.manager ?? managerOf(text ?? '');
    const remarks = [
      ...(isShared
        ? ['husky keeps this file with the project: it is committed, and holds for all who have cw.']
        : []),
      ...(manager === 'lefthook' || manager === 'pre-commit'
        ? [
            `${manager} wrote this file, and takes the block out when it installs its hooks anew: cw init git then.`,
          ]
        : []),
      ...(place.isOwn
        ? []
        : ['core.hooksPath names this folder: the hook may be that of several repositories.']),
      ...(text !== null && !isShared && existsSync(place.path) && (mode & 0o100) === 0
        ? [`${tildePath(place.path, env)} is not executable, so git passes over it: chmod +x`]
        : []),
    ];
    return changeUserFile(
      {
        path: place.path,
        edit,
        mode: 0o755,
        what: 'block',
        line: 'cw init git',
        remove: remove === true,
        yes: yes === true,
        remarks: async () => remarks,
      },
      context,
    );
  },
};
