import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Finding, worstFirst } from '../../src/health/finding.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

async function findings(s: Sandbox, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; list: Finding[] }> {
  const ran = await s.cw(['doctor', '--json'], { env });
  return { code: ran.code, list: JSON.parse(ran.stdout) as Finding[] };
}

function of(list: readonly Finding[], id: string) {
  return list.find((finding) => finding.id === id);
}

describe('cw doctor', () => {
  it('finds a good world good, and starts no server to look', async () => {
    const s = sandbox();
    s.file('bin/claude', '#!/bin/sh\n', 0o755);
    s.file('projects/x', '');
    const env = { PATH: `${join(s.home, 'bin')}:${process.env.PATH}`, EDITOR: 'sh -x' };
    const { code, list } = await findings(s, env);
    expect(list.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    for (const id of [
      'tmux.version',
      'tmux.socket-folder',
      'tmux.server',
      'locale',
      'program.git',
      'program.node',
    ]) {
      expect(of(list, id)?.level).toBe('ok');
    }
    expect(() => s.tmux('list-sessions')).toThrow(/no server|No such file/);
    const text = await s.cw(['doctor'], { env });
    expect(text.stdout).toMatch(/\nAll is well\.\n$/);
  });

  it('says the cure of each fault, the worst first', async () => {
    const s = sandbox();
    s.file('.config/cw/config.json', '{"rots": [], "size": 5}');
    const env = {
      PATH: join(s.home, 'bin'),
      LANG: 'C',
      SHELL: '/bin/false-shell',
      EDITOR: 'nosuch --wait',
      TMUX: '/nowhere/socket,1,0',
    };
    // A PATH without tmux and git: node by its own path, past the launcher.
    const ran = await s.run(process.execPath, [join(root, 'dist/cw.cjs'), 'doctor'], { env });
    expect(ran.code).toBe(1);
    const lines = ran.stdout.split('\n');
    expect(lines[0]).toMatch(/^error +tmux +not found on the PATH$/);
    expect(lines[1]).toMatch(/^ {4}apt install tmux/);
    expect(ran.stdout).toMatch(/^error +git/m);
    for (const text of [
      'LANG=C: not UTF-8',
      '$SHELL is /bin/false-shell',
      '"nosuch", which is not found',
      'no setting "rots"; did you mean "roots"?',
      '"size" is 5, not a size like 200x50',
      `${join(s.home, 'projects')} does not exist`,
    ]) {
      expect(ran.stdout).toContain(text);
    }
    expect(lines.findIndex((line) => line.startsWith('ok'))).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('warning')),
    );
  });

  it('tells an old tmux', async () => {
    const s = sandbox();
    s.file('bin/tmux', '#!/bin/sh\necho tmux 3.1c\n', 0o755);
    const { code, list } = await findings(s, { PATH: `${join(s.home, 'bin')}:${process.env.PATH}` });
    expect(code).toBe(1);
    expect(of(list, 'tmux.version')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('3.2'),
    });
  });

  it('tells a running server, a stale socket, and a $TMUX whose server is gone', async () => {
    const s = sandbox();
    s.tmux('-f', '/dev/null', 'new-session', '-d', 'sh');
    const alive = await findings(s, { TMUX: `${s.socket},1,0` });
    expect(of(alive.list, 'tmux.server')?.message).toBe(`runs on ${s.socket}`);
    expect(of(alive.list, 'tmux.inside')?.level).toBe('ok');

    const pid = Number(s.tmux('display-message', '-p', '#{pid}'));
    process.kill(pid, 'SIGKILL');
    await waitUntil(
      'no server answers',
      async () => (await s.run('tmux', ['-S', s.socket, 'ls'])).code !== 0,
    );
    const dead = await findings(s, { TMUX: `${s.socket},1,0` });
    expect(of(dead.list, 'tmux.stale-socket')?.level).toBe('ok');
    expect(of(dead.list, 'tmux.inside')).toMatchObject({ level: 'warning', fix: 'unset TMUX TMUX_PANE' });
    expect(dead.code).toBe(0);
  });

  it('tells a socket folder that is open to others, or is not there', async () => {
    const s = sandbox();
    const folder = dirname(s.socket);
    chmodSync(folder, 0o755);
    const open = await findings(s);
    expect(of(open.list, 'tmux.socket-folder')).toMatchObject({
      level: 'warning',
      fix: `chmod 700 '${folder}'`,
    });

    const named = join(s.folder, 't', `tmux-${process.getuid!()}`);
    mkdirSync(named, { recursive: true, mode: 0o755 });
    const own = await findings(s, { CW_TMUX_SOCKET: 'work', TMUX_TMPDIR: join(s.folder, 't') });
    expect(of(own.list, 'tmux.socket-folder')?.level).toBe('error');
    expect(own.code).toBe(1);

    rmSync(folder, { recursive: true });
    const gone = await findings(s);
    expect(of(gone.list, 'tmux.socket-folder')).toMatchObject({
      level: 'error',
      fix: `mkdir -m 700 -p '${folder}'`,
    });
    expect((await findings(s, { CW_TMUX_SOCKET: 'a/b' })).list[0]).toMatchObject({
      id: 'tmux.socket',
      level: 'error',
    });
  });

  it('sorts the worst first and keeps the order of equals', () => {
    const levels = (['ok', 'warning', 'unknown', 'error', 'ok'] as const).map((level, at) => ({
      id: String(at),
      level,
      subject: '',
      message: '',
      fix: null,
    }));
    expect(worstFirst(levels).map(({ id }) => id)).toEqual(['3', '2', '1', '0', '4']);
  });
});
