import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

/** Ends the server as a crash does, and waits until it is gone. */
async function crash(world: Sandbox): Promise<void> {
  const pid = Number(world.tmux('display-message', '-p', '#{pid}'));
  process.kill(pid, 'SIGKILL');
  await waitUntil(
    'the server is gone',
    async () => (await world.run('tmux', ['-S', world.socket, 'ls'])).code !== 0,
  );
}

async function opened(world: Sandbox, template: string): Promise<void> {
  world.file('projects/shop/.cw.yaml', template);
  const ran = await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  expect(ran.stderr).toBe('');
  expect(ran.code).toBe(0);
}

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
};

const picture = (world: Sandbox, session = 'claude-dev-shop') =>
  world.tmux(
    'list-panes',
    '-s',
    '-t',
    `=${session}:`,
    '-F',
    '#{window_index} #{window_name} #{window_width}x#{window_height} #{window_zoomed_flag} #{pane_index} #{pane_title} #{pane_left},#{pane_top} #{pane_width}x#{pane_height} #{pane_active} #{pane_current_path}',
  );

const text = (world: Sandbox, target: string) =>
  world.tmux('capture-pane', '-p', '-e', '-J', '-S', '-', '-t', target);

describe('after a crash', () => {
  it('panes are named by the indexes that tmux counts by, in reports and where a snapshot is shown', async () => {
    const world = sandbox();
    world.file('.tmux.conf', 'set -g base-index 3\nset -gw pane-base-index 2\n');
    await opened(
      world,
      'windows: [{name: code, panes: [cat, "echo second; cat"]}, {name: more, panes: [cat]}]\n',
    );
    const places = () =>
      world
        .tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{window_index}.#{pane_index}')
        .trim()
        .split('\n');
    expect(places()).toEqual(['3.2', '3.3', '4.2']);
    await waitUntil('it printed', () => world.screen('=claude-dev-shop:3.3').includes('second'));
    await cw(world, 'save');
    expect((await cw(world, 'snapshot', 'show', 'shop', '--text', '3.3')).text.join()).toContain('second');
    const none = await world.cw(['snapshot', 'show', 'shop', '--text', '1.2']);
    expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('It has 3.2, 3.3, 4.2.') });
    await crash(world);
    const { panes } = await cw(world, 'restore', 'shop');
    expect(panes.map(({ place }: { place: string }) => place)).toEqual(places());
  });

  it('windows, layout, folders, options, environment, scrollback with colours and programs come back', async () => {
    const world = sandbox();
    mkdirSync(join(world.home, 'projects/shop/odd #{pane_id} folder'), { recursive: true });
    world.file(
      'projects/shop/log.txt',
      `${Array.from({ length: 400 }, (_, n) => `\x1b[3${n % 8}mline ${n}\x1b[0m`).join('\n')}\n`,
    );
    await opened(
      world,
      `env: {COLOUR: "a 'b' #{pid}"}
options: {status-left: "[#S] "}
windows:
  - name: code
    layout: {columns: [1, {rows: [2, {pane: 3, size: 30%}]}]}
    panes:
      - {run: "cat log.txt", title: "#(touch ~/hacked) one"}
      - {run: "tail -f log.txt", root: "odd #{pane_id} folder", title: two}
      - {run: "less -R log.txt"}
  - name: "odd; name"
    synchronize: true
    panes: [null, null]
`.replace('tail -f log.txt', 'tail -f ../log.txt'),
    );
    await waitUntil('all is printed', () => text(world, '=claude-dev-shop:0.0').includes('line 399'));
    await waitUntil('less shows', () => world.screen('=claude-dev-shop:0.2').includes('line 1'));
    world.tmux('resize-pane', '-Z', '-t', '=claude-dev-shop:0.1');
    world.tmux('set-option', '-p', '-t', '=claude-dev-shop:0.0', '@mine', "it's #(touch ~/hacked)");
    const before = picture(world);
    const colours = text(world, '=claude-dev-shop:0.0')
      .split('\n')
      .filter((line) => line.includes('line '));
    const [saved] = await cw(world, 'save', 'shop');
    expect(saved).toMatchObject({ workspace: 'shop', written: true, failure: null });
    await crash(world);

    const report = await cw(world, 'restore', '--all');
    expect(report.failures).toEqual([]);
    expect(report.workspaces[0].panes.map((pane: { state: string }) => pane.state)).toEqual([
      'restored',
      'starts',
      'starts',
      'restored',
      'restored',
    ]);
    await waitUntil('the panes are in their folders', () => {
      expect(picture(world)).toBe(before);
      return true;
    });
    expect(
      text(world, '=claude-dev-shop:0.0')
        .split('\n')
        .filter((line) => line.includes('line '))
        .slice(0, colours.length),
    ).toEqual(colours);
    await waitUntil('less runs again', () => world.screen('=claude-dev-shop:0.2').includes('line 1'));
    await waitUntil(
      'tail runs again',
      () =>
        world
          .tmux('display-message', '-p', '-t', '=claude-dev-shop:0.1', '#{pane_current_command}')
          .trim() === 'tail',
    );
    expect(world.tmux('show-options', '-v', '-t', '=claude-dev-shop:', 'status-left')).toBe('[#S] \n');
    expect(world.tmux('show-options', '-wv', '-t', '=claude-dev-shop:1', 'synchronize-panes')).toBe('on\n');
    expect(world.tmux('show-options', '-pv', '-t', '=claude-dev-shop:0.0', '@mine')).toBe(
      "it's #(touch ~/hacked)\n",
    );
    expect(world.tmux('show-environment', '-t', '=claude-dev-shop:', 'COLOUR')).toBe("COLOUR=a 'b' #{pid}\n");
    expect(existsSync(join(world.home, 'hacked'))).toBe(false);
    // A second time there is nothing left to do.
    expect((await world.cw(['restore', '--all'])).stdout).toContain('nothing to bring back');
  });

  it('a command that is not known to be harmless is typed, and waits for Enter', async () => {
    const world = sandbox();
    world.file('projects/shop/deploy.sh', '#!/bin/sh\ntouch "$HOME/deployed"\nsleep 1000\n', 0o755);
    await opened(world, 'windows: [{name: code, panes: [null]}]\n');
    await waitUntil('the shell is ready', () =>
      /[$#]\s*$/.test(world.screen('=claude-dev-shop:0').trimEnd()),
    );
    world.tmux('send-keys', '-t', '=claude-dev-shop:0', './deploy.sh prod', 'Enter');
    await waitUntil('it runs', () => existsSync(join(world.home, 'deployed')));
    await cw(world, 'save');
    await crash(world);
    await world.run('rm', [join(world.home, 'deployed')]);
    const isTyped = () => /[$#] .*deploy\.sh prod\s*$/.test(world.screen('=claude-dev-shop:0').trimEnd());
    // A second crash comes before Enter, and a third.
    for (const time of ['once', 'again', 'a third time']) {
      const report = await cw(world, 'restore', 'shop');
      expect([time, report.panes[0].state]).toEqual([time, 'typed']);
      await waitUntil('it is typed', isTyped);
      expect(existsSync(join(world.home, 'deployed'))).toBe(false);
      await cw(world, 'save');
      if (time !== 'a third time') await crash(world);
    }
    world.tmux('send-keys', '-t', '=claude-dev-shop:0', 'Enter');
    await waitUntil('Enter confirms it', () => existsSync(join(world.home, 'deployed')));
  });

  it('a line that was typed and that the user has taken away is not typed again', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null]}]\n');
    const pane = '=claude-dev-shop:0';
    const prompt = () => waitUntil('the prompt', () => /[$#]\s*$/.test(world.screen(pane).trimEnd()));
    await prompt();
    world.tmux('send-keys', '-t', pane, 'sleep 1000', 'Enter');
    await waitUntil('it runs', () =>
      world.tmux('display-message', '-p', '-t', pane, '#{pane_current_command}').startsWith('sleep'),
    );
    await cw(world, 'save');
    await crash(world);
    expect((await cw(world, 'restore', 'shop')).panes[0].state).toBe('typed');
    await waitUntil('it is typed', () => /sleep 1000\s*$/.test(world.screen(pane).trimEnd()));
    // A pane that was just made counts as one that is not typed into yet.
    await waitUntil('it is ten seconds old', async () => {
      world.tmux('send-keys', '-t', pane, 'C-u');
      await cw(world, 'save');
      const ran = await cw(world, 'restore', 'shop', '--as', 'copy', '--dry-run');
      return ran.panes[0].state === 'restored';
    });
  });

  it('a hop brings it back; what the user closed opens from its template', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null]}]\n');
    world.tmux('split-window', '-d', '-t', '=claude-dev-shop:0');
    await cw(world, 'save');
    await crash(world);
    expect(await cw(world, 'switch', 'shop')).toMatchObject({
      name: 'shop',
      created: true,
      sequence: expect.any(Number),
    });
    expect(world.tmux('list-panes', '-t', '=claude-dev-shop:0').trim().split('\n')).toHaveLength(2);
    await cw(world, 'kill', 'shop', '--yes');
    await cw(world, 'switch', 'shop');
    expect(world.tmux('list-panes', '-t', '=claude-dev-shop:0').trim().split('\n')).toHaveLength(1);
  });

  it('on a terminal it is offered, and Enter accepts', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null]}]\n');
    world.tmux('split-window', '-d', '-t', '=claude-dev-shop:0');
    await cw(world, 'save');
    await crash(world);
    const screen = terminal(world);
    screen.line('claude-switch shop');
    await screen.waitFor('the offer', /shop ended with its tmux server[\s\S]*\[Y\/n\]/);
    screen.keys('Enter');
    await waitUntil(
      'it is attached',
      () => world.tmux('list-clients', '-F', '#{client_session}').trim() === 'claude-dev-shop',
    );
    expect(world.tmux('list-panes', '-t', '=claude-dev-shop:0').trim().split('\n')).toHaveLength(2);
  });

  it('a folder and a shell that are gone are said, and the pane is kept', async () => {
    const world = sandbox();
    mkdirSync(join(world.home, 'projects/shop/sub/deep'), { recursive: true });
    const shell = join(world.home, 'mysh');
    copyFileSync('/bin/sh', shell);
    await opened(
      world,
      `windows: [{name: code, panes: [{root: sub/deep, title: deep}, {shell: ${shell}}, null]}]\n`,
    );
    await waitUntil('it is there', () => picture(world).includes('sub/deep'));
    await cw(world, 'save');
    await crash(world);
    await world.run('rm', ['-r', shell, join(world.home, 'projects/shop/sub')]);
    const report = await cw(world, 'restore', 'shop');
    expect(report.panes[0].notes.join()).toMatch(/sub\/deep is gone/);
    expect(report.panes[1].notes.join()).toMatch(/mysh is gone: the pane has the default one/);
    expect(report.problems).toEqual([]);
    expect(world.tmux('list-panes', '-t', '=claude-dev-shop:0').trim().split('\n')).toHaveLength(3);
    expect(world.tmux('show-options', '-pqv', '-t', '=claude-dev-shop:0.1', '@cw_pane')).toContain(shell);
    expect(picture(world)).toContain('deep');
  });
});

