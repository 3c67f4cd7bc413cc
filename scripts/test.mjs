// npm test [-- ARGUMENTS OF VITEST]: installs, builds, lints, type-checks, and runs every test. The first stage that
// fails ends it.
import { buildIfNeeded, install, requireNode, run, tool } from './steps.mjs';

requireNode();
const stages = [
  ['install', install],
  ['build', buildIfNeeded],
  ['lint', () => run(tool('biome'), ['check', '.'])],
  ['type check', () => run(tool('tsc'), ['--noEmit'])],
  ['tests', () => run(tool('vitest'), ['run', ...process.argv.slice(2)])],
];
for (const [name, stage] of stages) {
  const code = await stage();
  if (code !== 0) {
    console.error(`\nnpm test: failed at the stage "${name}" (exit code ${code}).`);
    process.exit(code);
  }
}
