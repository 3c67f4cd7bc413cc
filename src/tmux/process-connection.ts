import { spawn } from 'node:child_process';
import { CwError, systemCode } from '../errors.js';
import { randomHex } from '../system/random.js';
import { childEnv } from './address.js';
import {
  type BatchOptions,
  type BatchResult,
  type Command,
  type Connection,
  defaultTimeout,
  type ServerAddress,
} from './connection.js';
import { connectionFailure, isNoServer, noAnswer, tmuxMissing } from './failure.js';
import { chainArguments, commandLine } from './quote.js';

/** tmux processes that this program has started, for tests and benchmarks. */
export const spawned = { count: 0 };

// A client hands its arguments to the server in one message of at most 16 KB (imsg), header included.
const chainBytes = 15_000;
// The time of source-file grows with the square of the lines past some thousands.
const linesAtOnce = 500;

interface Ran {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/**
 * A connection that starts one tmux client for each batch. Commands go as arguments (`a ; b`), where a failure
 * stops the rest, or else, one a line, through `source-file -`, where it does not. What is too long for one goes
 * as several.
 */
export function processConnection(address: ServerAddress, env: NodeJS.ProcessEnv): Connection {
  async function chain(commands: readonly Command[], options: BatchOptions): Promise<BatchResult> {
    const ran = await runClient(address, chainArguments(commands), '', env, options);
    return { stdout: ran.stdout, errors: errorsOf(ran) };
  }

  async function source(commands: readonly Command[], options: BatchOptions): Promise<BatchResult> {
    // A line that does not parse makes tmux run nothing, print why on standard output and exit with 0. Only when
    // the mark comes back did the lines run.
    const mark = `cw-done-${randomHex(8)}`;
    const input = [...commands, ['display-message', '-p', mark]].map(
      (command) => `${commandLine(command)}\n`,
    );
    const ran = await runClient(address, ['source-file', '-'], input.join(''), env, options);
    const tail = Buffer.from(`${mark}\n`);
    const at = ran.stdout.length - tail.length;
    if (at >= 0 && ran.stdout.subarray(at).equals(tail)) {
      return { stdout: ran.stdout.subarray(0, at), errors: errorsOf(ran) };
    }
    const said = lines(ran.stdout.toString()).concat(lines(ran.stderr));
    throw new CwError(
      'tmux-unusable',
      `tmux did not take the commands: ${said.join('; ') || 'it said nothing'}`,
      {
        hint: `The first one was: ${input[0]?.trimEnd().slice(0, 200) ?? ''}`,
      },
    );
  }

  async function send(commands: readonly Command[], options: BatchOptions): Promise<BatchResult> {
    const outputs: Buffer[] = [];
    const errors: string[] = [];
    for (const part of split(commands, options.stopOnError === true)) {
      const result = await (part.chain ? chain : source)(part.commands, options);
      outputs.push(result.stdout);
      errors.push(...result.errors);
      if (options.stopOnError && errors.length > 0) break;
    }
    return { stdout: outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs), errors };
  }

  return {
    address,
    async batch(commands, options = {}) {
      if (commands.length === 0) return { stdout: Buffer.alloc(0), errors: [] };
      if (!options.stopOnError || !commands.some(startsServer)) return send(commands, options);
      for (let tries = 1; ; tries++) {
        try {
          return await send(commands, options);
        } catch (error) {
          if (!isNoServer(error) || !error.ended) throw error;
          // It met a server that was just ending. What it had made there ended with it, so it can begin anew.
          if (tries === 40) throw error;
          await new Promise((done) => setTimeout(done, 25));
        }
      }
    },
    async close() {},
  };
}

function startsServer(command: Command): boolean {
  return command[0] === 'new-session' || command[0] === 'start-server';
}

interface Part {
  readonly chain: boolean;
  readonly commands: readonly Command[];
}

/** The parts that a batch is sent in, each one client. A chain part holds what fits in one message. */
export function split(commands: readonly Command[], stopOnError: boolean): Part[] {
  const parts: Part[] = [];
  if (!stopOnError && commands.length > 1) {
    for (let at = 0; at < commands.length; at += linesAtOnce) {
      parts.push({ chain: false, commands: commands.slice(at, at + linesAtOnce) });
    }
    return parts;
  }
  let open: Command[] = [];
  let bytes = 0;
  const flush = () => {
    if (open.length > 0) parts.push({ chain: true, commands: open });
    open = [];
    bytes = 0;
  };
  for (const command of commands) {
    const size = command.reduce((sum, word) => sum + Buffer.byteLength(word) + 2, 2);
    if (bytes + size > chainBytes) flush();
    if (size > chainBytes) {
      parts.push({ chain: false, commands: [command] });
      continue;
    }
    open.push(command);
    bytes += size;
  }
  flush();
  return parts;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function errorsOf(ran: Ran): string[] {
  const errors = lines(ran.stderr);
  // A command may fail without a word: its exit code still counts.
  return errors.length === 0 && ran.exitCode !== 0 ? [`tmux failed with exit code ${ran.exitCode}`] : errors;
}

function runClient(
  address: ServerAddress,
  words: readonly string[],
  input: string,
  env: NodeJS.ProcessEnv,
  options: BatchOptions,
): Promise<Ran> {
  const limit = options.timeout ?? defaultTimeout;
  return new Promise((resolve, reject) => {
    spawned.count += 1;
    const [program = 'tmux', ...before] = options.prefix ?? [];
    const own = ['-u', ...address.args, ...words];
    const child = spawn(program, options.prefix?.length ? [...before, 'tmux', ...own] : own, {
      // A folder that surely exists: a missing one would read as "tmux not found", and a server that is started
      // here would hold it for ever.
      cwd: '/',
      env: childEnv(options.env ?? env),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // A server that this client started can hold the pipes open: do not wait for them.
      child.stdout.destroy();
      child.stderr.destroy();
      reject(noAnswer(address, limit));
    }, limit);
    child.stdin.on('error', () => {}); // the client ended before it read all: its exit tells why
    child.stdin.end(input);
    child.stdout.on('data', (data: Buffer) => stdout.push(data));
    child.stderr.on('data', (data: Buffer) => stderr.push(data));
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(systemCode(error) === 'ENOENT' ? tmuxMissing(error) : error);
    });
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      const ran = { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString(), exitCode };
      const failure = connectionFailure(ran.stderr, address);
      if (failure) reject(failure);
      else resolve(ran);
    });
  });
}
