import type { MemberKind } from './members.js';

/** How large an archive may be. What is written stays within it; what is read is refused beyond it. */
export interface Limits {
  readonly members: number;
  /** Bytes of all members. */
  readonly total: number;
  /** Bytes of one member, by its kind. */
  readonly member: Readonly<Record<MemberKind, number>>;
  /** Bytes of a chunk of text when it is unpacked. */
  readonly blob: number;
  /** Bytes of all members that are kept in memory. */
  readonly memory: number;
  /** Bytes that may come out for one that goes in, once `ratioFrom` bytes came out. */
  readonly ratio: number;
  readonly ratioFrom: number;
}

const kB = 1024;
const MB = 1024 * kB;
const GB = 1024 * MB;

export const limits: Limits = {
  members: 200_000,
  total: 16 * GB,
  member: {
    format: 4 * kB,
    manifest: 64 * MB,
    snapshot: 64 * MB,
    scrollback: 4 * MB,
    editor: 4 * MB,
    transcript: 4 * GB,
    subagent: 4 * GB,
    origin: 64 * kB,
    variables: 16 * MB,
    repository: 1 * MB,
    commits: 4 * GB,
    patch: 1 * GB,
    journal: 64 * MB,
  },
  blob: 16 * MB,
  memory: 256 * MB,
  // Deflate itself reaches 1032; text that people made stays below 30.
  ratio: 250,
  ratioFrom: 64 * MB,
};

/** A number of bytes for people: `512 bytes`, `1.5 MB`, `4 GB`. */
export function sizeText(bytes: number): string {
  if (bytes < 10 * kB) return `${bytes} bytes`;
  const [unit, name] = bytes < MB ? [kB, 'kB'] : bytes < GB ? [MB, 'MB'] : [GB, 'GB'];
  const value = bytes / unit;
  return `${value < 10 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${name}`;
}
