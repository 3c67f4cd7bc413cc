import { join } from 'node:path';
import { type ArchivePart, archiveParts, exportWorkspace } from '../../archive/export.js';
import { CwError, messageOf } from '../../errors.js';
import type { Snapshot } from '../../snapshot/model.js';
import { Saver } from '../../snapshot/save.js';
import { SnapshotStore } from '../../snapshot/store.js';
import { isFolder } from '../../system/files.js';
import { expandPath, tildePath } from '../../system/paths.js';
import { requireWorkspace, type Workspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import { newPassphrase } from '../archives.js';
import type { Command, Context } from '../command.js';
import { indent, visible } from '../output.js';
import { bytesText, Progress } from '../progress.js';
import { findEntry } from '../snapshots.js';

export const verb: Command = {
  name: 'export',
  summary: 'Write workspaces into files that another machine can import.',
  description:
    'One file a workspace, claude-session-NAME.tar.gz: its windows and panes, what they showed, its Claude conversations, its journal, and what git has not pushed or committed. Values that look secret and files such as .env stay out, and what was left out is said. Unpushed commits that hold such files, and those that build on them, stay behind: --include-env takes them along.',
  positionals: [{ name: 'name', completes: 'workspace', describe: 'Workspaces to export.', variadic: true }],
  options: {
    all: { type: 'boolean', describe: 'All that are open or can be brought back.' },
    output: {
      type: 'string',
      completes: 'file',
      short: 'o',
      value: 'FILE',
      describe: 'The file, or a folder for the files.',
    },
    at: {
      type: 'string',
      completes: 'snapshot',
      value: 'TIME|ID',
      describe: 'An earlier moment, by its time or the number of a snapshot.',
    },
    without: {
      type: 'string',
      value: 'PARTS',
      describe: `Leave these out, with commas between them: ${archiveParts.join(', ')}.`,
    },
    'include-env': {
      type: 'boolean',
      describe: 'Take secret-looking values, .env files, and commits that hold such files along.',
    },
    encrypt: { type: 'boolean', describe: 'Lock it with a passphrase (the format of age).' },
  },
  examples: [
    { line: 'cw export shop', does: 'Into claude-session-shop.tar.gz, here.' },
    {
      line: 'cw export shop -o /tmp/shop.tar.gz --without scrollback',
      does: 'Elsewhere, without what panes showed.',
    },
  ],
  async run(args, context) {
    const without = partsOf(args.options.without);
    const { all, at, output } = args.options;
    if (!all && args.rest.length === 0)
      throw new CwError('usage', 'No workspace was named.', {
        hint: 'cw export NAME..., or cw export --all',
      });
    if (all && (args.rest.length > 0 || at !== undefined))
      throw new CwError('usage', '--all takes no names and no --at.', { hint: 'cw export NAME --at TIME' });
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = all
      ? world.workspaces.filter(({ session, record }) => session !== null || record?.closedAt === null)
      : [
          ...new Map(
            args.rest.map((name) => requireWorkspace(name, places)).map((one) => [one.id, one]),
          ).values(),
        ];
    if (chosen.length === 0)
      return { data: [], text: 'No workspace is open, and none ended: nothing to export.' };
    const encrypt = args.options.encrypt === true;
    const target = targetsOf(
      typeof output === 'string' ? output : undefined,
      chosen.length > 1 || all === true,
      encrypt,
      context,
    );
    const passphrase = encrypt ? await newPassphrase(context) : undefined;
    const done: { workspace: string; path: string; bytes: number; leftOut: unknown; redacted: unknown }[] =
      [];
    const failures: { name: string; error: unknown }[] = [];
    const lines: string[] = [];
    for (const workspace of chosen) {
      const progress = new Progress(`exporting ${workspace.name}`, context.terminal);
      try {
        const snapshot = await snapshotOf(world, workspace, typeof at === 'string' ? at : undefined, context);
        const written = await exportWorkspace(world.registry, {
          snapshot,
          project: workspace.path,
          target: target(workspace),
          without,
          includeEnv: args.options['include-env'] === true,
          env: context.env,
          ...(passphrase !== undefined && { passphrase }),
          onProgress: (bytes) => progress.show(bytes),
        });
        progress.end();
        const { leftOut, redacted } = written.manifest;
        done.push({ workspace: workspace.name, path: written.path, bytes: written.bytes, leftOut, redacted });
        lines.push(
          `${workspace.name}  ${tildePath(written.path, context.env)}  ${bytesText(written.bytes)}`,
          ...leftOut.map(({ what, why }) => indent(`left out: ${visible(what)} (${visible(why)})`)),
          ...(redacted.length > 0 ? [indent(`made unreadable: ${redacted.map(visible).join(', ')}`)] : []),
        );
      } catch (error) {
        progress.end();
        if (chosen.length === 1) throw error;
        failures.push({ name: workspace.name, error });
        lines.push(`${workspace.name}  failed: ${messageOf(error)}`);
      }
    }
    if (done.length > 0)
      lines.push(`There: cw import ${done.length === 1 ? tildePath(done[0]!.path, context.env) : 'FILE'}`);
    const failed = failures.map(({ name, error }) => ({ workspace: name, message: messageOf(error) }));
    return {
      data: { archives: done, failures: failed },
      text: lines.join('\n'),
      ...(failed.length > 0 && { exit: done.length > 0 ? 6 : 1 }),
    };
  },
};

function partsOf(given: unknown): ReadonlySet<ArchivePart> {
  const words = typeof given === 'string' ? given.split(',').map((word) => word.trim()) : [];
  const unknown = words.find((word) => !archiveParts.some((part) => part === word));
  if (unknown === undefined) return new Set(words as ArchivePart[]);
  throw new CwError('usage', `${JSON.stringify(unknown)} is no part of an archive.`, {
    hint: `--without takes: ${archiveParts.join(', ')}`,
  });
}

/** Where the archive of a workspace goes. */
function targetsOf(
  output: string | undefined,
  isMany: boolean,
  encrypt: boolean,
  { cwd, env }: Context,
): (workspace: Workspace) => string {
  const nameOf = ({ name }: Workspace) => `claude-session-${name}.tar.gz${encrypt ? '.age' : ''}`;
  const path = expandPath(output ?? '.', cwd, env);
  if (output === undefined || isFolder(path)) return (workspace) => join(path, nameOf(workspace));
  if (!isMany) return () => path;
  throw new CwError(
    'usage',
    `Several archives do not go into one file, and ${tildePath(path, env)} is no folder.`,
    {
      hint: 'Give a folder that is there: -o FOLDER',
    },
  );
}

/** The snapshot that is exported: of one that is open what it is now. */
async function snapshotOf(
  world: World,
  workspace: Workspace,
  at: string | undefined,
  context: Context,
): Promise<Snapshot> {
  if (workspace.session && at === undefined) {
    const saver = new Saver(context.tmux(), world.registry, context.settings());
    const [saved] = await saver.save({ reason: 'manual', only: new Set([workspace.id]) });
    await saver.settle();
    if (saved && saved.failure !== null)
      throw new CwError('failed', `${workspace.name} cannot be saved: ${saved.failure}.`, {
        hint: 'An earlier moment of it: cw export NAME --at TIME',
      });
  }
  const store = new SnapshotStore(world.registry.folder, workspace.id);
  const snapshot =
    at === undefined
      ? await store.latest()
      : await store.read((await findEntry(store, workspace.name, at)).sequence);
  for (const finding of store.takeFindings())
    context.note(`${finding.path} cannot be read: ${finding.why}. The one before it is used.`);
  if (snapshot) return snapshot;
  throw new CwError('not-found', `There is no snapshot of ${workspace.name}.`, {
    hint: `Open it first: cw up ${workspace.name}`,
  });
}
