import { dirname } from 'node:path';
import { CwError } from '../errors.js';
import { type FileLayer, realFiles, temporaryName } from '../system/file-layer.js';
import { isObject, readLines } from './transcripts.js';

export interface ForkRequest {
  readonly from: string;
  /** The transcript that is made; none may be there. */
  readonly to: string;
  /** The fork's id and folder, which stand in each of its lines. */
  readonly conversation: string;
  readonly cwd: string;
}

const batchBytes = 1024 * 1024;

/**
 * Makes the transcript of a fork that goes on in another folder. Claude Code itself finds a conversation in its own
 * folder only (older versions), and one id under two folders nowhere; a copy with another id and folder in its lines
 * it resumes. Each copied line says where it came from, as Claude Code's own forks do.
 *
 * @throws CwError `refused` when the fork has a transcript already.
 */
export async function forkTranscript(request: ForkRequest, files: FileLayer = realFiles): Promise<void> {
  const { from, to, conversation, cwd } = request;
  await files.makeFolder(dirname(to));
  const staged = temporaryName(to);
  files.create(staged, '');
  try {
    let at = 0;
    let batch: string[] = [];
    let bytes = 0;
    const write = () => {
      const data = Buffer.from(batch.join(''));
      files.writeAt(staged, at, data);
      at += data.length;
      batch = [];
      bytes = 0;
    };
    for await (const { value } of readLines(from)) {
      if (!value) continue; // torn: nothing that could be resumed
      const line = `${JSON.stringify(forked(value, conversation, cwd))}\n`;
      batch.push(line);
      bytes += line.length;
      if (bytes > batchBytes) write();
    }
    write();
    await files.syncFile(staged);
    if (!files.link(staged, to))
      throw new CwError('refused', `The conversation ${conversation} has a transcript already: ${to}.`);
    await files.syncFolder(dirname(to));
  } finally {
    files.unlink(staged);
  }
}

function forked(line: Readonly<Record<string, unknown>>, conversation: string, cwd: string): object {
  const parent = typeof line.sessionId === 'string' ? line.sessionId : null;
  return {
    ...line,
    ...(parent !== null && { sessionId: conversation }),
    ...(typeof line.cwd === 'string' && { cwd }),
    ...(parent !== null &&
      typeof line.uuid === 'string' &&
      !isObject(line.forkedFrom) && { forkedFrom: { sessionId: parent, messageUuid: line.uuid } }),
  };
}
