import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentRow } from '../../src/claude/overview.js';
import { userConf, withBlock, withoutBlock } from '../../src/integration/tmux-conf.js';
import { statusOptions } from '../../src/integration/tmux-status.js';
import { root, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

describe('the block in tmux.conf', () => {
  it('goes as it came, byte for byte', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '\n', 'set -g x 1', 'a\r\nb\n\n'),
    );
    fc.assert(
      fc.property(fc.option(text), (before) => {
        const once = withBlock(before);
        expect(withBlock(once)).toBe(once);
        // Of another version it is replaced, where it stands.
        expect(withBlock(once.replace('# A mark', '# Another'))).toBe(once);
        expect(withoutBlock(once)).toBe(before);
        expect(before === null || withoutBlock(before) === before).toBe(true);
        // What the user wrote below stays, on lines of its own.
        const line = before === null || before === '' || before.endsWith('\n') ? '' : '\n';
        expect(withoutBlock(`${once}set -g y 2\n`)).toBe(`${before ?? ''}${line}set -g y 2\n`);
      }),
    );
  });

  it('that was torn is left alone', () => {
    const torn = withBlock('a\n').replace(/^# <<< cw\n/m, '');
    expect(() => withBlock(torn)).toThrow('has no end');
    expect(() => withoutBlock(torn)).toThrow('has no end');
  });

  it('stands in the file that tmux reads last', () => {
    const world = sandbox();
    expect(userConf(world.env)).toBe(join(world.home, '.tmux.conf'));
    const xdg = join(world.home, '.config/tmux/tmux.conf');
    mkdirSync(join(world.home, '.config/tmux'), { recursive: true });
    expect(userConf(world.env)).toBe(xdg);
    const dot = world.file('.tmux.conf', 'x\n');
    expect(userConf(world.env)).toBe(dot);
    world.file('.config/tmux/tmux.conf', 'y\n');
    expect(userConf(world.env)).toBe(xdg);
    world.file('.tmux.conf', withBlock('x\n'));
    expect(userConf(world.env)).toBe(dot);
    const { XDG_CONFIG_HOME: _, ...bare } = world.env;
    world.file('.tmux.conf', 'x\n');
    expect(userConf(bare)).toBe(xdg);
    expect(userConf({ ...world.env, XDG_CONFIG_HOME: join(world.home, '.tmux.conf') })).toBe(xdg);
  });
});

