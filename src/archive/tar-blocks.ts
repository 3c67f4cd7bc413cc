import { Header } from 'tar';

/**
 * The one form of tar (POSIX ustar) that archives are in: plain files of nobody's, 0600, without times, links or
 * extended headers. A reader compares each header with the one that is written here, byte by byte.
 */
export const blockSize = 512;

/** Two blocks of zeros end an archive. */
export const endSize = 2 * blockSize;

/**
 * The header of a member; null where the name does not fit into one: 100 bytes, or 155 more of folders before it.
 *
 * @param bytes up to 8 GiB - 1, which is what the field holds
 */
export function headerBlock(name: string, bytes: number): Buffer | null {
  const block = Buffer.alloc(blockSize);
  new Header({
    path: name,
    size: bytes,
    type: 'File',
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: new Date(0),
    uname: '',
    gname: '',
    devmaj: 0,
    devmin: 0,
  }).encode(block);
  const read = new Header(block);
  return read.path === name && read.size === bytes ? block : null;
}

/** Bytes that fill a member's last block. */
export function paddingOf(bytes: number): number {
  return (blockSize - (bytes % blockSize)) % blockSize;
}
