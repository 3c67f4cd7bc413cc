/**
 * Sixteen hex digits for a text: a label for file names, of which a user has a few dozen. Nothing that must withstand
 * forgery: that takes `node:crypto`, whose loading alone costs an opening 4 of its 80 milliseconds.
 */
export function shortHash(text: string): string {
  // Two FNV-1a sums of 32 bits with different beginnings, each mixed at the end as in MurmurHash3 (fmix32).
  let a = 0x811c9dc5;
  let b = 0xc9dc5118;
  for (const byte of Buffer.from(text)) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b);
  }
  return [mix(a), mix(b ^ a)].map((part) => part.toString(16).padStart(8, '0')).join('');
}

function mix(sum: number): number {
  let mixed = sum ^ (sum >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
