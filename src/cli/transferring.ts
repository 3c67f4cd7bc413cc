import { statSync } from 'node:fs';
import { z } from 'zod';
import { killWorkspace } from '../cleanup/kill.js';
import { objections } from '../cleanup/protect.js';
import { CwError } from '../errors.js';
import type { Closing, Exported, Imported, ImportWish } from '../remote/protocol.js';
import type { TransferListener } from '../remote/push.js';
import { hashOf } from '../remote/transfers.js';
import { requireWorkspace, type Workspace } from '../workspace/find.js';
import { placesOf, readWorld, type World } from '../workspace/world.js';
import type { Args, Context, OptionSpec } from './command.js';
import { verb as exportVerb } from './commands/export.js';
import { verb as importVerb } from './commands/import.js';
import { indent, visible } from './output.js';
import { bytesText, Progress } from './progress.js';

/** What `cw push`, `cw pull` and their far ends have in common. */

/** The options of both: those of the export, those of the import, and those of the move. */
export const transferOptions: Readonly<Record<string, OptionSpec>> = {
  move: { type: 'boolean', describe: 'Close it here once it is there, and was verified.' },
  force: {
    type: 'boolean',
    describe: 'With --move: also where a client looks at it, or an agent works in it.',
  },
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
    describe: 'A folder of the one machine, and the one that stands for it on the other.',
  },
  clone: { type: 'boolean', describe: 'Clone the repository where it is not there.' },
  fork: {
    type: 'boolean',
    describe: 'A conversation that went on there otherwise comes under an id of its own.',
  },
  run: { type: 'boolean', describe: 'Start what a restore would start; without it commands wait for Enter.' },
  without: {
    type: 'string',
    value: 'PARTS',
    describe: 'Leave these out: scrollback, transcripts, git, journal.',
  },
  'include-env': { type: 'boolean', describe: 'Take secret-looking values and .env files along.' },
};

export function wishOf({ options }: Args): ImportWish {
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    as: text(options.as),
    into: text(options.into),
    map: Array.isArray(options.map) ? (options.map as string[]) : [],
    clone: options.clone === true,
    fork: options.fork === true,
    run: options.run === true,
  };
}

const exported = z.object({
  archives: z.array(
    z.object({
      workspace: z.string(),
      path: z.string(),
      leftOut: z.array(z.object({ what: z.string(), why: z.string() })).default([]),
      redacted: z.array(z.string()).default([]),
    }),
  ),
});

/** Writes the archive of a workspace, as `cw export` does. */
export async function exportInto(
  file: string,
  workspace: string,
  parts: { readonly without: string | null; readonly includeEnv: boolean },
  context: Context,
): Promise<Exported> {
  const options = {
    output: file,
    ...(parts.without !== null && { without: parts.without }),
    ...(parts.includeEnv && { 'include-env': true }),
  };
  const { data } = await exportVerb.run(
    { positionals: {}, rest: [workspace], options, afterDashes: [] },
    context,
  );
  const [made] = exported.parse(data).archives;
  if (!made) throw new Error(`the export of ${workspace} gave nothing`);
  return {
    archive: {
      sha256: (await hashOf(made.path)) ?? '',
      bytes: statSync(made.path).size,
      workspace: made.workspace,
    },
    missing: [
      ...made.leftOut.map(({ what, why }) => `left out: ${visible(what)} (${visible(why)})`),
      ...(made.redacted.length > 0 ? [`made unreadable: ${made.redacted.map(visible).join(', ')}`] : []),
    ],
  };
}

/** Imports an archive, as `cw import` does. */
export async function importFrom(file: string, wish: ImportWish, context: Context): Promise<Imported> {
  const notes: string[] = [];
  const { as, into, map, clone, fork, run } = wish;
  const options = {
    ...(as !== null && { as }),
    ...(into !== null && { into }),
    ...(map.length > 0 && { map }),
    ...(clone && { clone }),
    ...(fork && { fork }),
    ...(run && { run }),
  };
  const outcome = await importVerb.run(
    { positionals: { file }, rest: [], options, afterDashes: [] },
    { ...context, note: (text) => void notes.push(text) },
  );
  return { data: outcome.data ?? null, text: outcome.text ?? '', notes, exit: outcome.exit ?? 0 };
}

/**
 * Whether a workspace may be closed when it has been moved, asked before anything is sent.
 *
 * @returns whether that was agreed to although something stands against it: then it is not asked again.
 * @throws CwError `refused` where something does, and nobody agreed.
 */
export async function allowClosing(
  { id, name }: Workspace,
  world: World,
  force: boolean,
  context: Context,
): Promise<boolean> {
  if (force) return true;
  const said = ((await objections(context.tmux(), world.registry, context.env)).get(id) ?? []).map(
    (why) => `${name}: ${why}.`,
  );
  if (said.length === 0) return false;
  if (context.terminal.interactive && !context.json) {
    for (const sentence of said) context.note(sentence);
    if (await context.ask(`Move ${name}, and close it here, all the same?`)) return true;
  }
  throw new CwError('refused', said.join('\n'), {
    hint: 'Nothing was sent. Without --move it is copied, and stays open; with --force it is moved all the same.',
  });
}

/**
 * Closes a workspace that has been moved: saved first, as by `cw kill`.
 *
 * @param agreed as `allowClosing` gave it.
 */
export async function closeMoved(word: string, agreed: boolean, context: Context): Promise<Closing> {
  const { workspace, world } = await findHere(word, context);
  if (!workspace.session) return { data: null, text: `${workspace.name} was not open.` };
  if (!agreed) {
    const against = (await objections(context.tmux(), world.registry, context.env)).get(workspace.id) ?? [];
    if (against.length > 0)
      throw new CwError('refused', `${workspace.name} stays open: ${against.join(', ')}.`, {
        hint: `It was not so when this began. To close it: cw kill ${workspace.name}`,
      });
  }
  // In a pane of what is closed the terminal goes with it; what comes after must be done all the same.
  process.on('SIGHUP', () => {});
  const killed = await killWorkspace(world, workspace, context.settings(), context.env);
  return {
    data: killed,
    text: [
      `Closed ${killed.name}, saved as snapshot ${killed.snapshot}. Undo: cw restore ${killed.name}`,
      ...killed.notes,
    ].join('\n'),
  };
}

export async function findHere(
  word: string,
  context: Context,
): Promise<{ readonly workspace: Workspace; readonly world: World }> {
  const world = await readWorld(context.tmux(), context.env);
  const places = placesOf(world, context.settings(), context.cwd, context.env);
  return { workspace: requireWorkspace(word, places), world };
}

/** Shows a transfer on the terminal. */
export function shown(label: string, context: Context): TransferListener & { end(): void } {
  const progress = new Progress(label, context.terminal);
  return {
    onBytes: (bytes, of) => progress.show(bytes, of),
    onNote(text) {
      progress.end();
      context.note(text);
    },
    end: () => progress.end(),
  };
}

/** The first lines of the report: what went where, and what did not. */
export function transferText(sentence: string, { archive, missing }: Exported): string {
  return [`${archive.workspace}  ${bytesText(archive.bytes)}  ${sentence}`, ...missing.map(indent)].join(
    '\n',
  );
}
