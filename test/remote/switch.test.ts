import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sshdProgram } from '../support/sshd.js';
import { terminal } from '../support/terminal.js';
import { twoUsers } from '../support/two-users.js';
import { waitUntil } from '../support/wait.js';

function clients(far: { tmux(...args: string[]): string }): string {
  try {
    return far.tmux('list-clients', '-F', '#{session_name}').trim();
  } catch {
    return '';
  }
}

describe.skipIf(!sshdProgram)('claude-switch HOST:NAME', () => {
  it('opens it there, attaches over ssh, and leaves as one leaves tmux', async () => {
    const { near, far } = await twoUsers();
    far.file('projects/shop/README.md', '');
    const screen = terminal(near);
    screen.line('claude-switch desktop:shop; echo "code $?"');
    await waitUntil('a client is attached on the far side', () => clients(far) === 'claude-dev-shop');
    far.tmux('send-keys', '-t', '=claude-dev-shop:', '-l', 'echo "I am at $HOME"\n');
    await screen.waitFor('the far screen', `I am at ${far.home}`);
    far.tmux('detach-client', '-s', '=claude-dev-shop');
    await screen.waitFor('our shell again', 'code 0');
    // Now it is open: the far launcher answers alone. And `cw ssh` is the same.
    screen.line('clear; cw ssh desktop shop; echo "code $?"');
    await waitUntil('a client is attached again', () => clients(far) === 'claude-dev-shop');
    await far.cw(['save', 'shop']);
    far.tmux('kill-server');
    await screen.waitFor('our shell once more', /code \d/);
    // It ended with its server: it is brought back as it is at home, with the question of the far side.
    screen.line('clear; claude-switch desktop:shop');
    await screen.waitFor('the question', 'Bring it back as it was');
    screen.keys('Enter');
    await waitUntil('a client is attached to what was restored', () => clients(far) === 'claude-dev-shop');
  });

  it('gets a window of its own inside tmux, whose failure can be read', async () => {
    const { near, far } = await twoUsers('Host refused\n  Port 1\n');
    far.file('projects/shop/README.md', '');
    near.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'work', '-x', '100', '-y', '30', 'cat');
    const pane = near.tmux('display-message', '-p', '-t', '=work:', '#{pane_id}').trim();
    const server = near.tmux('display-message', '-p', '#{socket_path},#{pid},0').trim();
    const env = { TMUX: server, TMUX_PANE: pane };
    expect(await near.cw(['switch', 'desktop:shop'], { env })).toMatchObject({ code: 0, stderr: '' });
    await waitUntil('a client is attached on the far side', () => clients(far) === 'claude-dev-shop');
    const windows = () =>
      near.tmux('list-windows', '-t', '=work:', '-F', '#{window_name}').trim().split('\n');
    // The first one's name follows what runs in it.
    expect(windows().slice(1)).toEqual(['desktop:shop']);
    far.tmux('detach-client', '-s', '=claude-dev-shop');
    await waitUntil('its window is gone', () => windows().length === 1);
    await near.cw(['ssh', 'refused', '#(touch hit)'], { env });
    await waitUntil('what ssh says', () =>
      /refused.*\n.*code 255.*Enter closes/s.test(near.screen('=work:')),
    );
    expect(windows().slice(1)).toEqual(['ssh']);
    near.tmux('send-keys', '-t', '=work:', 'Enter');
    await waitUntil('its window is gone', () => windows().length === 1);
  });

  it('opens it without a terminal, and says how to attach', async () => {
    const { near, far } = await twoUsers();
    far.file("projects/it's mine!/README.md", '');
    const path = join(far.home, "projects/it's mine!");
    const ran = await near.cw(['switch', `desktop:${path}`]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('is open on desktop');
    expect(far.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('claude-dev-it-s-mine');
    const json = await near.cw(['ssh', 'desktop', path, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ host: 'desktop', answer: { name: 'it-s-mine', path } });
    expect(await near.cw(['ssh', 'desktop'])).toMatchObject({ code: 0, stdout: 'it-s-mine\n' });
    const none = await near.cw(['switch', 'desktop:nope']);
    expect(none).toMatchObject({ code: 3, stdout: '' });
    expect(none.stderr).toMatch(/^desktop: No project "nope"/);
    expect(await near.cw(['ssh', '--', '-oProxyCommand=touch hit', 'x'])).toMatchObject({ code: 2 });
    expect(await near.cw(['ssh', 'desktop', 'a\nb'])).toMatchObject({ code: 2 });
  });

  it('leaves a folder with a colon to us', async () => {
    const { near } = await twoUsers();
    near.file('projects/desktop:shop/README.md', '');
    const ran = await near.cw(['switch', 'desktop:shop']);
    expect(ran).toMatchObject({ code: 0 });
    expect(near.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('claude-dev-desktop-shop');
    // ... whichever name its workspace has got, from anywhere.
    const again = await near.cw(['switch', 'desktop:shop', '--json'], { cwd: '/' });
    expect(JSON.parse(again.stdout)).toMatchObject({ name: 'desktop-shop' });
  });
});