describe('other ways to bring back', () => {
  it('an earlier moment beside the present one, and dry runs', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null]}]\n');
    const [first] = await cw(world, 'save', '--note', 'one pane');
    world.tmux('split-window', '-d', '-t', '=claude-dev-shop:0');
    const [second] = await cw(world, 'save');
    expect(second.id).not.toBe(first.id);
    const snapshots = await cw(world, 'snapshots', 'shop');
    expect(
      snapshots.map(({ id, panes, note }: { id: string; panes: number; note: string }) => ({
        id,
        panes,
        note,
      })),
    ).toEqual([
      { id: second.id, panes: 2, note: null },
      { id: first.id, panes: 1, note: 'one pane' },
    ]);
    const dry = await world.cw(['restore', 'shop', '--at', first.id, '--as', 'before', '--dry-run']);
    expect(dry.stdout).toContain('claude-dev-before');
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('claude-dev-shop');
    expect(await cw(world, 'restore', 'shop', '--at', first.id, '--as', 'before')).toMatchObject({
      name: 'before',
      created: true,
    });
    expect(world.tmux('list-panes', '-t', '=claude-dev-before:0').trim().split('\n')).toHaveLength(1);
    // What is open is left alone, and the difference is said.
    const again = await cw(world, 'restore', 'shop', '--at', first.id);
    expect(again).toMatchObject({ created: false });
    expect(again.problems[0]).toMatch(/differs from the snapshot/);
    const differences = await cw(world, 'snapshot', 'diff', 'shop', first.id);
    expect(JSON.stringify(differences)).toContain('panes');
  });

  it('--no-run starts and types nothing', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: ["tail -f /dev/null"]}]\n');
    await waitUntil(
      'it runs',
      () =>
        world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_current_command}').trim() ===
        'tail',
    );
    await cw(world, 'save');
    await crash(world);
    const report = await cw(world, 'restore', 'shop', '--no-run');
    expect(report.panes[0]).toMatchObject({ state: 'restored' });
    await waitUntil('the shell is ready', () =>
      /[$#]\s*$/.test(world.screen('=claude-dev-shop:0').trimEnd()),
    );
    expect(
      world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_current_command}').trim(),
    ).toBe('bash');
  });

  it('arrow-up in a restored pane brings what was typed in that pane', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null, null]}]\n');
    for (const pane of [0, 1]) {
      await waitUntil('the shell is ready', () =>
        /[$#]\s*$/.test(world.screen(`=claude-dev-shop:0.${pane}`).trimEnd()),
      );
      world.tmux('send-keys', '-t', `=claude-dev-shop:0.${pane}`, `echo typed-in-${pane}`, 'Enter');
      await waitUntil('it ran', () =>
        new RegExp(`^typed-in-${pane}`, 'm').test(world.screen(`=claude-dev-shop:0.${pane}`)),
      );
    }
    await cw(world, 'save');
    await crash(world);
    await cw(world, 'restore', 'shop');
    for (const pane of [0, 1]) {
      await waitUntil('the shell is ready', () =>
        /[$#]\s*$/.test(world.screen(`=claude-dev-shop:0.${pane}`).trimEnd()),
      );
      world.tmux('send-keys', '-t', `=claude-dev-shop:0.${pane}`, 'Up');
      await waitUntil('it is in the history', () =>
        world.screen(`=claude-dev-shop:0.${pane}`).trimEnd().endsWith(`echo typed-in-${pane}`),
      );
    }
  });

  it('a rehearsal compares all and leaves nothing behind', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null, "tail -f /dev/null"]}, {name: two}]\n');
    await cw(world, 'save');
    const [found] = await cw(world, 'verify', 'shop');
    expect(found.differences).toEqual([]);
    expect(found.equal).toBe(found.fields);
    expect(found.fields).toBeGreaterThan(30);
    expect(readdirSync(join(world.folder, 'run/cw')).filter((name) => name.startsWith('verify'))).toEqual([]);
  });
});

