import type { Writable } from 'node:stream';
import { z } from 'zod';
import { type CwError, isCwError } from '../errors.js';

/**
 * What the two ends of a transfer say to each other, over the input and output of `cw remote receive` and
 * `cw remote send`: a line of JSON at a time, and the bytes of an archive where a line says so.
 *
 * push:  near  {protocol, archive, import}      far  {have}
 *        near  the bytes from `have` on         far  {verified}, then {imported}
 *        near  {settled}
 * pull:  near  {protocol, workspace, ...}       far  {archive}
 *        near  {have}                           far  the bytes from there on
 *        near  {verified, close}                far  {closed}
 *
 * Instead of any of its lines the far side may say {error}, and is done.
 */
export const protocol = 1;

export const archiveSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
  workspace: z.string(),
});
/** An archive as both sides know it. */
export type ArchiveFacts = z.infer<typeof archiveSchema>;

/** An archive that was written. */
export interface Exported {
  readonly archive: ArchiveFacts;
  /** What is not in it, a line each. */
  readonly missing: readonly string[];
}

export const wishSchema = z.object({
  as: z.string().nullable(),
  into: z.string().nullable(),
  map: z.array(z.string()),
  clone: z.boolean(),
  fork: z.boolean(),
  run: z.boolean(),
});
/** How an archive is to be imported: the options of `cw import`. */
export type ImportWish = z.infer<typeof wishSchema>;

export const importedSchema = z.object({
  /** The document of `cw import --json`. */
  data: z.unknown(),
  text: z.string(),
  notes: z.array(z.string()),
  exit: z.int(),
});
/** What an import came to. */
export type Imported = z.infer<typeof importedSchema>;

export const closingSchema = z.object({
  /** What `cw kill --json` says of it; null: it was not open. */
  data: z.unknown(),
  text: z.string(),
});
/** What the closing of a moved workspace came to. */
export type Closing = z.infer<typeof closingSchema>;

export const pullSchema = z.object({
  workspace: z.string(),
  without: z.string().nullable(),
  includeEnv: z.boolean(),
  close: z.boolean(),
  /** Close it also where something stands against that. */
  force: z.boolean(),
  /** The archive that an earlier attempt has begun with; null: a new one is made. */
  wanted: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});
export type PullRequest = z.infer<typeof pullSchema>;

/** Writes all of it before it returns. It never throws: a side that is gone is noticed by its silence. */
export function put(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((done) => {
    if (stream.destroyed || stream.writableEnded) return done();
    stream.write(data, () => done());
  });
}

export function putMessage(stream: Writable, message: object): Promise<void> {
  return put(stream, `${JSON.stringify(message)}\n`);
}

/** An error as a message of the far side. @throws what is none of ours. */
export function errorMessage(thrown: unknown): object {
  if (!isCwError(thrown)) throw thrown;
  const { kind, message, hint }: CwError = thrown;
  return { error: { code: kind, message, hint: hint ?? null } };
}
