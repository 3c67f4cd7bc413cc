import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keeping } from '../../src/daemon/keeping.js';
import { BlobStore } from '../../src/snapshot/blobs.js';
import type { Snapshot } from '../../src/snapshot/model.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { spawnDetached } from '../../src/system/detached.js';
import { isAlive, processStart } from '../../src/system/process.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import type { Connection } from '../../src/tmux/connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { Registry } from '../../src/workspace/registry.js';
import { withDaemon } from '../support/daemon.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** The daemon's real work: the built program, a real tmux, real files. */

const shells = 'windows: [{name: code, panes: [null, null]}]\n';

async function opened(world: Sandbox, name = 'shop', env: NodeJS.ProcessEnv = {}): Promise<void> {
  world.file(`projects/${name}/.cw.yaml`, shells);
  const ran = await world.cw(['up', '--detach', '--trust', `projects/${name}`], { env });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
}

async function json(world: Sandbox, ...args: string[]) {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
}

const registryOf = (world: Sandbox) => new Registry(serverAddress(world.env), world.env);

const recordOf = (world: Sandbox, name = 'shop') =>
  registryOf(world)
    .readAll()
    .records.find((record) => record.name === name)!;

const storeOf = (world: Sandbox, name = 'shop') =>
  new SnapshotStore(serverFolder(world.socket, world.env), recordOf(world, name).id);

/** Waits until the newest snapshot shows something. */
const saved = (world: Sandbox, what: string, shows: (snapshot: Snapshot) => unknown) =>
  waitUntil(`${what} is on disk`, async () => {
    const snapshot = await storeOf(world).latest();
    return snapshot !== null && (await shows(snapshot)) ? snapshot : null;
  });

async function textOf(world: Sandbox, snapshot: Snapshot): Promise<string> {
  const blobs = new BlobStore(serverFolder(world.socket, world.env));
  const parts = Object.values(snapshot.panes).flatMap(({ scrollback }) => scrollback ?? []);
  const lines = await Promise.all(parts.map(async (part) => (await blobs.readLines(part)).lines));
  return lines.flat().join('\n');
}

const serverPid = (world: Sandbox) => Number(world.tmux('display-message', '-p', '#{pid}'));

async function crash(world: Sandbox): Promise<void> {
  const pid = serverPid(world);
  const start = processStart(pid);
  process.kill(pid, 'SIGKILL');
  await waitUntil('the tmux server is gone', () => !isAlive(pid, start));
}

function sessions(world: Sandbox): string[] {
  try {
    return world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n');
  } catch {
    return []; // no server runs
  }
}

const code = '=claude-dev-shop:code';
const type = (world: Sandbox, line: string, pane = `${code}.0`) =>
  world.tmux('send-keys', '-t', pane, line, 'Enter');

