import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type Lookup, lookup, type RpcClient } from '../../../src/rpc/client.js';
import { daemonSocket } from '../../../src/rpc/socket-path.js';
import { waitUntil } from '../../support/wait.js';
import { root, type Sandbox } from '../../support/world.js';

let folder = '';

/** Bundles the fake daemon once for a test file, in a folder that looks like an installed package. */
export function bundleFakeDaemon(): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cw-fake-'));
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'package.json'), '{"version":"0.0.1"}');
    await build({
      entryPoints: [join(root, 'test/daemon/support/fake-daemon.ts')],
      outfile: join(folder, 'dist/daemon.cjs'),
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'silent',
      define: { 'import.meta.url': '__importMetaUrl' },
      banner: { js: `var __importMetaUrl = require('url').pathToFileURL(__filename).href;` },
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
}

export function fakeProgram(): readonly [string, ...string[]] {
  return [process.execPath, join(folder, 'dist/daemon.cjs')];
}

export interface FakeDaemon {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Its exit code, or signal, when it has ended. */
  readonly ended: Promise<number | string>;
  readonly stderr: () => string;
}

export function fakeEnv(world: Sandbox): NodeJS.ProcessEnv {
  return { ...world.env, FAKE_NOTES: join(world.folder, 'notes'), FAKE_MODE: join(world.folder, 'mode') };
}

/** What the work of the daemons of this sandbox was asked to do so far. */
export function notesOf(world: Sandbox): unknown[] {
  try {
    const lines = readFileSync(join(world.folder, 'notes'), 'utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as unknown);
  } catch {
    return [];
  }
}

/** Starts a fake daemon; it is ended with the test. */
export function startFake(world: Sandbox, env: NodeJS.ProcessEnv = {}): FakeDaemon {
  const [program, ...args] = fakeProgram();
  const child = spawn(program, args, {
    env: { ...fakeEnv(world), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  const ended = new Promise<number | string>((done) =>
    child.on('exit', (code, signal) => done(code ?? signal ?? 'unknown')),
  );
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  return { child, pid: child.pid!, ended, stderr: () => stderr };
}

/** Waits until the daemon of this sandbox answers. */
export async function answering(world: Sandbox, pid?: number): Promise<RpcClient> {
  const found = await waitUntil('the daemon answers', async () => {
    const seen: Lookup = await lookup(daemonSocket(world.socket, world.env));
    if (seen.state !== 'running') return null;
    if (pid === undefined || seen.client.hello.pid === pid) return seen;
    seen.client.close();
    return null;
  });
  onTestFinished(() => found.client.close());
  return found.client;
}
