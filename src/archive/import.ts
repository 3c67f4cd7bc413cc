import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isObject } from '../claude/transcripts.js';
import { CwError, isCwError } from '../errors.js';
import { type PlacedWork, placeWork } from '../git/place-work.js';
import { type DescribedWork, parseDescribedWork } from '../git/portable.js';
import { excludeOurFiles } from '../project/exclude.js';
import { BlobStore } from '../snapshot/blobs.js';
import type { Snapshot } from '../snapshot/model.js';
import { restoreWorkspace } from '../snapshot/restore.js';
import type { RestoreOptions } from '../snapshot/restore-plan.js';
import type { RestoreReport } from '../snapshot/restore-report.js';
import { SnapshotStore } from '../snapshot/store.js';
import { isFolder, readTextIfAny } from '../system/files.js';
import { homeFolder } from '../system/paths.js';
import type { Connection } from '../tmux/connection.js';
import { sanitiseSessionName } from '../tmux/target.js';
import { joinWorkspaces, sessionPrefix, type Workspace } from '../workspace/find.js';
import { recordOf } from '../workspace/record.js';
import { newWorkspaceId, type Registry } from '../workspace/registry.js';
import { readIfRunning } from '../workspace/start-server.js';
import { parseForeignSnapshot } from './foreign-snapshot.js';
import { ImportPlaces } from './import-places.js';
import { importTexts } from './import-texts.js';
import type { Manifest } from './manifest.js';
import { memberName } from './members.js';
import { PathMap, type PathPair } from './path-map.js';
import {
  type ArrivedConversation,
  forkId,
  type PlaceContext,
  type Placing,
  type Prepared,
  placeConversation,
  prepareConversations,
  refuseClashes,
} from './place-conversations.js';
import { placeJournal, placeVariables } from './place-files.js';
import { type ReadArchive, readArchive } from './read.js';
import { withStaging } from './staging.js';
import { type LeftOut, tame } from './tame.js';

export interface ArchiveImportRequest {
  /** The archive's file. */
  readonly file: string;
  /** Its SHA-256: what has been imported from this very file is not imported again. */
  readonly sha256: string;
  readonly as?: string | undefined;
  /** Where the project's folder shall be. */
  readonly into?: string | undefined;
  /** `--map OLD=NEW`, before all other rules. */
  readonly pairs: readonly PathPair[];
  /** Clone the repository from its remote where it is not here. */
  readonly clone: boolean;
  /** Start what a restore would start. */
  readonly run: boolean;
  /** A conversation that went on here otherwise comes as a fork. */
  readonly fork: boolean;
  readonly dryRun: boolean;
  /** Names of variables that an archive may set besides the harmless ones. */
  readonly environment: readonly string[];
  /** Values that the user gives for variables that came without one. */
  readonly askFor: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Folders below which projects are looked for. */
  readonly roots: readonly string[];
  readonly restore: Pick<RestoreOptions, 'patterns' | 'paneHistory'>;
  readonly env: NodeJS.ProcessEnv;
  readonly passphrase?: () => Promise<string>;
  readonly note: (text: string) => void;
  readonly onProgress?: (bytes: number, of: number) => void;
}

export interface ArrivedReport {
  readonly conversation: string;
  readonly outcome: Placing['kind'] | 'fork';
  /** The id under which it is here. */
  readonly as: string;
}

/** What became of an archive. */
export interface ArchiveImportReport {
  readonly manifest: Omit<Manifest, 'members'>;
  /** False: it was imported from this very archive before, and was left as it is. */
  readonly imported: boolean;
  readonly project: string;
  readonly git: PlacedWork | null;
  readonly conversations: readonly ArrivedReport[];
  /** What was not taken over, and why. */
  readonly leftOut: readonly LeftOut[];
  /** Variables that came without their value and were given none. */
  readonly unset: readonly string[];
  readonly notes: readonly string[];
  /** null: nothing was opened. */
  readonly restore: RestoreReport | null;
}

/**
 * Brings the workspace of an archive here: all of it is read, checked and compared with what is here before anything
 * is changed; then the repository, the conversations, the saved text and the workspace are made, each in a way that can
 * be repeated.
 *
 * @throws CwError `refused` for an archive that cw would not write, a name that is open, a conversation that went on
 *   otherwise; `not-found` where its project is not here; as `readArchive`, `placeWork` and `restoreWorkspace` do.
 */
