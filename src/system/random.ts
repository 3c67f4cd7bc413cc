import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes from the system that nobody has been given yet: to ask for each few takes as long as to make a file. */
let pool: Buffer = Buffer.alloc(0);
const poolBytes = 512;

/** So many random bytes as hex digits, from the system itself: loading `node:crypto` costs an opening 4 ms. */
export function randomHex(bytes: number): string {
  if (pool.length < bytes) pool = fromSystem(Math.max(poolBytes, bytes));
  const taken = pool.subarray(0, bytes);
  pool = pool.subarray(bytes);
  return taken.toString('hex');
}

function fromSystem(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  const source = openSync('/dev/urandom', 'r');
  try {
    if (readSync(source, buffer, 0, bytes, null) !== bytes) throw new Error('/dev/urandom gave too little');
  } finally {
    closeSync(source);
  }
  return buffer;
}
