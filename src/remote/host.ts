import { isIPv6 } from 'node:net';
import { CwError } from '../errors.js';

/**
 * What a word of the user's may be as a host. ssh puts host and user into what its configuration runs (`ProxyCommand`,
 * `Match exec`: `%h`, `%r`), and takes a word that begins with a dash for an option: so only what can be neither a part
 * of a shell's line nor an option is let through. Anything else can have an alias in ~/.ssh/config.
 */
const name = String.raw`[\p{L}\p{N}_][\p{L}\p{N}_.-]*`;
const user = String.raw`(?:[\p{L}\p{N}_][\p{L}\p{N}_.+@-]*@)?`;
const plain = new RegExp(`^${user}${name}$`, 'u');
const address = new RegExp(
  String.raw`^(${user})(?:\[([\p{N}a-fA-F:.]+)\]|([\p{N}a-fA-F:.]*:[\p{N}a-fA-F:.]*))$`,
  'u',
);
const uri = new RegExp(String.raw`^ssh://${user}(?:${name}|\[([0-9a-fA-F:.]+)\])(?::([1-9]\d{0,4}))?$`, 'u');

/** A DNS name has at most 253 letters; a user before it, some more. */
const longest = 320;

/**
 * The destination for ssh that a word of the user's is: an alias of ~/.ssh/config, a name, an address (IPv6 with or
 * without brackets), each with `USER@` before it or not, or `ssh://USER@HOST:PORT`.
 *
 * @throws CwError `usage` for anything else.
 */
export function parseHost(word: string): string {
  if (word.length <= longest) {
    if (plain.test(word)) return word;
    const [, before, bracketed, bare] = address.exec(word) ?? [];
    const number = bracketed ?? bare;
    if (number !== undefined && isIPv6(number)) return `${before ?? ''}${number}`;
    const [whole, within, port] = uri.exec(word) ?? [];
    if (whole && (within === undefined || isIPv6(within)) && (port === undefined || Number(port) <= 65_535))
      return word;
  }
  throw new CwError('usage', `${shown(word)} cannot be a host: ${whyNot(word)}.`, {
    hint: 'A host is a name, an address, USER@HOST, or ssh://USER@HOST:PORT. For any other, make an alias (Host) in ~/.ssh/config, and give that.',
  });
}

function shown(word: string): string {
  return JSON.stringify(word.length > 60 ? `${word.slice(0, 57)}...` : word);
}

function whyNot(word: string): string {
  if (word === '') return 'it is empty';
  if (word.startsWith('-')) return 'it begins with a dash, as an option does';
  if (word.length > longest) return `it has more than ${longest} letters`;
  const odd = /[^\p{L}\p{N}_.@:[\]/+-]/u.exec(word)?.[0];
  if (odd !== undefined) return `it holds ${odd === ' ' ? 'a blank' : JSON.stringify(odd)}`;
  if (/^[^:]+:\d+$/.test(word)) return 'a port can only be given as ssh://HOST:PORT';
  return 'its form is none that ssh has';
}

/** A workspace of another host, as `HOST:NAME` says it. */
export interface FarName {
  /** Not checked yet: `parseHost` does. */
  readonly host: string;
  /** null: `HOST:`, which is any of its workspaces. */
  readonly name: string | null;
}

/** The two sides of `HOST:NAME`; null for a word that is none: without a colon, or a path. */
export function splitFarName(word: string): FarName | null {
  const at = word.lastIndexOf(':');
  if (at <= 0) return null;
  const host = word.slice(0, at);
  if (host.includes('/') && !host.startsWith('ssh://')) return null;
  return { host, name: word.slice(at + 1) || null };
}

/**
 * A word that goes into the far side's line: whatever `cw` takes as a name or a path, on one line.
 *
 * @throws CwError `usage` for one with control characters, which not every far shell can be given.
 */
export function checkFarWord(word: string, what: string): string {
  if (word === '')
    throw new CwError('usage', `${what} is an empty word.`, { hint: 'cw list --host HOST shows the names.' });
  if (/[\x00-\x1f\x7f]/.test(word))
    throw new CwError('usage', `${what} ${shown(word)} holds a control character.`, {
      hint: 'cw list --host HOST shows the names as they are.',
    });
  return word;
}
