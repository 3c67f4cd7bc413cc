import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keeping } from '../../src/daemon/keeping.js';
import { HealthState } from '../../src/health/state.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { Registry } from '../../src/workspace/registry.js';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** The daemon's looks at health, and the programs that it starts again. */

async function opened(world: Sandbox, template: string, script: string): Promise<void> {
  world.file('projects/shop/serve', `#!/bin/sh\n${script}\n`, 0o755);
  world.file('projects/shop/.cw.yaml', template);
  const ran = await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
}

const code = 'claude-dev-shop:code';
const stateOf = (world: Sandbox) => new HealthState(new Registry(serverAddress(world.env), world.env).folder);

describe('the daemon and health', () => {
  it('tells once when something gets worse and once when it is well again, and keeps a history', async () => {
    const world = sandbox();
    const told = join(world.home, 'told');
    world.file(
      '.config/cw/config.json',
      JSON.stringify({ 'notify.message': false, 'notify.command': `echo "$CW_TITLE" >>'${told}'` }),
    );
    await opened(world, 'windows: [{name: code, panes: [null, null]}]\n', 'exit 1');
    const lines: string[] = [];
    const note = (text: string) => void lines.push(text);
    const work = keeping({
      connection: processConnection(serverAddress(world.env), world.env),
      log: { info: note, warn: note, error: (text, error) => note(`${text}: ${error}`) },
      env: world.env,
      settings: () => loadSettings(world.env, () => {}),
    });
    await work.save({ reason: 'change' });
    await work.health!();
    expect(stateOf(world).latest()?.findings).toEqual([]);

    world.tmux('set-option', '-p', '-t', `${code}.1`, 'remain-on-exit', 'on');
    world.tmux('respawn-pane', '-k', '-t', `${code}.1`, 'exit 3');
    await waitUntil(
      'it is dead',
      () => world.tmux('display', '-p', '-t', `${code}.1`, '#{pane_dead}') === '1\n',
    );
    await work.health!();
    await waitUntil('it is told', () => existsSync(told) && readFileSync(told, 'utf8').endsWith('\n'));
    await work.health!();
    world.tmux('respawn-pane', '-t', `${code}.1`, 'cat');
    await waitUntil(
      'it lives',
      () => world.tmux('display', '-p', '-t', `${code}.1`, '#{pane_dead}') === '0\n',
    );
    await work.health!();
    const expected = [
      'shop: pane 0.1: is dead (exit code 3)',
      'shop: pane 0.1: well again (is dead (exit code 3))',
    ];
    expect(lines.filter((line) => line.startsWith('health'))).toEqual([
      `health (error): ${expected[0]}`,
      `health (well): ${expected[1]}`,
    ]);
    // The second of one key would come some seconds later.
    expect(readFileSync(told, 'utf8')).toBe(`${expected[0]}\n`);
    const history = await world.cw(['health', '--history', '--json']);
    expect(JSON.parse(history.stdout)).toMatchObject([
      { errors: 1, began: [{ workspace: 'shop', id: 'panes.dead', subject: 'pane 0.1' }], ended: [] },
      { errors: 0, began: [], ended: [{ id: 'panes.dead' }] },
    ]);
    expect((await world.cw(['health', '--history'])).stdout).toMatch(
      /✗ shop {2}pane 0\.1: is dead \(exit code 3\)\n.*✓ shop/,
    );
  });

  it('starts a program again that failed, keeps what the pane shows, and gives up in the end', async () => {
    const world = sandbox();
    world.file('.config/cw/config.json', JSON.stringify({ 'health.restarts': 2 }));
    await opened(
      world,
      `windows:
  - name: code
    panes:
      - { run: ./serve bad, restart: on-failure }
      - { run: ./serve good, restart: on-failure }
      - { run: ./serve bad }
`,
      'echo "serves $1"; [ "$1" = good ]',
    );
    const daemon = await withDaemon(world);
    await daemon.watching();
    const starts = (pane: number) =>
      world.tmux('capture-pane', '-p', '-S', '-', '-t', `${code}.${pane}`).match(/^serves/gm)?.length;
    const gaveUp = 'ended 3 times in a row: it is not started again';
    await waitUntil('it is given up', () => daemon.log().some(({ msg }) => msg.includes(gaveUp)));
    expect([starts(0), starts(1), starts(2)]).toEqual([3, 1, 1]);
    expect(world.screen(`${code}.0`)).toContain(
      '[cw: ./serve bad ended (exit code 1), and is started again (2 of 2)]',
    );
    expect(world.tmux('display', '-p', '-t', `${code}.0`, '#{pane_title}')).toBe(
      world.tmux('display', '-p', '-t', `${code}.2`, '#{pane_title}'),
    );
    const findings = await waitUntil('health tells', async () => {
      const ran = await world.cw(['health', 'shop', '--json']);
      const { findings } = JSON.parse(ran.stdout) as {
        findings: { id: string; level: string; message: string }[];
      };
      const found = findings.filter(({ id, level }) => id === 'programs.running' && level !== 'ok');
      return found.length > 0 && found;
    });
    expect(findings.map(({ level, message }) => [level, message])).toEqual([
      ['error', `./serve bad ${gaveUp}`],
    ]);
  });
});