export async function importArchive(
  connection: Connection,
  registry: Registry,
  request: ArchiveImportRequest,
): Promise<ArchiveImportReport> {
  return withStaging(join(registry.folder, 'import'), async (staging) => {
    const fileOf = (name: string) => join(staging, 'members', name);
    const { env, passphrase, onProgress } = request;
    const archive = await readArchive(
      request.file,
      ({ kind, name }) =>
        kind === 'snapshot' || kind === 'repository' || kind === 'origin' || kind === 'variables'
          ? 'memory'
          : { file: fileOf(name) },
      { env, ...(passphrase && { passphrase }), ...(onProgress && { onProgress }) },
    );
    return new Importer(connection, registry, request, archive, staging, fileOf).bring();
  });
}

class Importer {
  private readonly notes: string[] = [];
  private readonly manifest: Manifest;

  constructor(
    private readonly connection: Connection,
    private readonly registry: Registry,
    private readonly request: ArchiveImportRequest,
    private readonly archive: ReadArchive,
    private readonly staging: string,
    private readonly fileOf: (name: string) => string,
  ) {
    this.manifest = archive.manifest;
  }

  async bring(): Promise<ArchiveImportReport> {
    const saved = this.savedSnapshot();
    const server = await readIfRunning(this.connection);
    const workspaces = joinWorkspaces(server?.sessions ?? [], this.registry.readAll().records);
    const before = this.importedBefore(saved, workspaces);
    if (before?.session) return this.report(before.path, { imported: false });
    const sessionNames = server?.sessions.map(({ name }) => name) ?? [];
    const name = this.chooseName(saved, workspaces, sessionNames, before);
    // What can be refused is refused before anything is changed.
    const work = this.work();
    const planned = await this.placed(work, saved, true);
    const paths = this.paths(saved, planned.project);
    const context: PlaceContext = {
      registryFolder: this.registry.folder,
      paths,
      scratch: join(this.staging, 'transcripts'),
      env: this.request.env,
    };
    mkdirSync(context.scratch, { mode: 0o700 });
    const prepared = await prepareConversations(this.arrived(paths), context);
    if (!this.request.fork) refuseClashes(prepared);
    const foreign = this.tamed(saved, paths, name, before, workspaces);
    if (this.request.dryRun) return this.dryRun(foreign, planned, prepared);

    const { project, git } = await this.placed(work, saved, false);
    excludeOurFiles(project); // as an opening does: they would make the repository dirty
    const conversations: ArrivedReport[] = [];
    for (const one of prepared) {
      const { conversation } = one.arrived;
      const as = await placeConversation(one, forkId(conversation, this.request.sha256), context);
      conversations.push({
        conversation,
        outcome: one.placing.kind === 'clash' ? 'fork' : one.placing.kind,
        as,
      });
    }
    this.notes.push(...placeJournal(this.archive, this.fileOf, project));
    this.notes.push(...placeVariables(this.archive, project));
    const { snapshot, unset } = await this.completed(foreign.snapshot, conversations);
    const restore = await this.open(snapshot, foreign.notes);
    return this.report(project, { git, conversations, leftOut: foreign.leftOut, unset, restore });
  }

  private savedSnapshot(): Snapshot {
    const bytes = this.archive.memory.get(memberName.snapshot);
    if (bytes) return parseForeignSnapshot(bytes);
    throw new CwError('refused', 'The archive holds no snapshot.', { hint: 'cw writes no such archive.' });
  }

  private work(): DescribedWork | null {
    const bytes = this.archive.memory.get(memberName.repository);
    if (!bytes) return null;
    try {
      return parseDescribedWork(JSON.parse(bytes.toString('utf8')));
    } catch (error) {
      if (isCwError(error)) throw error;
      throw new CwError('refused', 'The description of the repository is no JSON.', {
        hint: 'cw writes no such archive.',
      });
    }
  }

  /** The workspace that an earlier import of this very file made. */
  private importedBefore(saved: Snapshot, workspaces: readonly Workspace[]): Workspace | null {
    const isFromIt = ({ id }: Workspace) =>
      readTextIfAny(this.importedFile(id))?.trim() === `${this.request.sha256} ${saved.workspace}`;
    return workspaces.find(isFromIt) ?? null;
  }

  private importedFile(id: string): string {
    return join(this.registry.workspaceFolder(id), 'imported');
  }

  private chooseName(
    saved: Snapshot,
    workspaces: readonly Workspace[],
    sessionNames: readonly string[],
    before: Workspace | null,
  ): string {
    const wanted = this.request.as ?? before?.name ?? saved.blueprint.name;
    const name = sanitiseSessionName(wanted);
    if (this.request.as !== undefined && name !== wanted) {
      throw new CwError('usage', `${JSON.stringify(wanted)} cannot be a name as it is.`, {
        hint: `Letters a-z, digits, _ and - can stand in one: --as ${name}`,
      });
    }
    const holder = workspaces.find((one) => one.name === name && one.id !== before?.id);
    if (holder?.session || sessionNames.includes(sessionPrefix + name)) {
      throw new CwError('refused', `A workspace ${name} is open already.`, {
        hint: `Beside it: --as NAME. In its place: cw kill ${name}, then import again.`,
      });
    }
    return name;
  }

