import { spawn } from 'node:child_process';
import { CwError, messageOf, systemCode } from '../errors.js';
import { run } from './run.js';

export interface PseudoTerminal {
  /** Of the program. */
  readonly pid: number;
  /** Its terminal: `/dev/pts/3`. */
  readonly tty: string;
  /** Resolves when it has ended, with the last of what it wrote that is text. */
  readonly ended: Promise<void>;
  /** What it writes is not taken, or is again; a full terminal makes its writer wait. */
  pause(): void;
  resume(): void;
  resize(columns: number, rows: number): Promise<void>;
  /** Hangs up. Idempotent. */
  close(): void;
}

export interface PseudoTerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env: NodeJS.ProcessEnv;
  readonly onOutput: (bytes: Buffer) => void;
}

/**
 * Starts a program on a terminal of its own, which `script` (util-linux; BSD and macOS have it too) makes for us, since
 * Node cannot. Nothing can be typed there: what `script` would pass on is a pipe that nobody writes to. The program
 * gets a hangup when we end, however that is: a shell beside it waits for the end of another pipe of ours.
 *
 * @param line what a shell runs: it has to `exec` the program.
 * @throws CwError `failed` when there is no `script`, or the program does not start.
 */
export async function openPseudoTerminal(
  line: string,
  { columns, rows, env, onOutput }: PseudoTerminalOptions,
): Promise<PseudoTerminal> {
  // The shell becomes the program, so `$$` is that. When the program ends first, its terminal is hung up, and with it
  // the shell that waits: no other process can have got the number by then.
  const script = [
    `stty rows ${rows} cols ${columns}`,
    'printf "%s %s\\n" "$$" "$(tty)" >&4',
    '( read -r _ <&3; kill -HUP "$$" ) 4>&- </dev/null >/dev/null 2>&1 &',
    `${line} 3<&- 4>&-`,
  ].join('\n');
  // util-linux takes a line for $SHELL, the BSDs a program with its words after the file.
  const isBsd = process.platform === 'darwin' || process.platform.endsWith('bsd');
  const words = isBsd
    ? ['-q', '/dev/null', '/bin/sh', '-c', script]
    : ['-q', '-f', '-c', script, '/dev/null'];
  const child = spawn('script', words, {
    cwd: '/',
    env: { ...env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const said: Buffer[] = [];
  const [input, output, errors, life, start] = child.stdio;
  for (const stream of [input, life]) stream?.on('error', () => {}); // it ended before we did
  output?.on('data', (bytes: Buffer) => {
    if (said.reduce((sum, one) => sum + one.length, 0) < 2000) said.push(bytes);
    onOutput(bytes);
  });
  errors?.on('data', (bytes: Buffer) => said.push(bytes));
  const close = () => {
    life?.destroy();
    input?.destroy();
    child.kill('SIGHUP');
  };
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const where = await new Promise<{ pid: number; tty: string }>((resolve, reject) => {
    let text = '';
    start?.on('error', () => {});
    start?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const found = /^(\d+) (\/dev\/\S+)$/m.exec(text);
      if (found) resolve({ pid: Number(found[1]), tty: found[2]! });
    });
    child.on('error', (error) => reject(notStarted(error, '')));
    child.on('close', () => reject(notStarted(null, Buffer.concat(said).toString())));
  });
  return {
    ...where,
    ended,
    close,
    pause: () => void output?.pause(),
    resume: () => void output?.resume(),
    async resize(width, height) {
      await run(
        'sh',
        ['-c', 'stty rows "$1" cols "$2" <"$3"', 'sh', String(height), String(width), where.tty],
        {
          timeout: 5000,
        },
      );
    },
  };
}

function notStarted(error: Error | null, said: string): CwError {
  if (error && systemCode(error) === 'ENOENT') {
    return new CwError('failed', 'The program "script" is missing, which makes a terminal to share.', {
      hint: 'Install it: apt install bsdutils, or dnf install util-linux-script.',
      cause: error,
    });
  }
  const why = error ? messageOf(error) : said.trim() || 'it ended at once';
  return new CwError('failed', `No terminal could be made by "script": ${why}.`, { cause: error });
}
