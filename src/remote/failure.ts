import { z } from 'zod';
import { CwError } from '../errors.js';
import type { DialogueEnd } from '../system/dialogue.js';
import { shellWord } from '../system/paths.js';

/**
 * Why ssh did not do what it was asked for, in a sentence of ours, from what it wrote on standard error. Its messages
 * are English in every locale: it sets none but LC_CTYPE.
 */

interface Known {
  readonly pattern: RegExp;
  sentence(host: string, match: RegExpExecArray): string;
  hint(host: string, match: RegExpExecArray, stderr: string): string;
}

const tryIt = (host: string) => `Look at it by hand: ssh ${shellWord(host)}`;

// The first that matches tells; what is more exact stands before what follows from it.
const known: readonly Known[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    sentence: (host) => `The host key of ${host} is another one than the one that is known of it.`,
    hint: (host, _, stderr) =>
      [
        'Was it set up anew? Ask who runs it. If not, somebody may stand in between: do not log in.',
        `If so, forget the old key, and look at the new one as you log in: ${removeKey(stderr) ?? `ssh-keygen -R ${shellWord(host.replace(/^.*@/, ''))}`} && ssh ${shellWord(host)}`,
      ].join('\n'),
  },
  {
    pattern: /Host key verification failed|No .* host key is known for/,
    sentence: (host) => `The host key of ${host} is not known here yet.`,
    hint: (host) => `Log in once by hand, and compare the fingerprint that it shows: ssh ${shellWord(host)}`,
  },
  {
    pattern: /Permission denied \(([^)]*)\)|Too many authentication failures/,
    sentence: (host, [, ways]) =>
      `${host} did not let you in${ways ? ` (it takes: ${ways.replaceAll(',', ', ')})` : ''}.`,
    hint: (host) =>
      `Without a question it takes a key: ssh-copy-id ${shellWord(host)}, and unlock yours (ssh-add). A name other than yours there: USER@HOST.`,
  },
  {
    pattern: /Could not resolve hostname (.*?): (.*)/,
    sentence: (host) => `${host} is no host that is known: its name has no address.`,
    hint: () => 'Check its spelling, and the Host entries of ~/.ssh/config.',
  },
  {
    pattern: /connect to host .*: Connection refused|Connection refused/,
    sentence: (host) => `${host} refused the connection: no sshd listens there.`,
    hint: (host) => `Is sshd running there, and is it that port? ${tryIt(host)}`,
  },
  {
    pattern: /(No route to host|Network is unreachable|Host is down)/,
    sentence: (host, [, why = '']) =>
      `${host} cannot be reached: ${why.charAt(0).toLowerCase()}${why.slice(1)}.`,
    hint: () => 'Is your network up (a VPN?), and is that machine?',
  },
  {
    pattern:
      /Bad (?:owner or permissions on .*|configuration option.*)|.*terminating, \d+ bad configuration options|Can't open user config file.*/,
    sentence: (_, [line]) => `ssh does not take its own configuration: ${line.trim()}.`,
    hint: () => 'Mend that file; it is usually ~/.ssh/config.',
  },
];

const cutOff =
  /Connection (?:closed|reset)|Broken pipe|not responding|Connection to .* closed|kex_exchange_identification|client_loop/;
const tooSlow = /timed out/;

/** ssh says how to forget a key, with its file; only what is plainly that line is passed on. */
function removeKey(stderr: string): string | null {
  return /^\s*(ssh-keygen -f ["'][\w./-]+["'] -R ["'][\w.:@[\]-]+["'])\s*$/m.exec(stderr)?.[1] ?? null;
}

/**
 * The failure of an ssh that ended before, or instead of, what it was to bring.
 *
 * @param stage whether the far cw had begun to answer.
 * @param seconds how long it had.
 */
export function sshFailure(
  host: string,
  end: DialogueEnd,
  stage: 'connecting' | 'answering',
  seconds: number,
): CwError {
  const failed = (message: string, hint: string) => new CwError('failed', message, { hint });
  if (end.failedToStart !== null) {
    return end.failedToStart === 'ENOENT'
      ? failed(
          'There is no ssh on your PATH.',
          'Install it (Debian: apt install openssh-client), or name it: cw config set remote.ssh PATH',
        )
      : failed(`ssh could not be started (${end.failedToStart}).`, 'Look at: cw config get remote.ssh');
  }
  if (stage === 'connecting')
    for (const { pattern, sentence, hint } of known) {
      const match = pattern.exec(end.stderr);
      if (match) return failed(sentence(host, match), hint(host, match, end.stderr));
    }
  if (end.timedOut || (tooSlow.test(end.stderr) && stage === 'connecting'))
    return failed(
      `${host} did not answer in ${seconds} s.`,
      `Is it up? ${tryIt(host)}\nTo wait longer: cw config set remote.seconds ${seconds * 3}`,
    );
  if (stage === 'answering' || cutOff.test(end.stderr))
    return failed(
      `The connection to ${host} was cut${stage === 'answering' ? ' while it answered' : ' before you were logged in'}.`,
      stage === 'answering' ? 'Try again.' : `Try again. If it stays so, its sshd closes it: ${tryIt(host)}`,
    );
  const last = lastLine(end.stderr);
  return failed(
    last === ''
      ? `ssh to ${host} ended with code ${end.exitCode ?? 'none'}, and said nothing.`
      : `ssh to ${host} failed: ${last}`,
    tryIt(host),
  );
}

function lastLine(stderr: string): string {
  return stderr.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}

/** The far side has no cw, or not where its shell would find it. */
export function noFarCw(host: string): CwError {
  return new CwError('not-found', `cw is not installed on ${host}, or not on the PATH of its login shell.`, {
    hint: `Install it there: ssh -t ${shellWord(host)} npm install -g claude-workspaces`,
  });
}

/** The far cw says what this one does not understand. */
export function otherVersion(host: string, far: string | null, ours: string): CwError {
  const versions =
    far === null || far === ''
      ? `its version is not known, this one is ${ours}`
      : `it is ${far}, this one is ${ours}`;
  const isOlder = far !== null && far !== '' && older(far, ours);
  return new CwError(
    'failed',
    `The cw on ${host} answered in a form that this one does not know: ${versions}.`,
    {
      hint:
        far === ours
          ? `Look at it by hand: ssh ${shellWord(host)} cw list`
          : `Update ${isOlder ? 'the one there' : 'the older of the two'}: npm install -g claude-workspaces`,
    },
  );
}

function older(one: string, other: string): boolean {
  return one.localeCompare(other, 'en', { numeric: true }) < 0;
}

const errorSchema = z.object({
  error: z.object({
    code: z.string().default('failed'),
    message: z.string(),
    hint: z.string().nullable().default(null),
  }),
});

/** The failure that a far cw told as its document; null: it is none. */
export function farError(host: string, document: unknown): CwError | null {
  const told = errorSchema.safeParse(document);
  if (!told.success) return null;
  const { code, message, hint } = told.data.error;
  // What these mean is the same here as there.
  const kind = code === 'not-found' || code === 'refused' ? code : 'failed';
  return new CwError(kind, `${host}: ${message}`, { hint: hint === null ? undefined : `There: ${hint}` });
}