  private paths(saved: Snapshot, project: string): PathMap {
    return new PathMap([
      ...this.request.pairs,
      { from: saved.blueprint.path, to: project },
      { from: this.manifest.project, to: project },
      { from: this.manifest.home, to: homeFolder(this.request.env) },
    ]);
  }

  /** The project's folder keeps its place in its repository. */
  private projectHere(saved: Snapshot, work: DescribedWork | null, here: (path: string) => string): string {
    const { path } = saved.blueprint;
    const top = work?.main ?? null;
    return top !== null && path.startsWith(`${top}/`) ? `${here(top)}${path.slice(top.length)}` : here(path);
  }

  /** Where the project is, or will be; with its git state when that is in the archive. */
  private async placed(
    work: DescribedWork | null,
    saved: Snapshot,
    dryRun: boolean,
  ): Promise<{ readonly project: string; readonly git: PlacedWork | null }> {
    const { env, pairs, into, roots, clone, note } = this.request;
    const byHome = new PathMap([...pairs, { from: this.manifest.home, to: homeFolder(env) }]);
    const places = new ImportPlaces(this.registry, this.request);
    const mapped = this.projectHere(saved, work, (path) => places.allowed(byHome.path(path)));
    const wished = into === undefined ? null : resolve(into);
    if (work) {
      places.refuseUnasked(byHome.path(work.main ?? saved.blueprint.path), mapped, wished);
      const fileOf = (name: string) => {
        const member = memberName.work(name);
        return this.archive.members.some((one) => one.name === member) ? this.fileOf(member) : null;
      };
      const git = await placeWork(work, fileOf, {
        env,
        into: wished,
        roots,
        mapped,
        workspace: sanitiseSessionName(saved.blueprint.name),
        clone,
        dryRun,
        mapPath: (path) => places.allowed(byHome.path(path)),
        progress: note,
      });
      return { project: git.project, git };
    }
    const project = wished ?? mapped;
    places.refuseUnasked(byHome.path(saved.blueprint.path), project, wished);
    if (!isFolder(project)) {
      throw new CwError(
        'not-found',
        `The project's folder ${project} is not here, and its files are not in the archive.`,
        {
          hint: 'Make the folder, or say where it is: --into PATH',
        },
      );
    }
    return { project, git: null };
  }

  private arrived(paths: PathMap): ArrivedConversation[] {
    const { members, memory } = this.archive;
    return members.flatMap((member) => {
      if (member.kind !== 'transcript') return [];
      const { conversation } = member;
      const subagents = members.flatMap((one) =>
        one.kind === 'subagent' && one.conversation === conversation
          ? [[one.file, this.fileOf(one.name)] as const]
          : [],
      );
      const cwd = cwdOf(memory.get(memberName.origin(conversation)));
      if (cwd === null) {
        this.notes.push(`The conversation ${conversation} was left out: where it was started is not said.`);
        return [];
      }
      return [
        {
          conversation,
          cwd: paths.path(cwd),
          transcript: this.fileOf(member.name),
          subagents: new Map(subagents),
        },
      ];
    });
  }

  private tamed(
    saved: Snapshot,
    paths: PathMap,
    name: string,
    before: Workspace | null,
    workspaces: readonly Workspace[],
  ) {
    const { run, environment } = this.request;
    const foreign = tame(saved, { run, paths, environment, shells: shellsHere() });
    const { blueprint } = foreign.snapshot;
    const known = workspaces.find(({ id }) => id === saved.workspace);
    // Back on the machine that it comes from it is the same workspace, as long as its folder is.
    const isSame =
      this.request.as === undefined && (!known || (known.path === blueprint.path && !known.session));
    const id = before?.id ?? (isSame ? saved.workspace : newWorkspaceId());
    const named = {
      ...blueprint,
      id,
      name,
      session: `${sessionPrefix}${name}`,
      environment: blueprint.environment.map((variable) =>
        variable.name === 'CLAUDE_PROJECT' ? { ...variable, value: name } : variable,
      ),
    };
    return { ...foreign, snapshot: { ...foreign.snapshot, workspace: id, blueprint: named } };
  }

