import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { HealthFinding } from '../../src/health/finding.js';
import { installFakeClaude } from '../support/claude.js';
import { withDaemon } from '../support/daemon.js';
import { hangingDisk } from '../support/hanging-disk.js';
import { type Ran, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const disk = hangingDisk();
const title = 'why' in disk ? ` (skipped: ${disk.why})` : '';

/** Milliseconds that a verb may take at most beside a file system that hangs. */
const sensible = 20_000;

async function inTime(world: Sandbox, ...args: string[]): Promise<Ran> {
  const late = new Promise<never>((_, fail) => {
    setTimeout(() => fail(new Error(`cw ${args.join(' ')} hangs`)), sensible).unref();
  });
  return Promise.race([world.cw(args), late]);
}

it.skipIf('why' in disk)(
  `a file system that hangs is unknown, and stops nothing else${title}`,
  {
    timeout: 300_000,
  },
  async () => {
    if ('why' in disk) return;
    const world = sandbox();
    installFakeClaude(world);
    const shop = join(disk.path, 'shop');
    const api = join(world.home, 'api');
    const template = 'windows: [{name: code, panes: [{role: claude, run: claude}, null]}]\n';
    for (const folder of [shop, api]) {
      world.file(join(folder, '.cw.yaml'), template);
      expect(await world.run('git', ['init', '-q', folder])).toMatchObject({ code: 0 });
      expect(await world.cw(['up', '--detach', '--trust', folder])).toMatchObject({ code: 0 });
    }
    const agents = async () => JSON.parse((await inTime(world, 'agents', '--json')).stdout);
    await waitUntil('both agents are idle', async () => {
      const all: { state: string }[] = await agents();
      return all.length === 2 && all.every(({ state }) => state === 'idle');
    });
    // Of the other project: one pane is on the disk too, and the folder of another one is gone.
    mkdirSync(join(world.home, 'gone'));
    const pane = (path: string) =>
      world.tmux('split-window', '-d', '-P', '-F', '#{pane_id}', '-t', '=claude-dev-api:', '-c', path).trim();
    const onDisk = pane(shop);
    const lost = pane(join(world.home, 'gone'));
    await waitUntil('both are there', () => {
      const paths = [onDisk, lost].map((id) =>
        world.tmux('display-message', '-p', '-t', id, '#{pane_current_path}').trim(),
      );
      expect(paths).toEqual([shop, join(world.home, 'gone')]);
      return true;
    });
    rmSync(join(world.home, 'gone'), { recursive: true });
    const daemon = await withDaemon(world);
    await daemon.watching();
    await (await daemon.save()).ended;
    await disk.hang();

    const findings = async (...args: string[]): Promise<HealthFinding[]> =>
      JSON.parse((await inTime(world, 'health', '--json', ...args)).stdout).findings;
    const all = await findings();
    const of = (workspace: string, id: string) =>
      all.filter((one) => one.workspace === workspace && one.id === id);
    expect(of('shop', 'project.folder')).toMatchObject([{ level: 'unknown' }]);
    // Nothing that was not read is well, or a fault.
    const levels = all.filter(
      ({ workspace, id }) => workspace === 'shop' && /^(git|panes\.folder|project\.(?!record))/.test(id),
    );
    expect(new Set(levels.map(({ level }) => level))).toEqual(new Set(['unknown']));
    expect(
      of('api', 'panes.folder')
        .map(({ level }) => level)
        .sort(),
    ).toEqual(['unknown', 'warning']);
    expect(of('api', 'git.uncommitted')).toMatchObject([{ level: 'warning' }]);
    expect(of('api', 'project.folder').filter(({ level }) => level !== 'ok')).toEqual([]);

    const list = JSON.parse((await inTime(world, 'list', '--json')).stdout);
    expect(list.map(({ name, state }: { name: string; state: string }) => [name, state]).sort()).toEqual([
      ['api', 'open'],
      ['shop', 'open'],
    ]);
    expect(JSON.parse((await inTime(world, 'list', '--fresh', '--json')).stdout)).toHaveLength(2);
    for (const name of ['shop', 'api'])
      expect(await inTime(world, 'status', name)).toMatchObject({ code: 0 });
    expect(await agents()).toHaveLength(2);
    const ran = await inTime(world, 'cleanup', '--older-than', '1s', '--dry-run', '--json');
    const { workspaces } = JSON.parse(ran.stdout);
    const shopVerdict = workspaces.find(({ name }: { name: string }) => name === 'shop');
    expect(shopVerdict).toMatchObject({ action: 'keep', reason: expect.stringContaining('does not answer') });

    // The daemon goes on: it saves what changes in both, and answers.
    const save = await daemon.save();
    expect(
      await Promise.race([save.ended, new Promise((done) => setTimeout(done, sensible, 'late').unref())]),
    ).not.toBe('late');
    await daemon.watching();
  },
);
