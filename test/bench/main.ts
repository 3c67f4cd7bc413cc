import { cpus, loadavg } from 'node:os';
import { agentRowsOf } from './agents.js';
import { archivePeak, archiveRows } from './archive.js';
import { cleanupRows } from './cleanup.js';
import { dashboardRows } from './dashboard.js';
import { healthRows } from './health.js';
import { daemonRows } from './idle.js';
import { ManyWorkspaces } from './many.js';
import { type Row, tableHead, tableOf } from './measure.js';
import { pickerRows } from './picker.js';
import { remoteRows } from './remote.js';
import { restoreRows } from './restore.js';
import { resurrectRows } from './resurrect.js';
import { cliSaveRow, saveRows } from './save.js';
import { stallRows } from './stall.js';
import { startRows } from './start.js';

/**
 * `npm run bench [-- --quick] [--runs N] [--only start,save,restore,daemon,agents,stall,health,cleanup,remote] [--sizes 1,10]`: ratios measured in one run, in turn
 * with what they are measured against; absolute times move with the machine and its load.
 */
const quick = process.argv.includes('--quick');
const runs = Number(argument('--runs') ?? (quick ? 7 : 15));
const only = argument('--only')?.split(',');
const sizes = argument('--sizes')?.split(',').map(Number) ?? (quick ? [1, 10, 50] : [1, 10, 50, 100, 200]);

const parts: Record<string, () => Promise<Row[]>> = {
  start: () => startRows(runs),
  save: () => worlds(saves),
  restore: () => worlds(restores),
  cleanup: async () => cleanupRows(runs),
  archive: () => archiveRows(Math.min(runs, 5)),
  daemon: () => daemonRows({ seconds: quick ? 30 : 60, changes: quick ? 20 : 40 }),
  agents: () => agentRowsOf(runs),
  dashboard: () => dashboardRows(30),
  picker: () => pickerRows(runs),
  remote: () => remoteRows(Math.min(runs, 5)),
  stall: () => stallRows(quick ? 10 : 30),
  health: () =>
    worlds(
      (many) => healthRows(many, Math.min(runs, 7)),
      argument('--sizes') ? sizes : quick ? [10] : [10, 100],
    ),
};

if (process.argv[2] === 'archive-peak') {
  await archivePeak(process.argv.slice(3));
  process.exit();
}

console.log(
  `Medians of ${runs} runs, taken in turn; Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}.\n`,
);
console.log(tableHead);
for (const [name, part] of Object.entries(parts)) {
  if (only && !only.includes(name)) continue;
  process.stderr.write(`${name} ...\n`);
  try {
    console.log(tableOf(await part()));
  } catch (error) {
    // The other parts are worth their time all the same.
    console.error(error);
    process.exitCode = 1;
  }
}

/** Each size in a world of its own: a server that has had 200 sessions is another one than a new one. */
async function worlds(
  work: (many: ManyWorkspaces) => Promise<Row[]>,
  counts: readonly number[] = sizes,
): Promise<Row[]> {
  const found: Row[] = [];
  for (const size of counts) {
    const many = new ManyWorkspaces();
    try {
      await many.grow(size);
      found.push(...(await work(many)));
    } finally {
      await many.dispose();
    }
  }
  return found;
}

async function saves(many: ManyWorkspaces): Promise<Row[]> {
  const rows = await saveRows(many, runs);
  return [
    ...rows,
    await cliSaveRow(many, many.blueprints.length >= 100 ? 3 : Math.min(runs, 7)),
    ...(await resurrectRows(many)),
  ];
}

function restores(many: ManyWorkspaces): Promise<Row[]> {
  return restoreRows(many, many.blueprints.length >= 100 ? 3 : 5);
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : undefined;
}
