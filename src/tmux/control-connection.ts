import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
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
import { connectionFailure, NoServerError, noAnswer, tmuxMissing } from './failure.js';
import { chainArguments, chainLine, commandLine } from './quote.js';

export interface ControlOptions {
  /**
   * The session to attach to: `$3`, or `exactSession(name)`. A control client has to be attached to one. Or the
   * commands that attach it, as one chain: a `new-session` whose session is never there without its client.
   */
  readonly target: string | readonly Command[];
  /** Each notification, a line such as `%window-renamed @1 name`. What is on it is foreign text. */
  readonly onNotification?: (line: string) => void;
  /** Called once when the client has ended for any reason, with tmux's own where it gave one. */
  readonly onClose?: (reason: string) => void;
}

export interface ControlConnection extends Connection {
  /**
   * Sends `%subscription-changed NAME ...` when the text of the format changes, looked at once a second at most.
   * The format is expanded for the attached session; `#{S:...}` in it goes over all of them.
   */
  subscribe(name: string, format: string): Promise<void>;
  unsubscribe(name: string): Promise<void>;
}

interface Pending {
  readonly mark: string;
  readonly outputs: Buffer[];
  readonly errors: string[];
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: Error) => void;
}

interface Block {
  /** `TIME NUMBER FLAGS` of its %begin: its end repeats it. */
  readonly id: string;
  /** It answers a command of ours; others belong to hooks, and to the attach itself. */
  readonly ours: boolean;
  readonly lines: Buffer[];
}

const newline = 0x0a;
const percent = 0x25;

/**
 * A connection over one persistent control-mode client, attached to a session without resizing its windows or
 * getting its output. Returns when the client is attached: what is sent before is answered "no current client".
 *
 * It counts in `session_attached` and moves `session_last_attached` of that session, and it ends with it. When a
 * server ends in order its sessions end first, so that this cannot say which of the two it was: `serverState` does.
 *
 * @throws CwError `tmux-unusable` when there is no server (`isNoServer`) or no such session.
 */
export async function controlConnection(
  address: ServerAddress,
  env: NodeJS.ProcessEnv,
  options: ControlOptions,
): Promise<ControlConnection> {
  const client = new ControlClient(address, env, options);
  await client.attached();
  return client;
}

class ControlClient implements ControlConnection {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly waiting: Pending[] = [];
  private partial: Buffer[] = [];
  private block: Block | null = null;
  private stderr = '';
  private exitReason = '';
  private isAttached = false;
  private failure: Error | null = null;
  private readonly ready: { resolve(): void; reject(error: Error): void; readonly promise: Promise<void> };
  private readonly ended: Promise<void>;

  constructor(
    readonly address: ServerAddress,
    env: NodeJS.ProcessEnv,
    private readonly options: ControlOptions,
  ) {
    this.ready = deferred();
    const words =
      typeof options.target === 'string'
        ? ['attach-session', '-f', 'no-output,ignore-size', '-t', options.target]
        : chainArguments(options.target);
    // -N: attach-session is one of the commands that would start a server.
    this.child = spawn('tmux', ['-u', '-N', ...address.args, '-C', ...words], {
      cwd: '/',
      env: childEnv(env),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin.on('error', () => {}); // the client has ended: its exit tells why
    this.child.stdout.on('data', (data: Buffer) => this.take(data));
    this.child.stderr.on('data', (data: Buffer) => {
      this.stderr += data.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.fail(systemCode(error) === 'ENOENT' ? tmuxMissing(error) : error);
        resolve();
      });
      this.child.on('close', () => {
        this.fail(this.whyEnded());
        resolve();
      });
    });
    this.ended.then(() => options.onClose?.(this.exitReason || (this.failure?.message ?? '')));
  }

  async attached(): Promise<void> {
    const timer = setTimeout(() => {
      this.fail(noAnswer(this.address, defaultTimeout));
      this.child.kill('SIGKILL');
    }, defaultTimeout);
    try {
      await this.ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  batch(commands: readonly Command[], options: BatchOptions = {}): Promise<BatchResult> {
    if (commands.length === 0) return Promise.resolve({ stdout: Buffer.alloc(0), errors: [] });
    if (this.failure) return Promise.reject(this.failure);
    // A line of several commands stops at the first that fails, and then answers with fewer blocks; hooks and
    // `if-shell` add blocks of theirs. So the end of a batch is the answer to one more line: a mark of our own.
    const mark = `cw-done-${randomHex(8)}`;
    const lines = options.stopOnError ? [chainLine(commands)] : commands.map(commandLine);
    const text = `${[...lines, commandLine(['display-message', '-p', mark])].join('\n')}\n`;
    const limit = options.timeout ?? defaultTimeout;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // What is still to come would answer the wrong batch: this client is of no use any more.
        this.fail(noAnswer(this.address, limit));
        this.child.kill('SIGKILL');
      }, limit);
      this.waiting.push({
        mark,
        outputs: [],
        errors: [],
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.child.stdin.write(text);
    });
  }