describe('the daemon', () => {
  it('starts with the first workspace, and has each change on disk soon', async () => {
    const world = sandbox();
    await opened(world, 'shop', { CW_DAEMON: undefined });
    await waitUntil('a daemon answers', async () => (await json(world, 'daemon', 'status')).running);
    const daemon = await withDaemon(world);
    const status = await waitUntil('it watches, and has saved', async () => {
      const said = await json(world, 'daemon', 'status');
      return said.watching === 'server' && said.lastSaveAt !== null && said;
    });
    expect(status).toEqual({
      running: true,
      pid: expect.any(Number),
      socket: expect.stringContaining('/cw/'),
      uptimeSeconds: expect.any(Number),
      workspaces: 1,
      lastSaveAt: expect.stringMatching(/^\d{4}-.*Z$/),
      schedules: expect.arrayContaining([expect.objectContaining({ name: 'save' })]),
      protocol: 1,
      // Ours, beyond what was agreed.
      server: world.socket,
      lastSaveError: null,
      watching: 'server',
      log: expect.stringContaining('daemon.log'),
    });

    const [window] = (await saved(world, 'the workspace', () => true)).blueprint.windows;
    const changes: [string, () => void, (snapshot: Snapshot) => unknown][] = [
      [
        'a split',
        () => world.tmux('split-window', '-d', '-t', code),
        ({ blueprint }) => blueprint.windows[0]?.panes.length === 3,
      ],
      [
        'a resize',
        () => world.tmux('resize-pane', '-t', `${code}.0`, '-x', '47'),
        ({ blueprint }) => /[,{]47x/.test(blueprint.windows[0]?.layout ?? ''),
      ],
      [
        'a cd',
        () => type(world, 'cd /usr'),
        ({ blueprint }) => blueprint.windows[0]?.panes[0]?.cwd === '/usr',
      ],
      [
        'a variable',
        () => world.tmux('set-environment', '-t', '=claude-dev-shop:', 'PORT', '3000'),
        ({ blueprint }) =>
          blueprint.environment.some(({ name, value }) => name === 'PORT' && value === '3000'),
      ],
      [
        'what is printed',
        () => type(world, 'echo and it was $((20 + 3))'),
        async (snapshot) => (await textOf(world, snapshot)).includes('and it was 23'),
      ],
      [
        'a program that is started',
        () => type(world, 'less /etc/passwd'),
        ({ panes }) =>
          Object.values(panes).some(
            ({ program }) => program.kind === 'group' && program.processes[0]?.argv[0] === 'less',
          ),
      ],
      [
        'another name',
        () => world.tmux('rename-window', '-t', code, 'work'),
        ({ blueprint }) => blueprint.windows[0]?.name === 'work',
      ],
    ];
    expect(window).toMatchObject({ name: 'code' });
    for (const [what, cause, shows] of changes) {
      expect([what, await shows((await storeOf(world).latest())!)]).toEqual([what, false]);
      cause();
      await saved(world, what, shows);
    }
    const [newest] = await json(world, 'snapshots', 'shop');
    expect(newest).toEqual({
      id: expect.stringMatching(/^\d+$/),
      workspace: 'shop',
      at: expect.any(String),
      reason: expect.stringMatching(/^(change|output)$/),
      note: null,
      panes: 3,
      bytes: expect.any(Number),
      pinned: false,
    });

    expect((await world.cw(['list'])).stdout).not.toContain('No daemon runs');
    const levels = async () =>
      Object.fromEntries(
        JSON.parse((await world.cw(['doctor', '--json'])).stdout).map(
          ({ id, level }: { id: string; level: string }) => [id, level],
        ),
      );
    expect(await levels()).toMatchObject({ 'daemon.running': 'ok', 'daemon.save': 'ok' });
    await daemon.stop();
    const listed = (await world.cw(['list'])).stdout;
    expect(listed).toContain('No daemon runs: nothing is saved by itself.');
    expect(listed).toContain('are not known without it: cw list --fresh');
    expect((await world.cw(['list', '--fresh'])).stdout).not.toContain('are not known');
    expect(Array.isArray(await json(world, 'list'))).toBe(true);
    expect(await levels()).toMatchObject({ 'daemon.running': 'warning' });
  });

  it('saves a folder that a pane out of view goes to at once, also beside one that prints all the time', async () => {
    const world = sandbox();
    await opened(world);
    const daemon = await withDaemon(world);
    await daemon.start();
    await daemon.watching();
    world.tmux(
      'new-window',
      '-d',
      '-n',
      'noisy',
      '-t',
      '=claude-dev-shop:',
      'while :; do date; sleep 0.2; done',
    );
    await saved(world, 'the new window', ({ blueprint }) => blueprint.windows.length === 2);
    world.tmux('select-pane', '-t', `${code}.1`);
    // Right after a save of what is printed: the next one of those comes ten seconds later.
    const count = () => daemon.log().filter(({ msg }) => msg === 'saved (output)').length;
    const before = count();
    await waitUntil('what is printed is saved', () => count() > before);
    const start = performance.now();
    type(world, 'cd /usr', `${code}.0`);
    await saved(world, 'the folder', ({ blueprint }) => blueprint.windows[0]?.panes[0]?.cwd === '/usr');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('amends for what is printed, and writes nothing when nothing changed', async () => {
    const world = sandbox();
    await opened(world);
    const daemon = await withDaemon(world);
    const store = storeOf(world);
    const settled = () =>
      waitUntil('all is saved', async () => {
        const report = (await (await daemon.save()).ended) as { saved: unknown[] };
        return report.saved.length === 0;
      });
    const minute = (at: string) => Math.floor(Date.parse(at) / 60_000);
    type(world, 'echo begin');
    await saved(world, 'the first', async (snapshot) => (await textOf(world, snapshot)).includes('begin'));
    for (let count = 0, amended = false; !amended; count++) {
      // What was asked for is kept, so the newest has to be one that came by itself.
      world.tmux('rename-window', '-t', '=claude-dev-shop:0', `code${count}`);
      await saved(world, 'the name', ({ blueprint }) => blueprint.windows[0]?.name === `code${count}`);
      const before = await store.list();
      type(world, `echo count $((${count} + 100))`, '=claude-dev-shop:0.0');
      await saved(world, 'the count', async (snapshot) =>
        (await textOf(world, snapshot)).includes(`count ${count + 100}`),
      );
      const after = await store.list();
      // A minute that ended meanwhile began a version of its own.
      if (minute(after[0]!.at) !== minute(before[0]!.at)) continue;
      expect(after.length).toBe(before.length);
      expect(after[0]!.sequence).toBeGreaterThan(before[0]!.sequence);
      amended = true;
    }
    await settled();
    const files = readdirSync(join(serverFolder(world.socket, world.env), recordOf(world).id, 'snapshots'));
    await settled();
    expect(readdirSync(join(serverFolder(world.socket, world.env), recordOf(world).id, 'snapshots'))).toEqual(
      files,
    );
  });

  it('tells of a death how old the last save is; what ended so comes back, and what was killed does not', async () => {
    const world = sandbox();
    await opened(world);
    await opened(world, 'api');
    const daemon = await withDaemon(world);
    await waitUntil('both are saved', async () => (await json(world, 'daemon', 'status')).workspaces === 2);
    await json(world, 'kill', '--yes', 'api');
    expect(recordOf(world, 'api').closedBy).toBe('user');
    await waitUntil('one is left', async () => (await json(world, 'daemon', 'status')).workspaces === 1);
    await crash(world);
    await waitUntil('the log says so', () =>
      daemon
        .log()
        .some(({ msg }) =>
          /^shop ended with its tmux server; its last snapshot, \d+, is \d+ s old/.test(msg),
        ),
    );
    expect(daemon.log().some(({ msg }) => msg.startsWith('api ended'))).toBe(false);
    expect(recordOf(world).closedAt).toBeNull();
    const { workspaces } = await json(world, 'restore', '--all');
    expect(workspaces.map(({ name }: { name: string }) => name)).toEqual(['shop']);
    // The daemon that saw the server die watches the new one.
    world.tmux('rename-window', '-t', code, 'again');
    await saved(
      world,
      'a change on the new server',
      ({ blueprint }) => blueprint.windows[0]?.name === 'again',
    );
  });

  it('saves at SIGTERM', async () => {
    const world = sandbox();
    await opened(world);
    const daemon = await withDaemon(world);
    await saved(world, 'the workspace', () => true);
    type(world, 'echo the last $((40 + 2)) words');
    await waitUntil('it is printed', () => world.screen(`${code}.0`).includes('the last 42 words'));
    await daemon.kill('SIGTERM');
    expect(await textOf(world, (await storeOf(world).latest())!)).toContain('the last 42 words');
    expect(daemon.log().map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['stopping: SIGTERM', 'ended']),
    );
  });

  it('brings back what was open before a boot, and only that', async () => {
    const world = sandbox();
    await opened(world);
    await json(world, 'save', 'shop');
    await crash(world);
    const served = (daemon: { log(): { readonly msg: string }[] }) =>
      waitUntil('it has begun', () => daemon.log().some(({ msg }) => msg.startsWith('serving ')));
    const forget = () => rmSync(join(serverFolder(world.socket, world.env), 'logs'), { recursive: true });

    // The same boot: it is the user's to say.
    const daemon = await withDaemon(world);
    await served(daemon);
    expect(sessions(world)).toEqual([]);
    await daemon.stop();

    const store = storeOf(world);
    const { workspace, host, server, cwVersion, blueprint, panes, git } = (await store.latest())!;
    const draft = { workspace, host, boot: 'another', server, cwVersion, blueprint, panes, git };
    await store.save(draft, { reason: 'manual', note: 'of the boot before', server: 'alive' });
    await json(world, 'config', 'set', 'restore.on_boot', 'false');
    forget();
    await daemon.start();
    await served(daemon);
    expect(sessions(world)).toEqual([]);
    await daemon.stop();

    await json(world, 'config', 'set', 'restore.on_boot', 'true');
    await daemon.start();
    await waitUntil('it is back', () => sessions(world).includes('claude-dev-shop'));
    await waitUntil('the log says so', () =>
      daemon.log().some(({ msg }) => msg === 'brought back shop from the boot before'),
    );
    // The daemon has no DISPLAY and no agent; that says nothing of the user's.
    expect(world.tmux('show-environment', '-t', '=claude-dev-shop:')).not.toMatch(/^-/m);
  });

  it('goes by changed settings without a restart, also when its own files are gone', async () => {
    const world = sandbox();
    await opened(world);
    await json(world, 'save', 'shop');
    // A package as it is installed, which an update takes away.
    const installed = join(world.folder, 'installed');
    const build = readFileSync(join(root, 'dist/fingerprint'), 'utf8').slice(0, 8);
    cpSync(join(root, 'dist'), join(installed, 'dist'), {
      recursive: true,
      filter: (path) => !/-[0-9a-f]{8}\.cjs$|\.build-/.test(path) || path.includes(`-${build}.cjs`),
    });
    cpSync(join(root, 'package.json'), join(installed, 'package.json'));
    symlinkSync(join(root, 'shell'), join(installed, 'shell'));
    await json(world, 'config', 'set', 'schedule.verify', 'off');
    // When it rehearsed last: as soon as that is scheduled, it is overdue.
    const folder = serverFolder(world.socket, world.env);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'schedules.json'), '{"verify":"2020-01-01T00:00:00.000Z"}\n');
    const program = join(installed, 'dist/cw.cjs');
    const { pid } = await spawnDetached(process.execPath, [program, 'daemon', 'run'], {
      env: world.env,
      output: join(world.folder, 'daemon.out'),
    });
    const start = processStart(pid);
    onTestFinished(async () => {
      if (isAlive(pid, start)) process.kill(pid, 'SIGKILL');
      await waitUntil('the daemon is gone', () => !isAlive(pid, start));
    });
    const daemon = await withDaemon(world);
    expect((await json(world, 'daemon', 'status')).pid).toBe(pid);
    await waitUntil('it watches', async () => (await json(world, 'daemon', 'status')).watching === 'server');
    rmSync(join(installed, 'dist'), { recursive: true });

    await json(world, 'config', 'set', 'schedule.verify', '17 3 * * *');
    const said = await waitUntil('the rehearsal that was due', () =>
      daemon.log().find(({ msg }) => /rehears|verify/.test(msg)),
    );
    expect(said.msg).toMatch(/^rehearsed shop: (\d+) of \1 fields came back$/);
    const { schedules } = await json(world, 'daemon', 'status');
    expect(schedules.find(({ name }: { name: string }) => name === 'verify')).toMatchObject({
      expression: '17 3 * * *',
      lastError: null,
    });
    world.tmux('rename-window', '-t', code, 'updated');
    await saved(world, 'a change', ({ blueprint }) => blueprint.windows[0]?.name === 'updated');
    await daemon.stop();
    expect(daemon.log().filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('a workspace that went away', () => {
  /** The work alone, with a short grace; `asked` counts what tmux is asked. */
  function work(world: Sandbox, grace: number) {
    const real = processConnection(serverAddress(world.env), world.env);
    const lines: string[] = [];
    const asked = { count: 0 };
    const connection: Connection = {
      ...real,
      batch: (commands, options) => {
        asked.count++;
        return real.batch(commands, options);
      },
    };
    const note = (text: string) => void lines.push(text);
    const made = keeping({
      connection,
      log: { info: note, warn: note, error: (text, error) => note(`${text}: ${error}`) },
      env: world.env,
      settings: () => loadSettings(world.env, () => {}),
      grace,
    });
    return { made, lines, asked };
  }

  it('counts as closed when server and daemon live on', async () => {
    const world = sandbox();
    await opened(world);
    await opened(world, 'api');
    const { made, lines } = work(world, 50);
    expect((await made.save({ reason: 'change' })).workspaces).toBe(2);
    type(world, 'exit', `${code}.1`);
    type(world, 'exit', `${code}.0`);
    await waitUntil('its last shell has ended', () => !sessions(world).includes('claude-dev-shop'));
    await made.save({ reason: 'change' });
    await waitUntil('it is noted', () => recordOf(world).closedBy === 'user');
    expect(lines).toContain('shop was closed');
    expect(recordOf(world, 'api').closedAt).toBeNull();
  });

  it('is to be brought back when its server went too, even where another one runs by then', async () => {
    const world = sandbox();
    await opened(world);
    await opened(world, 'api');
    const { made, lines, asked } = work(world, 300);
    await made.save({ reason: 'change' });
    // As at a logout: first one session, then all.
    world.tmux('kill-session', '-t', '=claude-dev-shop:');
    await made.save({ reason: 'change' });
    await crash(world);
    // Nothing is there to be saved, and that is no sign of anything.
    expect(await made.save({ reason: 'change' })).toMatchObject({ workspaces: 0, saved: [] });
    world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'other', 'cat');
    const before = asked.count;
    await waitUntil('the grace is over', () => asked.count > before);
    await made.save({ reason: 'change' });
    expect(lines.filter((line) => line.includes('closed'))).toEqual([]);
    for (const name of ['shop', 'api']) expect(recordOf(world, name).closedAt).toBeNull();
  });

  it('is still known when the death of its server is told after a save that found none', async () => {
    const world = sandbox();
    await opened(world);
    const { made, lines } = work(world, 10_000);
    await made.save({ reason: 'change' });
    await crash(world);
    await made.save({ reason: 'change' });
    await made.serverDied();
    expect(lines).toEqual([expect.stringMatching(/^shop ended with its tmux server/)]);
    expect(recordOf(world).closedAt).toBeNull();
  });
});
