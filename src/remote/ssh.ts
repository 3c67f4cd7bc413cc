import { CwError } from '../errors.js';
import { startDialogue } from '../system/dialogue.js';
import { randomHex } from '../system/random.js';
import { noFarCw, sshFailure } from './failure.js';
import { afterMark, answeringLine, attachingLine, type Marked } from './far-command.js';

/** How the user's own ssh is called; its configuration, keys and agent are left to it. */
export interface SshSettings {
  /** The program with options of its own. */
  readonly ssh: readonly string[];
  /** Seconds to reach a host, and as many again for its answer. */
  readonly seconds: number;
  readonly env: NodeJS.ProcessEnv;
}

// A command or a forwarding of the configuration is meant for a shell: with the first ssh refuses a line of ours, and
// the second would fail beside the user's own session. At a lower level than INFO it does not say who closed the
// connection.
const options = ['RemoteCommand=none', 'ClearAllForwardings=yes', 'PermitLocalCommand=no', 'LogLevel=INFO'];

/**
 * The words of an ssh whose output is read.
 *
 * @param asks whether it may ask on the terminal (a password, an unknown host key).
 */
export function answeringWords(
  host: string,
  line: string,
  { ssh, seconds }: SshSettings,
  asks: boolean,
): string[] {
  const all = [
    ...options,
    ...(asks ? [] : ['BatchMode=yes']),
    `ConnectTimeout=${seconds}`,
    // A host that went away in the middle is given up after as long.
    `ServerAliveInterval=${Math.max(1, Math.ceil(seconds / 2))}`,
    'ServerAliveCountMax=2',
  ];
  return [...ssh, '-T', ...all.flatMap((option) => ['-o', option]), '--', host, line];
}

/** The words of an ssh that gets the terminal, and shows a workspace on it. */
export function attachingWords(
  host: string,
  words: readonly string[],
  { ssh }: Pick<SshSettings, 'ssh'>,
): string[] {
  return [...ssh, '-t', '-o', 'RemoteCommand=none', '--', host, attachingLine(words)];
}

export interface FarAnswer {
  readonly version: string;
  /** What the far program wrote on standard output. */
  readonly output: string;
  readonly exitCode: number;
  readonly stderr: string;
}

/** More than any list is. */
const mostOutput = 16 * 1024 * 1024;

/**
 * Runs a program of ours on a host, and reads what it says. Nobody is asked anything.
 *
 * @param words the program (`cw`) and its words.
 * @throws CwError why it could not be: with a sentence that names the host.
 */
export async function askFar(
  host: string,
  words: readonly string[],
  settings: SshSettings,
): Promise<FarAnswer> {
  const mark = `cw-answers-${randomHex(8)}`;
  const [program = 'ssh', ...args] = answeringWords(host, answeringLine(mark, words), settings, false);
  const dialogue = startDialogue(program, args, { env: settings.env, timeout: 2 * settings.seconds * 1000 });
  dialogue.stdin.end();
  const parts: Buffer[] = [];
  let bytes = 0;
  dialogue.stdout.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes > mostOutput) dialogue.end();
    else parts.push(part);
  });
  const end = await dialogue.ended;
  const marked: Marked | null = afterMark(Buffer.concat(parts), mark);
  if (bytes > mostOutput)
    throw new CwError(
      'failed',
      `${host} answered with more than ${mostOutput / 1024 / 1024} MB, which no list is.`,
      {
        hint: 'Look at it by hand, with: cw ssh HOST',
      },
    );
  if (marked === null)
    throw sshFailure(host, end, 'connecting', end.timedOut ? 2 * settings.seconds : settings.seconds);
  if (marked.version === null) throw noFarCw(host);
  if (end.exitCode === null || end.exitCode === 255)
    throw sshFailure(host, end, 'answering', 2 * settings.seconds);
  return {
    version: marked.version,
    output: marked.rest.toString('utf8'),
    exitCode: end.exitCode,
    stderr: end.stderr,
  };
}

/**
 * The one JSON document of an answer: its first line that is one.
 *
 * @returns undefined where there is none.
 */
export function documentOf(output: string): unknown {
  for (const line of output.split('\n')) {
    if (!/^\s*[[{]/.test(line)) continue;
    try {
      return JSON.parse(line);
    } catch {
      // Noise that begins like one.
    }
  }
  return undefined;
}
