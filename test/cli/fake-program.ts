import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from '../support/sandbox.js';

/**
 * Builds a program of the real frame with commands of a test's own, as `dist/cw.cjs` of a package folder.
 *
 * @param verbs the text of an object: what each verb does, `(args, context) => Outcome`.
 */
export async function buildProgram(folder: string, verbs: string): Promise<string> {
  const file = join(folder, 'dist/cw.cjs');
  writeFileSync(join(folder, 'package.json'), '{"version":"9.8.7"}');
  await build({
    stdin: { contents: source(verbs), resolveDir: root },
    bundle: true,
    outfile: file,
    platform: 'node',
    format: 'cjs',
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: { js: 'var __importMetaUrl = require("url").pathToFileURL(__filename).href;' },
    logLevel: 'silent',
  });
  return file;
}

const source = (verbs: string) => `
import { main } from './src/cli/main.ts';
import { CwError } from './src/errors.ts';
const positionals = [{ name: 'word', describe: '', variadic: true }];
const verbs = Object.fromEntries(Object.entries({ ${verbs} }).map(([name, run]) => [
  name,
  async () => ({ verb: { name, summary: name, examples: [], positionals, run } }),
]));
const program = {
  verbs,
  aliases: { ls: 'words' },
  groups: [{ title: 'All', verbs: Object.keys(verbs) }],
  openVerb: 'open',
  connect() { throw new Error('no tmux here'); },
  loadSettings() { throw new Error('no settings here'); },
};
main(program, process.argv.slice(2)).then((code) => process.exit(code));
`;
