import { CwError } from '../../errors.js';
import type { Args, Command, Context } from '../command.js';

export const verb: Command = {
  name: 'import',
  summary: 'Bring a workspace here from an archive, or from a save of tmux-resurrect.',
  description:
    'FILE is an archive of cw export. Its repository is found by its remote, or made from what the archive holds; its work comes uncommitted as it was, or on a branch of its own where there are local changes. Commands are typed and wait for Enter. With --from resurrect FILE is a save of tmux-resurrect, or a folder of saves; without FILE its newest one.',
  positionals: [{ name: 'file', completes: 'file', describe: 'An archive, or a save of tmux-resurrect.' }],
  options: {
    from: { type: 'string', value: 'KIND', describe: 'What to import: archive (as without it), resurrect.' },
    as: { type: 'string', value: 'NAME', describe: 'Under another name.' },
    into: {
      type: 'string',
      completes: 'folder',
      value: 'PATH',
      describe: "Where the project's folder is, or shall be.",
    },
    map: {
      type: 'string',
      value: 'OLD=NEW',
      multiple: true,
      describe: 'A folder of the other machine, and the one that stands for it here.',
    },
    clone: { type: 'boolean', describe: 'Clone the repository where it is not here.' },
    fork: {
      type: 'boolean',
      describe: 'A conversation that went on here otherwise comes under an id of its own.',
    },
    run: { type: 'boolean', describe: 'Start what a restore would start. Look at it first: cw inspect FILE' },
    'dry-run': { type: 'boolean', describe: 'Say what would be done, and do nothing.' },
  },
  examples: [
    {
      line: 'cw import claude-session-shop.tar.gz',
      does: 'Go on with a workspace of another machine.',
    },
    {
      line: 'cw import claude-session-shop.tar.gz --into ~/work/shop --dry-run',
      does: 'See what would be done, in another folder.',
    },
    {
      line: 'cw import --from resurrect --dry-run',
      does: 'See what the newest save of tmux-resurrect holds.',
    },
  ],
  async run(args, context) {
    const { file } = args.positionals;
    const { from = 'archive' } = args.options;
    if (file === '') throw new CwError('usage', 'FILE is an empty word.', { hint: usage });
    if (from === 'resurrect') {
      const other = onlyForArchives.find((name) => args.options[name] !== undefined);
      if (other !== undefined)
        throw new CwError('usage', `--${other} is for archives of cw export.`, {
          hint: 'cw import --from resurrect [FILE]',
        });
      const { importSave } = await import('../importing-resurrect.js');
      return importSave(file, args.options['dry-run'] === true, context);
    }
    if (from !== 'archive')
      throw new CwError('usage', `Nothing is known of saves from ${JSON.stringify(from)}.`, { hint: usage });
    if (file === undefined) throw new CwError('usage', 'What to import was not said.', { hint: usage });
    return importFile(file, args, context);
  },
};

const usage = 'cw import FILE, or cw import --from resurrect [FILE]';

const onlyForArchives = ['as', 'into', 'map', 'clone', 'fork', 'run'] as const;

async function importFile(file: string, { options }: Args, context: Context) {
  const { importArchiveFile } = await import('../importing-archive.js');
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return importArchiveFile(
    file,
    {
      as: text(options.as),
      into: text(options.into),
      map: Array.isArray(options.map) ? options.map : [],
      clone: options.clone === true,
      fork: options.fork === true,
      run: options.run === true,
      dryRun: options['dry-run'] === true,
    },
    context,
  );
}
