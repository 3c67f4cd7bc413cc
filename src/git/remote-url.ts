import { isAbsolute, normalize } from 'node:path';

/** A remote's address, in the parts that tell whether two are of one repository. */
interface Address {
  readonly scheme: 'https' | 'http' | 'git' | 'ssh' | 'file';
  /** In small letters, with a port that is not the usual one; empty for a file. */
  readonly host: string;
  readonly path: string;
}

const usualPorts: Readonly<Record<string, string>> = { https: '443', http: '80', git: '9418', ssh: '22' };

/**
 * Whether git may be given the address: a server by https, http, git or ssh, or an absolute path. Nothing that git
 * takes for an option, for a program to run (`ext::`), or that ssh takes for an option.
 */
export function isRemoteUrl(url: string): boolean {
  return addressOf(url) !== null;
}

/** What two addresses of one repository have in common, whatever way leads there; null for one that is none. */
export function repositoryKey(url: string): string | null {
  const address = addressOf(url);
  if (!address) return null;
  const path = address.path.replace(/\/+$/, '').replace(/\.git$/, '');
  return address.scheme === 'file' ? `file:${path}` : `${address.host}/${path.replace(/^\/+/, '')}`;
}

/**
 * An address without what lets in whoever has it: passwords, and the user of http (often a token).
 *
 * @returns the address, and whether something was taken out of it
 */
export function withoutCredentials(url: string): { readonly url: string; readonly credentials: boolean } {
  const bare = url
    .replace(/^(https?:\/\/)[^/?#]*@/i, '$1')
    .replace(/^((?:ssh|git)(?:\+\w+)?:\/\/[^/:@]*):[^/@]*@/i, '$1@')
    .replace(/^(https?:\/\/[^?#]*)[?#].*$/i, '$1');
  return { url: bare, credentials: bare !== url };
}

function addressOf(url: string): Address | null {
  // Lone halves of a character and controls have no place in one, and would be something else for the next reader.
  if (url === '' || url.length > 2000 || /[\p{Cc}\p{Cf}\p{Cs}\s]/u.test(url.replaceAll(' ', ''))) return null;
  if (url.startsWith('-') || /^[\w+.-]*::/.test(url)) return null;
  if (isAbsolute(url)) return fileAddress(url);
  const [, scheme, rest] = /^([a-z][a-z+]*):\/\/(.*)$/i.exec(url) ?? [];
  if (scheme === undefined || rest === undefined) return scpAddress(url);
  const kind = scheme.toLowerCase().replace(/^(git\+ssh|ssh\+git)$/, 'ssh');
  if (kind === 'file') return fileAddress(rest);
  if (kind !== 'https' && kind !== 'http' && kind !== 'git' && kind !== 'ssh') return null;
  const [, , host, port, path] = /^(?:([^/@]*)@)?(\[[\da-f:]+\]|[^/:@]+)(?::(\d*))?\/(.+)$/i.exec(rest) ?? [];
  if (host === undefined || path === undefined || !isHost(host) || rest.startsWith('-')) return null;
  const odd = port !== undefined && port !== '' && port !== usualPorts[kind];
  return path.startsWith('-')
    ? null
    : { scheme: kind, host: `${host.toLowerCase()}${odd ? `:${port}` : ''}`, path };
}

/** `user@host:path`, as ssh's own programs have it. */
function scpAddress(url: string): Address | null {
  const [, user, host, path] = /^(?:([^/:@]+)@)?(\[[\da-f:]+\]|[^/:@]+):(.+)$/i.exec(url) ?? [];
  if (host === undefined || path === undefined || !isHost(host)) return null;
  return user?.startsWith('-') || path.startsWith('-')
    ? null
    : { scheme: 'ssh', host: host.toLowerCase(), path };
}

function fileAddress(path: string): Address | null {
  return isAbsolute(path) ? { scheme: 'file', host: '', path: normalize(path) } : null;
}

function isHost(host: string): boolean {
  return /^(\[[\da-f:]+\]|[\p{L}\p{N}_][\p{L}\p{N}._-]*)$/iu.test(host);
}
