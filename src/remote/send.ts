import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { withStaging } from '../archive/staging.js';
import { Incoming } from './incoming.js';
import {
  type Closing,
  type Exported,
  errorMessage,
  type PullRequest,
  pullSchema,
  put,
  putMessage,
} from './protocol.js';
import { readHello } from './receive.js';
import { bytesFrom, hashOf, readyTransfers } from './transfers.js';

/** What the far side of a pull can do with its workspaces. */
export interface Source {
  /** Writes the archive of a workspace. */
  export(request: PullRequest, file: string): Promise<Exported>;
  /** Refuses what a closing would refuse, before anything is sent. @throws CwError `refused` */
  allowClosing(request: PullRequest): Promise<void>;
  close(workspace: string): Promise<Closing>;
}

const answer = z.object({ have: z.int().min(0) });
const verdict = z.object({ verified: z.string(), close: z.boolean() });

/**
 * The far end of a pull: makes an archive, gives it from wherever the near side is, and closes the workspace only when
 * that has said that it has this very one.
 *
 * @returns the exit code.
 */
export async function send(
  streams: { readonly input: Readable; readonly output: Writable },
  source: Source,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { output } = streams;
  // A near side that is gone is noticed by its silence.
  output.on('error', () => {});
  const incoming = new Incoming(streams.input);
  try {
    const request = await readHello(incoming, pullSchema);
    if (request.close) await source.allowClosing(request);
    const folder = await readyTransfers(env);
    const { path, archive, missing } = await archiveFor(request, folder, source);
    await putMessage(output, { archive, missing });
    const from = answer.safeParse(parsed(await incoming.line())).data?.have ?? archive.bytes;
    if (from < archive.bytes) for await (const bytes of bytesFrom(path, from)) await put(output, bytes);
    const said = verdict.safeParse(parsed(await incoming.line())).data;
    // Cut: the archive is kept for a day, for another attempt.
    if (said?.verified !== archive.sha256) return 1;
    await rm(path, { force: true });
    if (request.close && said.close)
      await putMessage(output, { closed: await source.close(request.workspace) });
    return 0;
  } catch (error) {
    await putMessage(output, errorMessage(error));
    return 1;
  }
}

/** The archive that an earlier attempt was about, where it is still there; else a new one. */
async function archiveFor(
  request: PullRequest,
  folder: string,
  source: Source,
): Promise<Exported & { readonly path: string }> {
  const pathOf = (sha256: string) => join(folder, `${sha256}.out`);
  const { wanted, workspace } = request;
  if (wanted !== null && (await hashOf(pathOf(wanted))) === wanted) {
    const { size } = await stat(pathOf(wanted));
    return { path: pathOf(wanted), archive: { sha256: wanted, bytes: size, workspace }, missing: [] };
  }
  return withStaging(folder, async (staging) => {
    const made = join(staging, 'archive');
    const exported = await source.export(request, made);
    const path = pathOf(exported.archive.sha256);
    await rename(made, path);
    return { ...exported, path };
  });
}

function parsed(line: string | null): unknown {
  try {
    return JSON.parse(line ?? 'null');
  } catch {
    return null;
  }
}
