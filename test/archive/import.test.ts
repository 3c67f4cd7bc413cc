import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memberName } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { type MemberSource, writeArchive } from '../../src/archive/write.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { makeSandbox } from '../support/world.js';

const there = makeSandbox();
const written = new Map<string, Promise<string>>();

beforeAll(async () => {
  there.file('projects/shop/.cw.yaml', 'windows:\n  - name: code\n    panes: [{run: "sleep 98765"}, {}]\n');
  there.file('projects/shop/.sessions/active/cart.md', 'the journal\n');
  there.file('projects/shop/.env.claude', 'API_TOKEN=tok-0123456789abcdef\nPORT=4000\n');
  expect(await there.cw(['up', '--detach', '--trust', 'projects/shop'])).toMatchObject({ code: 0 });
});

afterAll(() => there.dispose());

/** An archive of a workspace whose folder is no repository, on a machine that has such a folder too. */
async function exported(...options: string[]): Promise<{ here: Sandbox; archive: string }> {
  const key = options.join(' ');
  const file = join(there.folder, `shop${written.size}.tar.gz`);
  const write = async () => {
    expect(await there.cw(['export', 'shop', '-o', file, ...options])).toMatchObject({ code: 0 });
    return file;
  };
  const made = written.get(key) ?? write();
  written.set(key, made);
  const here = sandbox();
  here.file('projects/shop/readme', '');
  const archive = join(here.folder, 'shop.tar.gz');
  copyFileSync(await made, archive);
  return { here, archive };
}

/** The same archive with another snapshot, as somebody hostile would write it. */
async function withSnapshot(archive: string, change: (snapshot: Snapshot) => void): Promise<string> {
  const read = await readArchive(archive, () => 'memory');
  const members = async function* (): AsyncGenerator<MemberSource> {
    for (const { name } of read.members) {
      let data = read.memory.get(name)!;
      if (name === memberName.snapshot) {
        const snapshot = JSON.parse(data.toString('utf8')) as Snapshot;
        change(snapshot);
        data = Buffer.from(JSON.stringify(snapshot));
      }
      yield { name, data };
    }
  };
  const made = archive.replace(/\.tar\.gz$/, '-hostile.tar.gz');
  await writeArchive(made, members(), (entries) => ({ ...read.manifest, members: [...entries] }));
  return made;
}

interface Snapshot {
  blueprint: {
    name: string;
    options: Record<string, string>;
    hooks: Record<string, string>;
    environment: { name: string; value: string; hidden: boolean }[];
    windows: {
      name: string;
      panes: { title: string; run: string | null; options: Record<string, string> }[];
    }[];
  };
  panes: Record<string, { program: unknown; typed?: string }>;
}

