import { closeSync, openSync, readSync } from 'node:fs';

/** So many random bytes as hex digits, from the system itself: loading `node:crypto` costs an opening 4 ms. */
export function randomHex(bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  const source = openSync('/dev/urandom', 'r');
  try {
    readSync(source, buffer, 0, bytes, null);
  } finally {
    closeSync(source);
  }
  return buffer.toString('hex');
}