describe('cw init tmux', () => {
  it('shows, writes and takes back, through a link too', async () => {
    const world = sandbox();
    const refused = await world.cw(['init', 'tmux']);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('bind-key N run-shell');
    expect(existsSync(join(world.home, '.tmux.conf'))).toBe(false);
    expect((await world.cw(['init', 'tmux', '--yes'])).code).toBe(0);
    expect((await world.cw(['init', 'tmux', '--yes'])).stdout).toContain('already');
    expect((await world.cw(['init', 'tmux', '--remove', '--yes'])).code).toBe(0);
    expect(existsSync(join(world.home, '.tmux.conf'))).toBe(false);

    const real = world.file('dotfiles/tmux.conf', 'set -g base-index 1', 0o600);
    symlinkSync(real, join(world.home, '.tmux.conf'));
    const added = await world.cw(['init', 'tmux', '--yes', '--json']);
    expect(JSON.parse(added.stdout)).toEqual({ path: join(world.home, '.tmux.conf'), changed: true });
    expect(lstatSync(join(world.home, '.tmux.conf')).isSymbolicLink()).toBe(true);
    expect(lstatSync(real).mode & 0o777).toBe(0o600);
    expect(readFileSync(real, 'utf8')).toContain('base-index 1\n# >>> cw');
    await world.cw(['init', 'tmux', '--remove', '--yes']);
    expect(readFileSync(real, 'utf8')).toBe('set -g base-index 1');

    chmodSync(real, 0o400);
    expect(await world.cw(['init', 'tmux', '--yes'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('read-only'),
    });
  });

  it('shows who waits in the status line, and its keys work', async () => {
    const world = sandbox();
    world.file(
      '.tmux.conf',
      'set -g @plugin "tmux-plugins/tmux-continuum"\nset -g status-right "#[fg=red]mine %H"\nset -g window-status-format "#I"\nbind S kill-server\n',
    );
    // As tmux reads it by itself.
    world.tmux('new-session', '-d', '-x', '120', '-y', '20', '-s', 'claude-dev-shop', 'cat');
    world.tmux('new-window', '-d', 'cat');
    world.tmux('set-option', '-s', 'escape-time', '0');
    const said = await world.cw(['init', 'tmux', '--yes']);
    expect(said.stderr).toContain('tmux-continuum stands in this file');
    expect(said.stderr).toMatch(/Your tmux has a binding of that key.*kill-server/);
    for (let times = 0; times < 2; times++) world.tmux('source-file', join(world.home, '.tmux.conf'));
    expect(world.tmux('show-options', '-gv', 'status-right')).toBe('#{T:@cw_status}#[fg=red]mine %H\n');
    expect(world.tmux('show-options', '-gv', 'status-right-length')).toBe('80\n');
    expect(world.tmux('show-options', '-gwv', 'window-status-current-format').match(/●/g)).toHaveLength(1);
    const user = terminal(world, { columns: 120, rows: 20 });
    user.line(`tmux -u -S ${world.socket} attach`);
    await user.waitFor('nothing is said of agents', /^\[claude-de0 {2,}\d?.*mine \d\d$|0:|1 +mine \d\d/m);
    // What the daemon would set.
    const since = Math.floor(Date.now() / 1000) - 5 * 60 - 3;
    world.tmux('set-option', '-s', '@cw_waiting', 'shop, api +1');
    world.tmux('set-option', '-s', '@cw_waiting_since', String(since));
    world.tmux('set-option', '-s', '@cw_working', '2');
    world.tmux('set-option', '-p', '-t', '%1', '@cw_state', 'waiting permission');
    await user.waitFor('it is said', /1● .* ● shop, api \+1 5m {2}2 work mine \d\d/);

    user.keys('C-b', 'N');
    await user.waitFor('nobody waits', 'No Claude waits for you.');
    user.keys('C-b', 'S');
    await user.waitFor('why there is no list stays to be read', 'no workspaces yet');
    // Until its program has ended, keys are for that.
    await waitUntil('it is closed', () => {
      user.keys('Escape');
      return !user.screen().includes('no workspaces yet');
    });
    world.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_id', 'w0123456789ab');
    world.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_path', world.home);
    world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'cat');
    user.keys('C-b', 'Y');
    await user.waitFor('panes are synchronized', 'goes to all panes');
    expect(world.tmux('show-options', '-wv', 'synchronize-panes')).toBe('on\n');
    user.keys('C-b', 'W');
    await user.waitFor('the menu is there', /Go to \.\.\.[\s\S]*Synchronize panes/);
    user.keys('y');
    await user.waitFor('they are not', 'goes to this pane alone');
    user.keys('C-b', 'W');
    await user.waitFor('the menu is there', 'Save all');
    user.keys('s');
    await user.waitFor('it is saved', 'Saved.');
    user.keys('C-b', 'S');
    await user.waitFor('the list is there', /saved/);
    user.keys('Escape');
    await waitUntil('the list is gone', () => !/ saved/.test(user.screen()));
  });
});

describe('the plugin for tmux', () => {
  it('binds the same keys in the server that runs', async () => {
    const world = sandbox();
    world.tmux('new-session', '-d', 'cat');
    // As the plugin manager runs it: in the server's own environment.
    world.tmux('run-shell', join(root, 'cw.tmux'));
    expect(world.tmux('list-keys', '-T', 'prefix', 'W')).toContain('restore --all');
    expect(world.tmux('show-options', '-gv', 'status-right')).toContain('@cw_status');
  });
});

describe('what the daemon keeps for the status line', () => {
  const row = (name: string, state: AgentRow['state'], since = '2030-01-01T00:00:00.000Z') =>
    ({ session: `claude-dev-${name}`, state, since }) as AgentRow;
  const name = (session: string) => session.slice('claude-dev-'.length);

  it('is nothing where nobody is', () => {
    expect(statusOptions([], name)).toEqual({
      '@cw_waiting': '',
      '@cw_waiting_since': '',
      '@cw_working': '',
      '@cw_idle': '',
    });
  });

  it('names who has waited longest first, each workspace once', () => {
    const rows = [
      row('api', 'waiting', '2030-01-01T00:02:00.000Z'),
      row('shop', 'waiting', '2030-01-01T00:01:00.000Z'),
      row('shop', 'waiting', '2030-01-01T00:03:00.000Z'),
      row('d#[x]', 'waiting', '2030-01-01T00:04:00.000Z'),
      row('e', 'working'),
      row('f', 'idle'),
      row('g', 'idle'),
      row('h', 'exited'),
    ];
    expect(statusOptions(rows, name)).toEqual({
      '@cw_waiting': 'shop, api +1',
      '@cw_waiting_since': String(Date.parse('2030-01-01T00:01:00.000Z') / 1000),
      '@cw_working': '1',
      '@cw_idle': '2',
    });
    expect(statusOptions([row('a#[fg=red]', 'waiting')], name)['@cw_waiting']).toBe('a[fg=red]');
  });
});
