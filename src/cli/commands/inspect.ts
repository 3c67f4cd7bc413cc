import { inspectArchive } from '../../archive/inspect.js';
import { expandPath } from '../../system/paths.js';
import { archivePicture } from '../archive-picture.js';
import { passphraseOf } from '../archives.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'inspect',
  summary: 'What is in an archive, and what it could run.',
  description:
    'Reads the whole file, checks every checksum, and shows its windows, all commands that an import could run, what was left out, and what to mind. Nothing of it is written anywhere, run, or shown as it is.',
  positionals: [{ name: 'file', completes: 'file', describe: 'What cw export wrote.', required: true }],
  examples: [{ line: 'cw inspect claude-session-shop.tar.gz', does: 'Before it is imported.', exit: 3 }],
  async run(args, context) {
    const { env, cwd, terminal } = context;
    const inspection = await inspectArchive(expandPath(args.positionals.file ?? '', cwd, env), {
      env,
      passphrase: () => passphraseOf(context),
    });
    return { data: inspection, text: archivePicture(inspection, terminal.columns, terminal.color) };
  },
};