  /** The snapshot with its texts stored here, the ids that its conversations have here, and the variables that were given. */
  private async completed(
    foreign: Snapshot,
    conversations: readonly ArrivedReport[],
  ): Promise<{ readonly snapshot: Snapshot; readonly unset: readonly string[] }> {
    const blobs = new BlobStore(this.registry.folder);
    const withTexts = await importTexts(foreign, this.archive, this.fileOf, blobs, this.request.run);
    const forks = new Map(
      conversations
        .filter(({ as, conversation }) => as !== conversation)
        .map((one) => [one.conversation, one.as]),
    );
    const panes = Object.fromEntries(
      Object.entries(withTexts.panes).map(([key, pane]) => {
        const fork = forks.get(pane.conversation?.conversation ?? '');
        return [
          key,
          fork && pane.conversation
            ? { ...pane, conversation: { ...pane.conversation, conversation: fork } }
            : pane,
        ];
      }),
    );
    const set = new Set(withTexts.blueprint.environment.map(({ name }) => name));
    const missing = this.manifest.redacted.filter((name) => /^[A-Za-z_]\w*$/.test(name) && !set.has(name));
    const given = missing.length > 0 ? await this.request.askFor(missing) : new Map<string, string>();
    const environment = [
      ...withTexts.blueprint.environment,
      ...[...given].map(([name, value]) => ({ name, value, hidden: false })),
    ];
    return {
      snapshot: { ...withTexts, panes, blueprint: { ...withTexts.blueprint, environment } },
      unset: missing.filter((name) => !given.has(name)),
    };
  }

  /** Saves it here, and opens it from that: were we ended in between, `cw restore` does the rest. */
  private async open(
    snapshot: Snapshot,
    notes: ReadonlyMap<string, readonly string[]>,
  ): Promise<RestoreReport> {
    const { blueprint } = snapshot;
    const {
      format: _format,
      sequence: _sequence,
      at: _at,
      reason: _reason,
      note: _note,
      ...draft
    } = snapshot;
    const record = this.registry.read(blueprint.id);
    const { name, session, path } = blueprint;
    this.registry.write({
      ...(record ?? recordOf(blueprint)),
      name,
      session,
      path,
      closedAt: null,
      closedBy: null,
    });
    const store = new SnapshotStore(this.registry.folder, blueprint.id);
    await store.save(draft, { reason: 'import', note: `from ${this.manifest.host}`, server: 'alive' });
    const report = await this.restored(snapshot, notes, false);
    writeFileSync(
      this.importedFile(blueprint.id),
      `${this.request.sha256} ${this.savedSnapshot().workspace}\n`,
      { mode: 0o600 },
    );
    return report;
  }

  private async dryRun(
    { snapshot, leftOut, notes }: ReturnType<Importer['tamed']>,
    { project, git }: { readonly project: string; readonly git: PlacedWork | null },
    prepared: readonly Prepared[],
  ): Promise<ArchiveImportReport> {
    const restore = await this.restored(snapshot, notes, true);
    const conversations = prepared.map(({ arrived: { conversation }, placing }) => {
      const isFork = placing.kind === 'clash';
      return {
        conversation,
        outcome: isFork ? ('fork' as const) : placing.kind,
        as: isFork ? forkId(conversation, this.request.sha256) : conversation,
      };
    });
    return this.report(project, { git, conversations, leftOut, restore });
  }

  private async restored(
    snapshot: Snapshot,
    notes: ReadonlyMap<string, readonly string[]>,
    dryRun: boolean,
  ): Promise<RestoreReport> {
    const { env, run, restore } = this.request;
    const blobs = new BlobStore(this.registry.folder);
    const report = await restoreWorkspace(this.connection, this.registry, blobs, snapshot, {
      ...restore,
      run: true,
      typesConversations: !run,
      dryRun,
      knowsPrograms: true,
      isNewest: false,
      env,
    });
    const keys = snapshot.blueprint.windows.flatMap(({ panes }) => panes.map(({ key }) => key));
    const panes = report.panes.map((pane, at) => ({
      ...pane,
      notes: [...new Set([...(notes.get(keys[at] ?? '') ?? []), ...pane.notes])],
    }));
    return { ...report, panes };
  }

  private report(project: string, more: Partial<ArchiveImportReport>): ArchiveImportReport {
    const { members: _members, ...manifest } = this.manifest;
    return {
      manifest,
      imported: !this.request.dryRun,
      project,
      git: null,
      conversations: [],
      leftOut: [],
      unset: [],
      restore: null,
      ...more,
      notes: this.notes,
    };
  }
}

/** The folder that a conversation was started in, by its `origin.json`. */
function cwdOf(bytes: Buffer | undefined): string | null {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    const cwd = isObject(value) ? value.cwd : null;
    return typeof cwd === 'string' && cwd.startsWith('/') && !cwd.includes('\0') ? cwd : null;
  } catch {
    return null;
  }
}

/** The shells that this machine's owner has allowed. */
function shellsHere(): ReadonlySet<string> {
  const text = readTextIfAny('/etc/shells') ?? '';
  return new Set(text.split('\n').filter((line) => line.startsWith('/')));
}
