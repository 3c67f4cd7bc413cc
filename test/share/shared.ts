import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { LineReader } from '../../src/rpc/framing.js';
import { longestMessage, type Message, readMessage } from '../../src/share/protocol.js';
import type { ShareRecord } from '../../src/share/record.js';
import { isAlive } from '../../src/system/process.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** A world with the workspaces shop and api, each one shell; a word stands on the screen of each. */
export async function twoWorkspaces(): Promise<Sandbox> {
  const world = sandbox();
  for (const name of ['shop', 'api']) {
    world.file(`projects/${name}/.cw.yaml`, 'windows: [{ name: code, panes: [{ role: shell }] }]\n');
    const path = `${world.home}/projects/${name}`;
    await ran(world, 'trust', path, '--yes');
    await ran(world, 'up', path, '--detach');
    print(world, name, `WORD-OF-${name.toUpperCase()}`);
  }
  for (const name of ['shop', 'api']) {
    await waitUntil(`${name} shows its word`, () =>
      new RegExp(`^WORD-OF-${name}`, 'mi').test(world.screen(`=claude-dev-${name}:`)),
    );
  }
  return world;
}

/** Has a shell print a word, which does not stand in the line that is typed. */
export function print(world: Sandbox, name: string, word: string): void {
  const [first = '', ...rest] = word;
  world.tmux('send-keys', '-t', `=claude-dev-${name}:`, '-l', `echo ${first}''${rest.join('')}`);
  world.tmux('send-keys', '-t', `=claude-dev-${name}:`, 'Enter');
}

export async function ran(world: Sandbox, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await world.cw(args);
  if (code !== 0) throw new Error(`cw ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** `cw share`; ends with the test, whatever that does. */
export async function share(world: Sandbox, ...args: string[]): Promise<ShareRecord> {
  const record = JSON.parse(await ran(world, 'share', ...args, '--json')) as ShareRecord;
  onTestFinished(async () => {
    if (isAlive(record.pid, record.processStart)) process.kill(record.pid, 'SIGTERM');
    await waitUntil('the share is gone', () => !isAlive(record.pid, record.processStart));
  });
  return record;
}

/** A viewer that keeps all that it is told. */
export interface Onlooker {
  readonly messages: Message[];
  /** All bytes, as text. */
  raw(): string;
  send(bytes: string): void;
  pause(): void;
  resume(): void;
  readonly bytes: () => number;
  /** The lines as they are now. */
  picture(): string;
  ended(): Promise<Extract<Message, { kind: 'end' }>>;
}

export async function onlooker(path: string): Promise<Onlooker> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  const messages: Message[] = [];
  const reader = new LineReader(longestMessage);
  let rows: string[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    chunks.push(bytes);
    for (const piece of reader.push(bytes)) {
      const message = 'line' in piece ? readMessage(piece.line) : null;
      if (!message) throw new Error(`no message: ${JSON.stringify(piece).slice(0, 200)}`);
      messages.push(message);
      if (message.kind !== 'screen') continue;
      if (message.lines.length === message.rows) rows = [];
      for (const [row, runs] of message.lines) rows[row] = runs.map(([text]) => text).join('');
    }
  });
  return {
    messages,
    raw: () => Buffer.concat(chunks).toString(),
    bytes: () => chunks.reduce((sum, one) => sum + one.length, 0),
    send: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    picture: () => rows.map((row) => row ?? '').join('\n'),
    ended: () =>
      waitUntil('it is told that it is over', () => messages.find((one) => one.kind === 'end')) as Promise<
        Extract<Message, { kind: 'end' }>
      >,
  };
}

/** Processes of the share that are left: the terminal's `script`, and the client of tmux. */
export function processesOf(world: Sandbox): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
      const isOurs =
        words.includes(world.socket) && /attach-session -E -f read-only|share w.*--foreground/.test(words);
      return isOurs ? [words] : [];
    } catch {
      return [];
    }
  });
}

export async function allGone(world: Sandbox, record: ShareRecord): Promise<void> {
  await waitUntil('nothing of the share is left', () => {
    const left = [
      ...processesOf(world),
      ...(record.folder !== null && existsSync(record.folder) ? [record.folder] : []),
      ...(isAlive(record.pid, record.processStart) ? ['its process'] : []),
    ];
    if (left.length > 0) throw new Error(left.join('; '));
    return true;
  });
}