describe('saving', () => {
  it('a save in which nothing changed writes nothing', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: ["tail -f /dev/null"]}]\n');
    await waitUntil(
      'it runs',
      () =>
        world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_current_command}').trim() ===
        'tail',
    );
    await cw(world, 'save');
    const files = () => readdirSync(join(world.home, '.local/state/cw'), { recursive: true }).sort();
    const before = files();
    expect(await cw(world, 'save')).toMatchObject([{ written: false }]);
    expect(files()).toEqual(before);
  });

  it('a damaged newest snapshot is set aside and said, and the one before is used', async () => {
    const world = sandbox();
    await opened(world, 'windows: [{name: code, panes: [null]}]\n');
    await cw(world, 'save');
    world.tmux('split-window', '-d', '-t', '=claude-dev-shop:0');
    await cw(world, 'save');
    const folder = join(world.home, '.local/state/cw');
    const newest =
      readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => /snapshots\/.*\.json$/.test(name))
        .sort()
        .at(-1) ?? '';
    const bytes = readFileSync(join(folder, newest));
    writeFileSync(join(folder, newest), bytes.subarray(0, bytes.length - 100));
    await crash(world);
    const ran = await world.cw(['restore', 'shop']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/cannot be read.*The one before it is used/);
    expect(world.tmux('list-panes', '-t', '=claude-dev-shop:0').trim().split('\n')).toHaveLength(1);
  });
});
