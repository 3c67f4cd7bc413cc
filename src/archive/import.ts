import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlacedWork } from '../git/place-work.js';
import { excludeOurFiles } from '../project/exclude.js';
import { BlobStore } from '../snapshot/blobs.js';
import type { Snapshot } from '../snapshot/model.js';
import { restoreWorkspace } from '../snapshot/restore.js';
import type { RestoreReport } from '../snapshot/restore-report.js';
import { SnapshotStore } from '../snapshot/store.js';
import type { Connection } from '../tmux/connection.js';
import { recordOf } from '../workspace/record.js';
import type { Registry } from '../workspace/registry.js';
import { type ImportPlan, importedFile, planImport } from './import-plan.js';
import { placeProject } from './import-project.js';
import type { ArchiveImportRequest, ReadImport } from './import-request.js';
import { importTexts } from './import-texts.js';
import type { Manifest } from './manifest.js';
import { forkId, type Placing, placeConversation } from './place-conversations.js';
import { placeJournal, placeVariables } from './place-files.js';
import { readArchive } from './read.js';
import { withStaging } from './staging.js';
import type { LeftOut } from './tame.js';

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
    return new Importer({ connection, registry, request, archive, staging, fileOf }).bring();
  });
}

class Importer {
  private readonly notes: string[] = [];
  private readonly manifest: Manifest;
  private readonly registry: Registry;
  private readonly request: ArchiveImportRequest;

  constructor(private readonly read: ReadImport) {
    this.manifest = read.archive.manifest;
    this.registry = read.registry;
    this.request = read.request;
  }

  async bring(): Promise<ArchiveImportReport> {
    const plan = await planImport(this.read);
    if ('openAt' in plan) return this.report(plan.openAt, { imported: false });
    this.notes.push(...plan.notes);
    return this.request.dryRun ? this.dryRun(plan) : this.carryOut(plan);
  }

  private async carryOut({
    saved,
    work,
    conversations: prepared,
    placing,
    tamed,
  }: ImportPlan): Promise<ArchiveImportReport> {
    const { archive, fileOf } = this.read;
    const { project, git } = await placeProject(this.read, work, saved, false);
    excludeOurFiles(project); // as an opening does: they would make the repository dirty
    const conversations: ArrivedReport[] = [];
    for (const one of prepared) {
      const { conversation } = one.arrived;
      const as = await placeConversation(one, forkId(conversation, this.request.sha256), placing);
      conversations.push({
        conversation,
        outcome: one.placing.kind === 'clash' ? 'fork' : one.placing.kind,
        as,
      });
    }
    this.notes.push(...placeJournal(archive, fileOf, project));
    this.notes.push(...placeVariables(archive, project));
    const { snapshot, unset } = await this.completed(tamed.snapshot, conversations);
    const restore = await this.open(snapshot, saved.workspace, tamed.notes);
    return this.report(project, { git, conversations, leftOut: tamed.leftOut, unset, restore });
  }

  /** The snapshot with its texts stored here, the ids that its conversations have here, and the variables that were given. */
  private async completed(
    foreign: Snapshot,
    conversations: readonly ArrivedReport[],
  ): Promise<{ readonly snapshot: Snapshot; readonly unset: readonly string[] }> {
    const blobs = new BlobStore(this.registry.folder);
    const withTexts = await importTexts(
      foreign,
      this.read.archive,
      this.read.fileOf,
      blobs,
      this.request.run,
    );
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

  /**
   * Saves it here, and opens it from that: were we ended in between, `cw restore` does the rest.
   *
   * @param origin the id that the workspace has in the archive.
   */
  private async open(
    snapshot: Snapshot,
    origin: string,
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
    writeFileSync(importedFile(this.registry, blueprint.id), `${this.request.sha256} ${origin}\n`, {
      mode: 0o600,
    });
    return report;
  }

  private async dryRun({
    tamed: { snapshot, leftOut, notes },
    planned: { project, git },
    conversations: prepared,
  }: ImportPlan): Promise<ArchiveImportReport> {
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
    const report = await restoreWorkspace(this.read.connection, this.registry, blobs, snapshot, {
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
