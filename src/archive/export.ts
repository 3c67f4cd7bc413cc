import { hash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { looksSecret } from '../blueprint/secrets.js';
import { claudeFolder, findTranscripts } from '../claude/slug.js';
import { inVault, subagentFile, vaultFolder } from '../claude/vault.js';
import { gatherWork } from '../git/gather-work.js';
import { BlobStore, blobPath } from '../snapshot/blobs.js';
import type { Snapshot } from '../snapshot/model.js';
import { homeFolder } from '../system/paths.js';
import { packageVersion } from '../system/version.js';
import type { SavedConversation } from '../workspace/conversations.js';
import type { Registry } from '../workspace/registry.js';
import { envFiles, knownSecrets } from './known-secrets.js';
import { archiveFormat, type LeftOut, type Manifest, type ManifestEntry } from './manifest.js';
import { isJournalPath, memberName } from './members.js';
import { Redactor } from './redact.js';
import { isSecretFile } from './secret-files.js';
import { withStaging } from './staging.js';
import { type MemberSource, readPart, type WrittenArchive, writeArchive } from './write.js';

/** What an archive can do without. */
export const archiveParts = ['scrollback', 'transcripts', 'git', 'journal'] as const;
export type ArchivePart = (typeof archiveParts)[number];

export interface ExportRequest {
  readonly snapshot: Snapshot;
  /** The project's folder as it is now. */
  readonly project: string;
  /** The archive's file. */
  readonly target: string;
  readonly without: ReadonlySet<ArchivePart>;
  /** Take values along that look secret, and the project's files of variables. */
  readonly includeEnv: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly passphrase?: string;
  /** Called with the bytes that were packed so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** Uncommitted work beyond this stays out, the largest files first: an archive is no backup of data. */
export const mostPatchBytes = 256 * 1024 * 1024;

/**
 * Writes a workspace into an archive. The same state gives the same bytes.
 *
 * @throws CwError as `writeArchive`; `failed` when git cannot tell the state of the project.
 */
export async function exportWorkspace(registry: Registry, request: ExportRequest): Promise<WrittenArchive> {
  return withStaging(join(registry.folder, 'export'), (scratch) =>
    new Exporter(registry, request, scratch).write(),
  );
}

class Exporter {
  private readonly leftOut: LeftOut[] = [];
  /** null: nothing is made unreadable. */
  private readonly redactor: Redactor | null;
  private readonly redacted = new Set<string>();
  /** The name that a chunk of text has in the archive, by its own: another one where something was made unreadable. */
  private readonly renamed = new Map<string, string>();

  constructor(
    private readonly registry: Registry,
    private readonly request: ExportRequest,
    private readonly scratch: string,
  ) {
    const { snapshot, project, includeEnv } = request;
    this.redactor = includeEnv ? null : new Redactor(knownSecrets(snapshot, [project]));
  }

  async write(): Promise<WrittenArchive> {
    const { snapshot, target, project, env, passphrase, onProgress } = this.request;
    const manifestOf = (members: readonly ManifestEntry[]): Manifest => ({
      format: archiveFormat,
      cw: packageVersion(),
      tmux: snapshot.server.version,
      host: hostname(),
      at: snapshot.at,
      workspace: snapshot.blueprint.name,
      project,
      home: homeFolder(env),
      members: [...members],
      leftOut: this.leftOut,
      redacted: [...new Set([...this.redacted, ...(this.redactor?.found.keys() ?? [])])].sort(),
    });
    return writeArchive(target, this.members(), manifestOf, {
      ...(onProgress && { onProgress }),
      ...(passphrase !== undefined && { passphrase }),
    });
  }

  private async *members(): AsyncGenerator<MemberSource> {
    yield* this.git();
    yield* this.conversations();
    yield* this.texts();
    yield* this.journal();
    yield* this.variables();
    yield { name: memberName.snapshot, data: Buffer.from(`${JSON.stringify(this.snapshot())}\n`) };
  }

  private async *git(): AsyncGenerator<MemberSource> {
    const { project, env, includeEnv } = this.request;
    if (this.isWithout('git')) return;
    const work = await gatherWork(project, {
      env,
      scratch: join(this.scratch, 'git'),
      isSecret: includeEnv ? null : isSecretFile,
      mostBytes: mostPatchBytes,
    });
    if (work === null) {
      this.leftOut.push({ what: 'files of the project', why: `${project} is in no git repository` });
      return;
    }
    this.leftOut.push(...work.leftOut);
    yield { name: memberName.repository, data: Buffer.from(`${JSON.stringify(work.described)}\n`) };
    for (const { name, path, bytes } of work.files) yield { name: memberName.work(name), path, bytes };
  }

  private async *conversations(): AsyncGenerator<MemberSource> {
    if (this.isWithout('transcripts')) return;
    const { env, snapshot } = this.request;
    const saved = Object.values(snapshot.panes).flatMap(({ conversation }) =>
      conversation ? [conversation] : [],
    );
    const vault = vaultFolder(this.registry.folder);
    for (const one of new Map(saved.map((each) => [each.conversation, each])).values()) {
      const id = one.conversation;
      const live = findTranscripts(claudeFolder(one.configDir, env), id)[0];
      const path = live ?? inVault(vault, id)?.path;
      if (path === undefined) {
        if (one.prompted) this.leftOut.push({ what: `conversation ${id}`, why: 'its transcript is gone' });
        continue;
      }
      yield { name: memberName.origin(id), data: originOf(one) };
      const subagents = join(
        live === undefined ? join(vault, id) : path.slice(0, -'.jsonl'.length),
        'subagents',
      );
      for (const name of namesIn(subagents).filter((each) => subagentFile.test(each)))
        yield this.redactedFile(memberName.subagent(id, name), join(subagents, name));
      yield this.redactedFile(memberName.transcript(id), path);
    }
  }

  private async *texts(): AsyncGenerator<MemberSource> {
    const { panes } = this.request.snapshot;
    const observed = Object.values(panes);
    const blobs = new BlobStore(this.registry.folder);
    if (!this.isWithout('scrollback')) {
      const chunks = new Set(observed.flatMap(({ scrollback }) => scrollback?.chunks ?? []));
      yield* this.blobs([...chunks].sort(), blobs, memberName.scrollback);
    }
    const sessions = new Set(observed.flatMap(({ editorSession }) => editorSession ?? []));
    yield* this.blobs([...sessions].sort(), blobs, memberName.editor);
  }

  private async *blobs(
    names: readonly string[],
    blobs: BlobStore,
    nameOf: (blob: string) => string,
  ): AsyncGenerator<MemberSource> {
    const given = new Set<string>();
    for (const name of names) {
      const text = await blobs.get(name);
      if (text === null) continue; // `snapshot()` says so
      const safe = this.redactor?.text(text) ?? text;
      const isSame = safe === text;
      const blob = isSame ? name : hash('sha256', safe, 'hex');
      const data = isSame ? readFileSync(blobPath(this.registry.folder, name)) : gzipSync(safe);
      this.renamed.set(name, blob);
      // Two texts can become one when what differed is unreadable.
      if (!given.has(blob)) yield { name: nameOf(blob), data };
      given.add(blob);
    }
    for (const { path, why } of blobs.takeFindings())
      this.leftOut.push({ what: 'a part of the scrollback', why: `it cannot be read (${path}: ${why})` });
  }

  private *journal(): Generator<MemberSource> {
    if (this.isWithout('journal')) return;
    for (const path of filesBelow(join(this.request.project, '.sessions'))) {
      if (isJournalPath(path))
        yield this.redactedFile(memberName.journal(path), join(this.request.project, '.sessions', path));
      else this.leftOut.push({ what: `.sessions/${path}`, why: 'its name cannot stand in an archive' });
    }
  }

  private *variables(): Generator<MemberSource> {
    const { project, includeEnv } = this.request;
    const files = envFiles(project);
    if (files.size === 0) return;
    if (includeEnv) {
      yield {
        name: memberName.variables,
        data: Buffer.from(`${JSON.stringify(Object.fromEntries(files))}\n`),
      };
      return;
    }
    for (const name of files.keys())
      this.leftOut.push({ what: name, why: 'it may hold secrets (--include-env takes it along)' });
  }

  /** A text that grows meanwhile: what it has now is taken, with its secrets made unreadable at the same length. */
  private redactedFile(name: string, path: string): MemberSource {
    const bytes = sizeOf(path);
    const { redactor } = this;
    if (redactor === null) return { name, bytes, path };
    const json = /\.jsonl?$/.test(path);
    return { name, bytes, stream: () => redactor.stream(readPart(path, bytes), { json }) };
  }

  private snapshot(): Snapshot {
    const { snapshot, includeEnv } = this.request;
    const { blueprint } = snapshot;
    const isKept = (name: string, value: string | null) => {
      if (includeEnv || value === null || !looksSecret(name, value)) return true;
      this.redacted.add(name);
      return false;
    };
    const kept: Snapshot = {
      ...snapshot,
      blueprint: {
        ...blueprint,
        environment: blueprint.environment.filter(({ name, value }) => isKept(name, value)),
        windows: blueprint.windows.map((window) => ({
          ...window,
          panes: window.panes.map((pane) => ({
            ...pane,
            environment: Object.fromEntries(
              Object.entries(pane.environment).filter(([name, value]) => isKept(name, value)),
            ),
          })),
        })),
      },
    };
    const safe = this.redactor?.value(kept) ?? kept;
    const panes = Object.entries(safe.panes).map(([key, pane]) => {
      const chunks = pane.scrollback?.chunks.flatMap((chunk) => this.renamed.get(chunk) ?? []);
      const isWhole = chunks?.length === pane.scrollback?.chunks.length;
      return [
        key,
        {
          ...pane,
          // Lines that cannot be counted without their text are those that are there.
          scrollback: pane.scrollback && chunks && isWhole ? { ...pane.scrollback, chunks } : null,
          editorSession: (pane.editorSession && this.renamed.get(pane.editorSession)) ?? null,
        },
      ];
    });
    return { ...safe, panes: Object.fromEntries(panes) };
  }

  private isWithout(part: ArchivePart): boolean {
    if (!this.request.without.has(part)) return false;
    this.leftOut.push({ what: part, why: `--without ${part}` });
    return true;
  }
}

function originOf({ conversation, cwd, configDir }: SavedConversation): Buffer {
  return Buffer.from(`${JSON.stringify({ conversation, cwd, configDir })}\n`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // there is none
  }
}

/** Plain files below a folder, relative to it, in the order of their names. No link is followed. */
function filesBelow(folder: string, prefix = ''): string[] {
  return namesIn(join(folder, prefix)).flatMap((name) => {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const state = lstatSync(join(folder, path), { throwIfNoEntry: false });
    if (state?.isDirectory()) return filesBelow(folder, path);
    return state?.isFile() ? [path] : [];
  });
}
