import { cpus } from 'node:os';
import { printTable } from './measure.js';
import { startRows } from './start.js';

/** `npm run bench [-- --runs N]`: ratios measured in one run; absolute times move with the machine and its load. */
const at = process.argv.indexOf('--runs');
const runs = at > 0 ? Number(process.argv[at + 1]) : 15;
console.log(`Medians of ${runs} runs, taken in turn; Node ${process.version}, ${cpus().length} cores.\n`);
printTable(await startRows(runs));
