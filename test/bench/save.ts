import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Saver } from '../../src/snapshot/save.js';
import { writeFileAtomic } from '../../src/system/files.js';
import type { Command, Connection } from '../../src/tmux/connection.js';
import { readServer } from '../../src/tmux/reading.js';
import { waitUntil } from '../support/wait.js';
import type { ManyWorkspaces } from './many.js';
import { comparison, inTurn, process as program, type Row } from './measure.js';

const layoutsOnly = { scrollbackLines: 0, paneHistory: true };
const withText = { scrollbackLines: 5000, paneHistory: true };

/** Saves as the daemon makes them: over its control client, by a saver that lives long. */
export async function saveRows(many: ManyWorkspaces, runs: number): Promise<Row[]> {
  const connection = await many.daemonsConnection();
  const one = await listPanes(connection);
  const reference = async () => void (await connection.batch([one]));
  const count = many.blueprints.length;
  const of = `${count} ${count === 1 ? 'workspace' : 'workspaces'}`;
  const against = 'one list-panes -a with the same fields';
  const rows: Row[] = [];

  const layouts = new Saver(connection, many.registry, layoutsOnly);
  const saveLayouts = async (changed = 0) => {
    const saved = await layouts.save({ reason: 'change' });
    if (saved.length !== count || saved.some(({ failure }) => failure !== null))
      throw new Error('a save failed');
    const written = saved.filter((one) => one.written).length;
    if (written !== changed)
      throw new Error(`${written} snapshots were written where ${changed} had changed`);
  };
  // The daemon that makes them has run for long: what it does often is compiled.
  await saveLayouts(count);
  for (let warm = 0; warm < 60; warm++) {
    await resize(many, count);
    await saveLayouts(count);
    await layouts.prepare();
    await reference();
  }
  await layouts.prepare();
  const changing = async (workspaces: number) => {
    await layouts.prepare();
    await resize(many, workspaces);
  };
  /** A row of saves in which so many workspaces have changed. */
  const layoutRow = async (changed: number, which: string) => {
    const between = changed > 0 ? () => changing(changed) : undefined;
    const times = await inTurn(() => saveLayouts(changed), reference, runs, between);
    rows.push(comparison(`save layouts, ${of}, ${which}`, against, 2, times));
    // What was changed before the last reference is saved too.
    await layouts.save({ reason: 'change' });
    await layouts.prepare();
  };
  await layoutRow(count, 'all changed');
  await layoutRow(1, 'one changed');
  await layoutRow(0, 'nothing changed');
  const least = durableWrite(many);
  const readAndWrite = async () => {
    await reference();
    least();
  };
  rows.push(
    comparison(
      `save layouts, ${of}, all changed`,
      'the same list-panes -a, and one durable write of as many bytes',
      null,
      await inTurn(
        () => saveLayouts(count),
        readAndWrite,
        runs,
        () => changing(count),
      ),
    ),
  );

  const texts = new Saver(connection, many.registry, withText);
  const saveTexts = async () => {
    const saved = await texts.save({ reason: 'change' });
    if (saved.some(({ failure }) => failure !== null)) throw new Error('a save failed');
  };
  let line = 0;
  for (let warm = 0; warm < 30; warm++) {
    await saveTexts();
    await texts.prepare();
    await print(many, connection, `one more line ${line++}`);
  }
  rows.push(
    comparison(
      `save with scrollback, ${of}, one pane of ${count * 4} changed`,
      against,
      3,
      await inTurn(saveTexts, reference, runs, async () => {
        await texts.prepare();
        await print(many, connection, `one more line ${line++}`);
      }),
    ),
    {
      what: `files written by a save without a change, ${of}`,
      ours: await filesWritten(many, texts),
      against: 'names, sizes, times and inodes of all files',
      theirs: null,
      limit: 0,
      unit: 'files',
    },
  );
  return rows;
}

/**
 * The least that a change costs which shall survive a loss of power: a file, its bytes and its name on the disk. What
 * the newest snapshots hold together is written as one.
 */
function durableWrite(many: ManyWorkspaces): () => void {
  const bytes = Buffer.alloc(
    many
      .files()
      .filter((file) => file.includes('/snapshots/'))
      .reduce((sum, file) => sum + statSync(file).size, 0) / Math.max(1, snapshotsEach(many)),
  );
  const target = join(many.world.folder, 'durable');
  return () => writeFileAtomic(target, bytes);
}

function snapshotsEach(many: ManyWorkspaces): number {
  return many.files().filter((file) => file.includes('/snapshots/')).length / many.blueprints.length;
}

/** The program itself, its start included. */
export async function cliSaveRow(many: ManyWorkspaces, runs: number): Promise<Row> {
  const command = await listPanes(many.process);
  const count = many.blueprints.length;
  return comparison(
    `cw save --all, ${count} ${count === 1 ? 'workspace' : 'workspaces'}, one changed`,
    'tmux list-panes -a with the same fields, as a process',
    null,
    await inTurn(
      many.cli('save', '--all'),
      program('tmux', ['-u', ...many.address.args, ...command], { env: many.world.env }),
      runs,
      () => resize(many, 1),
    ),
  );
}

/** One `list-panes -a` that asks for every field that a save asks for, in the rows of which it asks. */
export async function listPanes(connection: Connection): Promise<Command> {
  const sent: Command[] = [];
  await readServer({
    ...connection,
    batch: (commands, options) => {
      sent.push(...commands);
      return connection.batch(commands, options);
    },
  });
  const formats = ['list-sessions', 'list-windows', 'list-panes'].map(
    (name) => sent.find(([command]) => command === name)?.at(-1) ?? '',
  );
  return ['list-panes', '-a', '-F', formats.join('')];
}

let moves = 0;

/** Moves the border between two panes of the first workspaces. */
async function resize(many: ManyWorkspaces, workspaces: number): Promise<void> {
  // Never where it has been lately: each workspace that is moved has changed since it was saved.
  const width = String(20 + (moves++ % 150));
  await many.process.batch(
    many.blueprints
      .slice(0, workspaces)
      .map(({ session }) => ['resize-pane', '-t', `=${session}:.{top-left}`, '-x', width]),
  );
}

/** Prints a line in one pane of the last workspace, and waits until tmux has read it. */
async function print(many: ManyWorkspaces, connection: Connection, text: string): Promise<void> {
  const target = `=${many.blueprints.at(-1)?.session}:.{top-left}`;
  const ask: Command = ['display-message', '-p', '-t', target, '#{pane_tty} #{history_size} #{cursor_y}'];
  const before = (await connection.batch([ask])).stdout.toString();
  writeFileSync(before.split(' ')[0] ?? '', `\n${text}\n$ `);
  await waitUntil(
    'the line is there',
    async () => (await connection.batch([ask])).stdout.toString() !== before,
  );
}

async function filesWritten(many: ManyWorkspaces, saver: Saver): Promise<number> {
  const look = () =>
    new Map(
      many.files().map((file) => {
        const { size, mtimeMs, ino } = statSync(file);
        return [file, `${size} ${mtimeMs} ${ino}`];
      }),
    );
  await saver.save({ reason: 'change' });
  await saver.prepare();
  const before = look();
  await saver.save({ reason: 'change' });
  const after = look();
  return [...after].filter(([file, state]) => before.get(file) !== state).length;
}