  async subscribe(name: string, format: string): Promise<void> {
    if (!/^[A-Za-z0-9_-]+$/.test(name)) throw new Error(`not a name for a subscription: ${name}`);
    await this.must(['refresh-client', '-B', `${name}::${format}`]);
  }

  async unsubscribe(name: string): Promise<void> {
    await this.must(['refresh-client', '-B', name]);
  }

  /** Detaches, and waits until the client is gone. */
  async close(): Promise<void> {
    if (this.failure === null) {
      // An end of input right after the last command can lose its answer; an empty line detaches in order.
      this.child.stdin.write('\n');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 2_000);
      await this.ended;
      clearTimeout(timer);
    }
    this.child.stdin.destroy();
    await this.ended;
  }

  private async must(command: Command): Promise<void> {
    const { errors } = await this.batch([command]);
    if (errors.length > 0)
      throw new CwError('tmux-unusable', `tmux refused ${command[0]}: ${errors.join('; ')}.`);
  }

  private take(data: Buffer): void {
    let start = 0;
    for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, start)) {
      const piece = data.subarray(start, end);
      const line = this.partial.length > 0 ? Buffer.concat([...this.partial, piece]) : piece;
      this.partial = [];
      this.takeLine(line);
      start = end + 1;
    }
    if (start < data.length) this.partial.push(data.subarray(start));
  }

  private takeLine(line: Buffer): void {
    if (this.block) {
      const end = line[0] === percent ? /^%(end|error) (\d+ \d+ \d+)$/.exec(line.toString()) : null;
      if (end?.[2] !== this.block.id) {
        this.block.lines.push(line);
        return;
      }
      const { ours, lines } = this.block;
      this.block = null;
      if (ours) this.answer(lines, end[1] === 'error');
      else if (end[1] === 'error' && !this.isAttached) this.exitReason = Buffer.concat(lines).toString();
      return;
    }
    const text = line.toString();
    const begin = /^%begin (\d+ \d+ (\d+))$/.exec(text);
    if (begin) this.block = { id: begin[1] ?? '', ours: begin[2] === '1', lines: [] };
    else this.notice(text);
  }

  private answer(lines: readonly Buffer[], failed: boolean): void {
    const batch = this.waiting[0];
    if (!batch) return;
    if (failed) {
      batch.errors.push(lines.map(String).join('\n') || 'tmux gave no reason');
    } else if (lines.length === 1 && lines[0]?.equals(Buffer.from(batch.mark))) {
      this.waiting.shift();
      batch.resolve({ stdout: Buffer.concat(batch.outputs), errors: batch.errors });
    } else {
      for (const line of lines) batch.outputs.push(line, lineEnd);
    }
  }

  private notice(line: string): void {
    if (line.startsWith('%session-changed ')) {
      this.isAttached = true;
      this.ready.resolve();
    }
    if (line.startsWith('%exit ')) this.exitReason = line.slice('%exit '.length);
    this.options.onNotification?.(line);
  }

  private whyEnded(): Error {
    const failure = connectionFailure(this.stderr, this.address);
    if (failure) return failure;
    if (/^(server exited|lost server)/.test(this.exitReason)) return new NoServerError(this.address, true);
    const why = this.exitReason || this.stderr.trim() || 'detached';
    return new CwError(
      'tmux-unusable',
      `The control client of ${this.address.socketPath} has ended: ${why}.`,
    );
  }

  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.ready.reject(error);
    for (const batch of this.waiting.splice(0)) batch.reject(error);
  }
}

const lineEnd = Buffer.from('\n');

function deferred(): { resolve(): void; reject(error: Error): void; readonly promise: Promise<void> } {
  let resolve = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  promise.catch(() => {}); // nobody waits for it after the attach
  return { resolve, reject, promise };
}
