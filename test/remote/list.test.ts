import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort, sshdProgram } from '../support/sshd.js';
import { twoUsers } from '../support/two-users.js';
import { root } from '../support/world.js';

interface Listed {
  readonly host: string;
  readonly workspaces: readonly { name: string; state: string; path: string }[] | null;
  readonly error: { code: string; message: string; hint: string | null } | null;
}

function list(stdout: string): Listed[] {
  return JSON.parse(stdout) as Listed[];
}

describe.skipIf(!sshdProgram)('cw list --host', () => {
  it('shows the workspaces of the far account, not ours', async () => {
    const { near, far } = await twoUsers();
    far.file('projects/shop/README.md', '');
    near.file('projects/api/README.md', '');
    expect(await far.cw(['up', 'shop', '--detach'])).toMatchObject({ code: 0 });
    expect(await near.cw(['up', 'api', '--detach'])).toMatchObject({ code: 0 });
    const ran = await near.cw(['list', '--host', 'desktop']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^HOST +WORKSPACE/);
    expect(ran.stdout).toMatch(/^desktop +shop/m);
    expect(ran.stdout).toContain('1 open, 0 closed on 1 host. Go there: claude-switch desktop:shop');
    expect(ran.stdout).not.toContain('api');
    const json = await near.cw(['list', '--json', '--host', 'desktop', 'laptop', '--host', 'desktop']);
    expect(list(json.stdout)).toEqual([
      expect.objectContaining({ host: 'desktop', error: null }),
      expect.objectContaining({ host: 'laptop', error: null }),
    ]);
    expect(list(json.stdout)[1]!.workspaces).toEqual([
      expect.objectContaining({ name: 'shop', state: 'open', path: join(far.home, 'projects/shop') }),
    ]);
  });

  it('tells of each host that fails why, and what to do; the others answer', async () => {
    const silent = createServer(() => {}); // takes the connection, and never says a word
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as { port: number };
    const { near, far, sshd } = await twoUsers(`
Host silent
  Port ${port}
Host refused
  Port ${await freePort()}
Host strange
  HostKeyAlias never-seen
Host nowhere
  HostName nowhere.invalid
Host locked
  PubkeyAuthentication no
`);
    near.file(
      '.config/cw/config.json',
      JSON.stringify({ 'remote.ssh': ['ssh', '-F', join(near.home, 'ssh_config')], 'remote.seconds': 2 }),
    );
    far.file('projects/shop/README.md', '');
    await far.cw(['up', 'shop', '--detach']);
    const hosts = ['silent', 'refused', 'strange', 'nowhere', 'locked', 'desktop'];
    const started = performance.now();
    const ran = await near.cw(['list', '--json', '--host', ...hosts]);
    const took = performance.now() - started;
    expect(ran.code).toBe(6);
    const byHost = Object.fromEntries(list(ran.stdout).map((one) => [one.host, one]));
    expect(Object.keys(byHost)).toEqual(hosts);
    expect(byHost.desktop).toMatchObject({ error: null, workspaces: [{ name: 'shop' }] });
    const said = (host: string) => byHost[host]?.error?.message;
    expect(said('silent')).toBe('silent did not answer in 2 s.');
    expect(said('refused')).toBe('refused refused the connection: no sshd listens there.');
    expect(said('strange')).toBe('The host key of strange is not known here yet.');
    expect(said('nowhere')).toBe('nowhere is no host that is known: its name has no address.');
    expect(said('locked')).toBe('locked did not let you in (it takes: publickey).');
    for (const host of hosts.slice(0, -1)) expect(byHost[host]?.error?.hint).toBeTruthy();
    // The silent one costs its own limit once, and not beside the others' time.
    expect(took).toBeGreaterThan(1900);
    expect(took).toBeLessThan(15_000);
    const text = await near.cw(['list', '--host', 'refused', 'desktop']);
    expect(text.code).toBe(6);
    expect(text.stdout).toMatch(/✗ refused +refused refused the connection/);
    const none = await near.cw(['list', '--host', 'refused']);
    expect(none.code).toBe(1);
    expect(sshd.connections()).toEqual([]);
  });

  it('says that a host key has changed, with the line that forgets the old one', async () => {
    const { near, sshd } = await twoUsers();
    await sshd.changeKey();
    const ran = await near.cw(['list', '--json', '--host', 'me@desktop']);
    expect(ran.code).toBe(1);
    const [one] = list(ran.stdout);
    expect(one?.error?.message).toMatch(/^The host key of me@desktop is another one/);
    expect(one?.error?.hint).toMatch(/ssh-keygen -f .*known_hosts.* -R .*far.* && ssh me@desktop/);
  });

  it('takes no noise of the far account for an answer, nor an answer of its noise', async () => {
    const { near, far, sshd } = await twoUsers();
    far.file('projects/shop/README.md', '');
    await far.cw(['up', 'shop', '--detach']);
    sshd.account({ start: `echo '[{"name":"fake","state":"open"}]'; printf 'no newline at the end'` });
    const ran = await near.cw(['list', '--json', '--host', 'desktop']);
    expect(list(ran.stdout)[0]?.workspaces?.map(({ name }) => name)).toEqual(['shop']);
  });

  it('finds a cw that only the start files of the account put on its PATH', async () => {
    const { near, far, sshd } = await twoUsers();
    const bare = far.file('bare/.keep', '').replace('/.keep', '');
    // What a bare sshd has: the system's programs, without node.
    for (const name of ['sh', 'bash', 'tail', 'printenv'])
      await far.run('ln', ['-s', `/usr/bin/${name}`, join(bare, name)]);
    sshd.account({ path: bare });
    const without = await near.cw(['list', '--json', '--host', 'desktop']);
    expect(without.code).toBe(1);
    expect(list(without.stdout)[0]?.error).toMatchObject({
      code: 'not-found',
      message: 'cw is not installed on desktop, or not on the PATH of its login shell.',
    });
    far.file('.bash_profile', `echo welcome\nPATH=${root}/bin:${far.env.PATH}\n`);
    expect(list((await near.cw(['list', '--json', '--host', 'desktop'])).stdout)[0]?.error).toBe(null);
    // nvm's lines stand at the end of a .bashrc that goes no further than this where nobody types.
    far.file('.bash_profile', '. ~/.bashrc\n');
    far.file('.bashrc', `case $- in *i*) ;; *) return ;; esac\nPATH=${root}/bin:${far.env.PATH}\n`);
    expect(list((await near.cw(['list', '--json', '--host', 'desktop'])).stdout)[0]?.error).toBe(null);
  });

  it('passes on what the far cw says is wrong, and says when it does not understand it', async () => {
    const { near, far, sshd } = await twoUsers();
    const answer = async (script: string) => {
      far.file('bin/cw', `#!/bin/sh\n[ "$1" = --version ] && { echo 0.0.9; exit; }\n${script}\n`, 0o755);
      sshd.account({ path: `${join(far.home, 'bin')}:${far.env.PATH}` });
      return list((await near.cw(['list', '--json', '--host', 'desktop'])).stdout)[0]?.error;
    };
    expect(
      await answer(`echo '{"error":{"code":"tmux-unusable","message":"No tmux.","hint":"Get it"}}'; exit 5`),
    ).toEqual({
      code: 'failed',
      message: 'desktop: No tmux.',
      hint: 'There: Get it',
    });
    const other = await answer(`echo '{"workspaces":[]}'`);
    expect(other?.message).toMatch(
      /answered in a form that this one does not know: it is 0\.0\.9, this one is \d/,
    );
    expect(other?.hint).toMatch(/^Update the one there/);
    expect((await answer(`echo 'cw needs Node.' >&2; exit 1`))?.message).toBe('desktop: cw needs Node.');
    expect((await answer(`printf '[{"name":"x","state":"open"},'; kill -9 $PPID`))?.message).toBe(
      'The connection to desktop was cut while it answered.',
    );
    // Names and texts of others are shown, and do nothing.
    far.file(
      'bin/cw',
      `#!/bin/sh\nprintf '%s\\n' '[{"name":"a\\u001b[31m","state":"closed","savedAt":"never"}]'\n`,
      0o755,
    );
    const shown = await near.cw(['list', '--host', 'desktop']);
    expect(shown.stdout).toContain('a\\x1b[31m');
  });

  it('knows the hosts of the settings', async () => {
    const { near } = await twoUsers();
    expect(await near.cw(['list', '--all-hosts'])).toMatchObject({ code: 2 });
    await near.cw(['config', 'set', 'remote.hosts', 'desktop', 'laptop']);
    const ran = await near.cw(['list', '--all-hosts', '--json']);
    expect(list(ran.stdout).map(({ host }) => host)).toEqual(['desktop', 'laptop']);
  });

  it('asks nobody when one of the words is no host', async () => {
    const { near } = await twoUsers();
    const ran = await near.cw(['list', '--host', 'desktop', '--', '-oProxyCommand=touch hit']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('begins with a dash');
    expect(await near.cw(['list', 'shop'])).toMatchObject({ code: 2 });
  });
});
