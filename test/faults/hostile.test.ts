import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withDaemon } from '../support/daemon.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { end, expectSound, json, opened, panesOf, serverPid, storeOf } from './support.js';

/** Everything in a home but our own state, which is where the texts below may be written down. */
const namesIn = (folder: string) =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((name) => !name.startsWith('.local/'));

it('no title, name, folder, option or variable runs as code, whatever is done with the workspace', async () => {
  const world = sandbox();
  const mark = join(world.home, 'pwned');
  const attack = (n: number) =>
    `#(touch ${mark}${n}) $(touch ${mark}${n}) \`touch ${mark}${n}\` ; touch ${mark}${n} ;`;
  // A folder's name cannot hold a slash: relative to its home, where all shells are.
  const relative = '#(touch pwned5) $(touch pwned5) `touch pwned5`;\ntouch pwned5\n';
  const odd = join(world.home, 'projects/shop', relative);
  mkdirSync(odd, { recursive: true });
  await opened(world, 'windows: [{name: code, panes: [null, null]}]\n');
  const session = '=claude-dev-shop:';
  const [first = '', second = ''] = panesOf(world);
  // By a program in the pane, as an attacker would: an escape sequence, not a command of tmux.
  const sequence = world.file('title', `\x1b]2;${attack(1)}\x1b\\`);
  await waitUntil('the shell is ready', () => /[$#]\s*$/.test(world.screen(first).trimEnd()));
  world.tmux('send-keys', '-t', first, `cat ${sequence}`, 'Enter');
  await waitUntil('it has its title', () =>
    world.tmux('display-message', '-p', '-t', first, '#{pane_title}').includes('touch'),
  );
  // tmux itself would expand it as an argument of rename-window.
  world.tmux('set-option', '-s', '@name', attack(2));
  world.tmux('rename-window', '-t', session, '#{@name}');
  world.tmux('set-option', '-su', '@name');
  world.tmux('set-environment', '-t', session, 'HOSTILE', `${attack(3)}\ntouch ${mark}3\n`);
  world.tmux('set-option', '-p', '-t', second, '@hostile', `${attack(4)}\ntouch ${mark}4`);
  world.tmux('send-keys', '-t', second, 'cd *pwned5*', 'Enter');
  await waitUntil('it is in its folder', () =>
    world.tmux('display-message', '-p', '-t', second, '#{pane_current_path}').includes('pwned5'),
  );
  await json(world, 'save');
  const daemon = await withDaemon(world);
  await daemon.watching();
  world.tmux('set-option', '-p', '-t', second, '@hostile', attack(6));
  await (await daemon.save()).ended;

  const before = namesIn(world.home);
  for (const line of [
    ['list'],
    ['snapshots', 'shop'],
    ['snapshot', 'show', 'shop'],
    ['snapshot', 'diff', 'shop', '1'],
  ]) {
    const ran = await world.cw(line);
    expect({ line, code: ran.code }).toEqual({ line, code: 0 });
    // Nor does it steer the terminal that it is shown on.
    expect(ran.stdout.replaceAll('\n', '')).not.toMatch(/[\x00-\x08\x0b-\x1f]/);
  }
  const [found] = await json(world, 'verify', 'shop');
  expect(found).toMatchObject({ differences: [], problems: [] });
  await end(serverPid(world));
  expect((await world.cw(['restore', 'shop', '--dry-run'])).code).toBe(0);
  const report = await json(world, 'restore', 'shop');
  expect(report).toMatchObject({ created: true, problems: [] });
  await waitUntil('the shell is ready', () => /[$#]\s*$/.test(world.screen(session).trimEnd()));

  const snapshot = await storeOf(world).latest();
  const shown = (format: string) => world.tmux('display-message', '-p', '-t', session, format).slice(0, -1);
  expect(shown('#{window_name}')).toBe(snapshot?.blueprint.windows[0]?.name);
  expect(shown('#{window_name}')).toContain('touch');
  const titles = world.tmux('list-panes', '-t', session, '-F', '#{pane_title}');
  expect(titles).toContain(attack(1));
  await daemon.watching();
  await (await daemon.save()).ended;
  expect((await world.cw(['kill', 'shop', '--yes'])).code).toBe(0);
  await daemon.stop();
  await expectSound(world);
  expect(namesIn(world.home).filter((name) => !before.includes(name))).toEqual([]);
  expect(namesIn(world.home).filter((name) => /(^|\/)pwned\d$/.test(name))).toEqual([]);
});
