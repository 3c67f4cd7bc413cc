import { diff } from '../../blueprint/diff.js';
import { CwError } from '../../errors.js';
import { BlobStore } from '../../snapshot/blobs.js';
import type { Snapshot } from '../../snapshot/model.js';
import { type Bases, placeOf } from '../../snapshot/restore-report.js';
import { tildePath } from '../../system/paths.js';
import type { Args, Command, Context, Verb } from '../command.js';
import { visible } from '../output.js';
import { findEntry, workspaceAndStore } from '../snapshots.js';

const name = { name: 'name', completes: 'workspace', describe: 'The workspace.', required: true } as const;
const id = {
  name: 'id',
  completes: 'snapshot',
  describe: 'The number of a snapshot, or a time; the newest one when not given.',
} as const;

const show: Command = {
  name: 'snapshot show',
  summary: 'What a snapshot holds.',
  positionals: [name, id],
  options: {
    text: {
      type: 'string',
      value: 'PANE',
      describe: 'The saved text of a pane, such as 0.1, as it is called where the snapshot is shown.',
    },
  },
  examples: [
    { line: 'cw snapshot show shop', does: 'Windows, panes and what ran in them.' },
    { line: 'cw snapshot show shop --text 0.0', does: 'The text of the first pane.' },
  ],
  async run(args, context) {
    const { snapshot, registryFolder, bases } = await chosen(args, context);
    const pane = args.options.text;
    if (typeof pane !== 'string') return { data: snapshot, text: picture(snapshot, bases, context) };
    const text = await paneText(snapshot, pane, bases, new BlobStore(registryFolder));
    return { data: { pane, text }, text: text.join('\n') };
  },
};

const compare: Command = {
  name: 'snapshot diff',
  summary: 'What changed between two snapshots.',
  positionals: [
    name,
    { ...id, required: true },
    { name: 'other', completes: 'snapshot', describe: 'Another one; the newest when not given.' },
  ],
  examples: [{ line: 'cw snapshot diff shop 1', does: 'From the first snapshot to the newest.' }],
  async run(args, context) {
    const { store } = await workspaceAndStore(args.positionals.name ?? '', context);
    const read = async (word: string | undefined) =>
      store.read((await findEntry(store, args.positionals.name ?? '', word)).sequence);
    const [before, after] = [await read(args.positionals.id), await read(args.positionals.other)];
    const differences = diff(before.blueprint, after.blueprint);
    const value = (part: unknown) =>
      part === undefined || part === null
        ? '-'
        : visible(typeof part === 'string' ? part : JSON.stringify(part));
    return {
      data: { from: before.sequence, to: after.sequence, differences },
      text:
        differences.length === 0
          ? `Snapshots ${before.sequence} and ${after.sequence} hold the same windows and panes.`
          : differences
              .map((one) => `${one.path}\n  - ${value(one.before)}\n  + ${value(one.after)}`)
              .join('\n'),
    };
  },
};

function pinning(word: 'pin' | 'unpin'): Command {
  return {
    name: `snapshot ${word}`,
    summary: word === 'pin' ? 'Keep a snapshot for ever.' : 'Let a pinned snapshot expire again.',
    positionals: [name, id],
    examples: [
      { line: `cw snapshot ${word} shop`, does: `${word === 'pin' ? 'Pin' : 'Unpin'} the newest one.` },
    ],
    async run(args, context) {
      const { store } = await workspaceAndStore(args.positionals.name ?? '', context);
      const { sequence } = await findEntry(store, args.positionals.name ?? '', args.positionals.id);
      await store[word](sequence);
      return {
        data: { id: String(sequence), pinned: word === 'pin' },
        text: `Snapshot ${sequence} of ${args.positionals.name} is ${word}ned.`,
      };
    },
  };
}