describe('cw import', () => {
  it('types the commands of an archive and says what it left out', async () => {
    const { here, archive } = await exported();
    const ran = await here.cw(['import', archive]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('left out: .env.claude (it may hold secrets');
    expect(ran.stdout).toContain('not set, since the values stayed there: API_TOKEN');
    expect(ran.stdout).toMatch(/sleep 98765 {3}typed, waits for Enter/);
    await waitUntil('the line is typed', () => here.screen('=claude-dev-shop:').includes('sleep 98765'));
    expect(here.tmux('show-environment', '-t', '=claude-dev-shop', 'PORT')).toBe('PORT=4000\n');
    expect(here.tmux('show-environment', '-t', '=claude-dev-shop', 'PROJECT_ROOT')).toBe(
      `PROJECT_ROOT=${join(here.home, 'projects/shop')}\n`,
    );
    expect(readFileSync(join(here.home, 'projects/shop/.sessions/active/cart.md'), 'utf8')).toBe(
      'the journal\n',
    );
    expect(existsSync(join(here.home, 'projects/shop/.env.claude'))).toBe(false);
  });

  it('leaves alone what it has brought before, and refuses another one of its name', async () => {
    const { here, archive } = await exported();
    expect(await here.cw(['import', archive])).toMatchObject({ code: 0 });
    const again = await here.cw(['import', archive]);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('imported from this file before');
    expect(here.tmux('list-sessions', '-F', '#{session_name}')).toBe('claude-dev-shop\n');
    there.tmux('new-window', '-t', '=claude-dev-shop:');
    const newer = join(there.folder, 'newer.tar.gz');
    expect(await there.cw(['export', 'shop', '-o', newer])).toMatchObject({ code: 0 });
    const refused = await here.cw(['import', newer]);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toContain('--as NAME');
    expect(await here.cw(['import', newer, '--as', 'shop-2'])).toMatchObject({ code: 0 });
    expect(here.tmux('list-sessions', '-F', '#{session_name}')).toBe('claude-dev-shop\nclaude-dev-shop-2\n');
  });

  it('opens again what was closed since', async () => {
    const { here, archive } = await exported();
    expect(await here.cw(['import', archive])).toMatchObject({ code: 0 });
    expect(await here.cw(['kill', 'shop', '--yes'])).toMatchObject({ code: 0 });
    expect(await here.cw(['import', archive])).toMatchObject({ code: 0 });
    expect(here.tmux('list-sessions', '-F', '#{session_name}')).toBe('claude-dev-shop\n');
  });

  it('brings the files of variables along only where they were wanted, and never over others', async () => {
    const { here, archive } = await exported('--include-env');
    expect(await here.cw(['import', archive])).toMatchObject({ code: 0 });
    expect(readFileSync(join(here.home, 'projects/shop/.env.claude'), 'utf8')).toContain(
      'tok-0123456789abcdef',
    );
    await here.cw(['kill', 'shop', '--yes']);
    here.file('projects/shop/.env.claude', 'MINE=1\n');
    const again = await here.cw(['import', archive]);
    expect(again.stdout).toContain('.env.claude is here and differs: it was left as it is.');
    expect(readFileSync(join(here.home, 'projects/shop/.env.claude'), 'utf8')).toBe('MINE=1\n');
  });

  it('follows no link of the project with its journal', async () => {
    const { here, archive } = await exported();
    mkdirSync(join(here.home, 'elsewhere'));
    symlinkSync(join(here.home, 'elsewhere'), join(here.home, 'projects/shop/.sessions'));
    const ran = await here.cw(['import', archive]);
    expect(ran.stdout).toContain('a folder of it is a link here');
    expect(existsSync(join(here.home, 'elsewhere/active'))).toBe(false);
  });

  it('runs nothing of a hostile snapshot', async () => {
    const { here, archive } = await exported();
    const proof = join(here.folder, 'proof');
    const run = `touch ${proof}`;
    const hostile = await withSnapshot(archive, ({ blueprint, panes }) => {
      blueprint.options['status-right'] = `#(${run})`;
      blueprint.options['default-command'] = run;
      blueprint.options['@x'] = '#{E:pane_title}';
      blueprint.hooks.on_attach = run;
      blueprint.environment.push(
        { name: 'PROMPT_COMMAND', value: run, hidden: false },
        { name: 'BASH_ENV', value: join(here.folder, 'env'), hidden: false },
      );
      const [window] = blueprint.windows;
      window!.name = `#(${run})`;
      for (const pane of window!.panes) {
        pane.title = `#(${run})`;
        pane.run = `${run}\n`;
        pane.options['pane-border-format'] = `#(${run})`;
      }
      for (const pane of Object.values(panes)) pane.program = { kind: 'declared', stopped: [] };
    });
    const ran = await here.cw(['import', hostile]);
    expect(ran).toMatchObject({ code: 0 });
    for (const what of [
      'option status-right',
      'option default-command',
      'option @x',
      'hook on_attach',
      'variable PROMPT_COMMAND',
      'variable BASH_ENV',
    ])
      expect(ran.stdout).toContain(`left out: ${what}`);
    // The shells are at their prompts, the status line has been drawn, and whatever runs by itself has run.
    await waitUntil('both shells are at their prompts', () => {
      const screens = here
        .tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{pane_id}')
        .trim()
        .split('\n');
      return screens.every((pane) => here.screen(pane).includes('$') || here.screen(pane).includes('#'));
    });
    expect(existsSync(proof)).toBe(false);
  });

  it('leaves nothing behind of one that does not read', async () => {
    const { here, archive } = await exported();
    const bytes = readFileSync(archive);
    writeFileSync(archive, bytes.subarray(0, bytes.length - 100));
    const ran = await here.cw(['import', archive]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('cut off');
    const state = await here.run('find', [join(here.home, '.local/state'), '-type', 'f']);
    expect(state.stdout).toBe('');
    rmSync(archive);
    expect(await here.cw(['import', archive])).toMatchObject({ code: 3 });
  });

  it('makes no folder where programs look, and uses none there unasked', async () => {
    const here = sandbox();
    const project = join(there.home, '.config/autostart');
    there.file('.config/autostart/evil.desktop', 'Exec=evil\n');
    for (const args of [
      ['init', '-q'],
      ['add', '.'],
      ['commit', '-q', '-m', 'Start'],
    ])
      expect(await there.run('git', args, { cwd: project })).toMatchObject({ code: 0 });
    expect(await there.cw(['up', '--detach', project])).toMatchObject({ code: 0 });
    const archive = join(there.folder, 'evil.tar.gz');
    expect(await there.cw(['export', 'autostart', '-o', archive])).toMatchObject({ code: 0 });
    expect(await here.cw(['import', archive])).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(here.home, '.config/autostart'))).toBe(false);
    expect(readFileSync(join(here.home, 'projects/autostart/evil.desktop'), 'utf8')).toBe('Exec=evil\n');

    const other = sandbox();
    other.file('.config/autostart/mine.desktop', '');
    const refused = await other.cw(['import', archive]);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toContain('--into ~/.config/autostart');
  });

  it('can be killed at any moment, and then done again', async () => {
    const { here, archive } = await exported();
    for (const moment of ['0.15', '0.3', '0.45', '0.6', '0.8', '1']) {
      const line = `timeout -s KILL ${moment} ${join(root, 'bin/cw')} import ${archive}`;
      await here.run('bash', ['-c', line]);
    }
    const ran = await here.cw(['import', archive]);
    expect(ran).toMatchObject({ code: 0 });
    expect(here.tmux('list-sessions', '-F', '#{session_name}')).toBe('claude-dev-shop\n');
    expect(here.tmux('list-panes', '-s', '-t', '=claude-dev-shop:').trim().split('\n')).toHaveLength(2);
    const list = JSON.parse((await here.cw(['list', '--json'])).stdout) as { name: string }[];
    expect(list.map(({ name }) => name)).toEqual(['shop']);
    const left = await here.run('find', [join(here.home, '.local/state'), '-name', '.cw-staging*']);
    expect(left.stdout).toBe('');
  });

  it('says where to look when the project is not here', async () => {
    const { here, archive } = await exported();
    rmSync(join(here.home, 'projects/shop'), { recursive: true });
    const ran = await here.cw(['import', archive]);
    expect(ran).toMatchObject({ code: 3 });
    expect(ran.stderr).toContain('--into PATH');
    here.file('work/other/x', '');
    expect(await here.cw(['import', archive, '--into', 'work/other'])).toMatchObject({ code: 0 });
    expect(here.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_start_path}')).toBe(
      `${join(here.home, 'work/other')}\n`,
    );
  });
});
