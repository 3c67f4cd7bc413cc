/**
 * Whether a client only looks: it can neither be typed into nor has a say in the size (`attach -r`, and the client of a
 * share).
 *
 * @param flags `#{client_flags}`.
 */
export function isOnlooker(flags: string): boolean {
  const set = flags.split(',');
  return set.includes('read-only') && set.includes('ignore-size');
}