const remove: Command = {
  name: 'snapshot rm',
  summary: 'Remove a snapshot.',
  positionals: [name, { ...id, required: true }],
  options: { yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' } },
  examples: [{ line: 'cw snapshot rm shop 1 --yes', does: 'Remove the first one.' }],
  async run(args, context) {
    const { store } = await workspaceAndStore(args.positionals.name ?? '', context);
    const entry = await findEntry(store, args.positionals.name ?? '', args.positionals.id);
    if (!args.options.yes) {
      if (!context.terminal.interactive)
        throw new CwError('refused', 'Removing a snapshot needs a yes.', {
          hint: 'Without a terminal: --yes. Nothing was removed.',
        });
      if (!(await context.ask(`Remove snapshot ${entry.id} of ${args.positionals.name}?`)))
        return { text: 'Nothing was removed.' };
    }
    await store.remove(entry.sequence);
    return { data: { id: entry.id }, text: `Snapshot ${entry.id} of ${args.positionals.name} is removed.` };
  },
};

export const verb: Verb = {
  name: 'snapshot',
  summary: 'Look at one saved moment, keep it, or remove it.',
  subcommands: { show, diff: compare, pin: pinning('pin'), unpin: pinning('unpin'), rm: remove },
};

interface Chosen {
  readonly snapshot: Snapshot;
  readonly registryFolder: string;
  readonly bases: Bases | null;
}

async function chosen(args: Args, context: Context): Promise<Chosen> {
  const { world, store } = await workspaceAndStore(args.positionals.name ?? '', context);
  const entry = await findEntry(store, args.positionals.name ?? '', args.positionals.id);
  const snapshot = await store.read(entry.sequence);
  return { snapshot, registryFolder: world.registry.folder, bases: world.server };
}

async function paneText(
  snapshot: Snapshot,
  place: string,
  bases: Bases | null,
  blobs: BlobStore,
): Promise<string[]> {
  const panes = snapshot.blueprint.windows.flatMap((window) =>
    window.panes.map((pane, at) => ({ pane, place: placeOf(window, at, bases) })),
  );
  const found = panes.find((one) => one.place === place)?.pane;
  if (!found)
    throw new CwError('not-found', `Snapshot ${snapshot.sequence} has no pane ${place}.`, {
      hint: `It has ${panes.map((one) => one.place).join(', ')}.`,
    });
  const scrollback = snapshot.panes[found.key]?.scrollback;
  return scrollback ? (await blobs.readLines(scrollback)).lines : [];
}

function picture({ blueprint, panes, ...snapshot }: Snapshot, bases: Bases | null, context: Context): string {
  const lines = [
    `${blueprint.name}  snapshot ${snapshot.sequence}  ${snapshot.at}  ${snapshot.reason}${snapshot.note ? `  "${visible(snapshot.note)}"` : ''}`,
    `${tildePath(blueprint.path, context.env)}${snapshot.git ? `  ${snapshot.git.branch ?? 'detached'}${snapshot.git.dirty ? ' *' : ''}` : ''}`,
  ];
  for (const window of blueprint.windows) {
    lines.push(
      `${window.index + (bases?.baseIndex ?? 0)} ${visible(window.name)}  ${window.size.width}x${window.size.height}${window.key === blueprint.activeWindow ? ' *' : ''}`,
    );
    for (const [at, pane] of window.panes.entries()) {
      const observed = panes[pane.key];
      const text = observed?.scrollback ? `${observed.scrollback.lines} lines` : '';
      lines.push(
        `  ${placeOf(window, at, bases)}  ${running(pane.run, observed?.program)}  ${visible(tildePath(pane.cwd, context.env))}  ${text}`.trimEnd(),
      );
    }
  }
  return lines.join('\n');
}

function running(run: string | null, program: Snapshot['panes'][string]['program'] | undefined): string {
  if (program?.kind === 'declared') return visible(run ?? 'shell');
  if (program?.kind === 'group')
    return visible(program.processes.map((one) => one.argv.join(' ')).join(' | '));
  return program?.kind === 'dead' ? 'ended' : 'shell';
}
