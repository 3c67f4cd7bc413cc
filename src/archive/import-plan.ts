import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../claude/transcripts.js';
import { CwError } from '../errors.js';
import type { DescribedWork } from '../git/portable.js';
import type { Snapshot } from '../snapshot/model.js';
import { readTextIfAny } from '../system/files.js';
import { homeFolder } from '../system/paths.js';
import { sanitiseSessionName } from '../tmux/target.js';
import { joinWorkspaces, sessionPrefix, type Workspace } from '../workspace/find.js';
import { newWorkspaceId, type Registry } from '../workspace/registry.js';
import { readIfRunning } from '../workspace/start-server.js';
import { parseForeignSnapshot } from './foreign-snapshot.js';
import { placeProject, workOf } from './import-project.js';
import type { ReadImport } from './import-request.js';
import { memberName } from './members.js';
import { PathMap } from './path-map.js';
import {
  type ArrivedConversation,
  type PlaceContext,
  type Prepared,
  prepareConversations,
  refuseClashes,
} from './place-conversations.js';
import { tame } from './tame.js';

type Tamed = ReturnType<typeof tame>;

/** What an import will do. */
export interface ImportPlan {
  /** The snapshot as it is in the archive. */
  readonly saved: Snapshot;
  readonly work: DescribedWork | null;
  /** Where the project will be, with its git state. */
  readonly planned: Awaited<ReturnType<typeof placeProject>>;
  readonly conversations: readonly Prepared[];
  readonly placing: PlaceContext;
  /** The snapshot as it will be here. */
  readonly tamed: Tamed;
  readonly notes: readonly string[];
}

/** An earlier import of this very archive is open. */
export interface ImportedBefore {
  readonly openAt: string;
}

/**
 * Compares an archive with what is here, and refuses what can be refused, before anything is changed.
 *
 * @throws CwError `refused` for a name that is open, and for a conversation that went on otherwise; as `placeProject` does.
 */
export function planImport(read: ReadImport): Promise<ImportPlan | ImportedBefore> {
  return new ImportPlanner(read).plan();
}

/** Where it is kept of which archive a workspace was made. */
export function importedFile(registry: Registry, id: string): string {
  return join(registry.workspaceFolder(id), 'imported');
}

class ImportPlanner {
  private readonly notes: string[] = [];
  private readonly request: ReadImport['request'];

  constructor(private readonly read: ReadImport) {
    this.request = read.request;
  }

  async plan(): Promise<ImportPlan | ImportedBefore> {
    const { connection, registry, archive, staging } = this.read;
    const saved = this.savedSnapshot();
    const server = await readIfRunning(connection);
    const workspaces = joinWorkspaces(server?.sessions ?? [], registry.readAll().records);
    const before = this.importedBefore(saved, workspaces);
    if (before?.session) return { openAt: before.path };
    const sessionNames = server?.sessions.map(({ name }) => name) ?? [];
    const name = this.chooseName(saved, workspaces, sessionNames, before);
    const work = workOf(archive);
    const planned = await placeProject(this.read, work, saved, true);
    const paths = this.paths(saved, planned.project);
    const placing: PlaceContext = {
      registryFolder: registry.folder,
      paths,
      scratch: join(staging, 'transcripts'),
      env: this.request.env,
    };
    mkdirSync(placing.scratch, { mode: 0o700 });
    const conversations = await prepareConversations(this.arrived(paths), placing);
    if (!this.request.fork) refuseClashes(conversations);
    const tamed = this.tamed(saved, paths, name, before, workspaces);
    return { saved, work, planned, conversations, placing, tamed, notes: this.notes };
  }

  private savedSnapshot(): Snapshot {
    const bytes = this.read.archive.memory.get(memberName.snapshot);
    if (bytes) return parseForeignSnapshot(bytes);
    throw new CwError('refused', 'The archive holds no snapshot.', { hint: 'cw writes no such archive.' });
  }

  /** The workspace that an earlier import of this very file made. */
  private importedBefore(saved: Snapshot, workspaces: readonly Workspace[]): Workspace | null {
    const isFromIt = ({ id }: Workspace) =>
      readTextIfAny(importedFile(this.read.registry, id))?.trim() ===
      `${this.request.sha256} ${saved.workspace}`;
    return workspaces.find(isFromIt) ?? null;
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
      { from: this.read.archive.manifest.project, to: project },
      { from: this.read.archive.manifest.home, to: homeFolder(this.request.env) },
    ]);
  }

  private arrived(paths: PathMap): ArrivedConversation[] {
    const { members, memory } = this.read.archive;
    return members.flatMap((member) => {
      if (member.kind !== 'transcript') return [];
      const { conversation } = member;
      const subagents = members.flatMap((one) =>
        one.kind === 'subagent' && one.conversation === conversation
          ? [[one.file, this.read.fileOf(one.name)] as const]
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
          transcript: this.read.fileOf(member.name),
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
  ): Tamed {
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
