// npm start [-- ARGUMENTS]: installs, builds, and opens the folder it is started in as a workspace.
import { join } from 'node:path';
import { buildIfNeeded, install, requireNode, root, run } from './steps.mjs';

requireNode();
const folder = process.env.INIT_CWD || process.cwd();
const failed = install() || (await buildIfNeeded());
process.exitCode =
  failed || run(join(root, 'bin/cw'), ['up', folder, ...process.argv.slice(2)], { cwd: folder });
