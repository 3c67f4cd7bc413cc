import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, systemCode } from '../errors.js';
import { ensurePrivateFolder, writeFileAtomic } from '../system/files.js';
import { randomHex } from '../system/random.js';
import type { EditorSave } from './editor-session.js';

/**
 * Has the vim that listens on a named pipe (`shell/cw.vim`) write its session. As for nvim: one that waits for a key in
 * the middle of something is left alone, and the session of before stays.
 *
 * @param limit milliseconds until it counts as not answering; never throws for what the editor does.
 */
export async function saveVimSession(pipe: string, file: string, limit = 1000): Promise<EditorSave> {
  try {
    const answer = await ask(pipe, 'session', limit);
    if (answer === null) return { saved: false, why: null };
    const refusal = /^" (it .*)\n$/.exec(answer)?.[1];
    if (refusal !== undefined) return { saved: false, why: refusal };
    ensurePrivateFolder(dirname(file));
    writeFileAtomic(file, answer);
    return { saved: true };
  } catch (error) {
    return { saved: false, why: messageOf(error) };
  }
}

/** As `unsavedBuffers` of an nvim. */
export async function unsavedVimBuffers(pipe: string, limit = 1000): Promise<number | null> {
  try {
    const answer = await ask(pipe, 'unsaved', limit);
    return answer !== null && /^\d+\n$/.test(answer) ? Number(answer) : null;
  } catch {
    return null;
  }
}

/** @returns null where nobody listens. */
async function ask(pipe: string, what: 'session' | 'unsaved', limit: number): Promise<string | null> {
  if (!lstatSync(pipe, { throwIfNoEntry: false })?.isFIFO()) return null;
  const token = randomHex(6);
  const file = `${pipe}.${token}`;
  let to: number;
  try {
    to = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    // Nobody has it open for reading: that vim has ended.
    if (systemCode(error) === 'ENXIO' || systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    writeFileSync(file, '', { mode: 0o600, flag: 'wx' });
    writeSync(to, `${what} ${token}\n`);
    for (const end = performance.now() + limit; performance.now() < end; ) {
      // It comes whole, in the place of the empty one.
      if (statSync(file).size > 0) return readFileSync(file, 'utf8');
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`it did not answer in ${limit} ms`);
  } finally {
    closeSync(to);
    rmSync(file, { force: true });
  }
}
