import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { buildProgram } from './fake-program.js';

/** An installed package with the real launchers, and in place of the program one that does what its argument says. */
function installed(s: Sandbox, program: string): string {
  const bin = join(s.folder, 'a package', 'bin');
  mkdirSync(bin, { recursive: true });
  for (const name of ['cw', 'claude-switch']) copyFileSync(join(root, 'bin', name), join(bin, name));
  mkdirSync(join(bin, '../dist'));
  writeFileSync(join(bin, '../dist/version'), '9.8.7\n');
  writeFileSync(join(bin, '../dist/cw.cjs'), program);
  return bin;
}

/** A folder with links to only these programs: the PATH of a machine that has no others. */
function onlyPrograms(s: Sandbox, ...names: string[]): string {
  const folder = join(s.folder, 'only');
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const path = process.env.PATH!.split(':').map((part) => join(part, name));
    symlinkSync(
      path.find((one) => one.startsWith('/usr/bin/') || one.startsWith('/bin/'))!,
      join(folder, name),
    );
  }
  return folder;
}

/** Types a line into a shell on a real terminal, a pane of a tmux server of its own. */
function terminal(outer: Sandbox, env: Readonly<Record<string, string>> = {}) {
  outer.tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-x',
    '120',
    '-y',
    '30',
    '-s',
    'screen',
    'env -u TMUX -u TMUX_PANE sh',
  );
  for (const [name, value] of Object.entries(env))
    outer.tmux('send-keys', '-t', 'screen', '-l', `export ${name}='${value}'\n`);
  return (line: string) => outer.tmux('send-keys', '-t', 'screen', '-l', `${line}\n`);
}

describe('cw', () => {
  it('answers --version without Node, through links from anywhere', async () => {
    const s = sandbox();
    const bin = installed(s, '');
    mkdirSync(join(s.home, 'one/two'), { recursive: true });
    symlinkSync(join(bin, 'cw'), join(s.home, 'one/absolute'));
    symlinkSync('../absolute', join(s.home, 'one/two/cw'));
    const env = { PATH: `${join(s.home, 'one/two')}:${onlyPrograms(s, 'readlink', 'sh')}` };
    const version = { code: 0, stdout: '9.8.7\n', stderr: '' };
    expect(await s.run('sh', ['-c', 'cw --version'], { env })).toEqual(version);
    expect(await s.run(join(bin, 'claude-switch'), ['--version'], { env })).toEqual(version);
  });

  it('says what is missing: Node, a newer Node, the build', async () => {
    const s = sandbox();
    const bin = installed(s, readFileSync(join(root, 'dist/cw.cjs'), 'utf8'));
    const none = await s.run('/bin/sh', [join(bin, 'cw'), 'list'], { env: { PATH: onlyPrograms(s, 'sh') } });
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toMatch(/no "node" on your PATH/);
    const preload = s.file(
      'old.cjs',
      `Object.defineProperty(process.versions, 'node', { value: '18.20.1' });`,
    );
    const old = await s.run(join(bin, 'cw'), ['list'], { env: { NODE_OPTIONS: `--require ${preload}` } });
    expect(old).toMatchObject({ code: 1, stdout: '' });
    expect(old.stderr).toMatch(/Node 20\.19 or newer.*18\.20\.1/);
    writeFileSync(join(bin, '../dist/version'), '');
    rmSync(join(bin, '../dist/cw.cjs'));
    const unbuilt = await s.run(join(bin, 'cw'), ['--version']);
    expect(unbuilt).toMatchObject({ code: 1, stdout: '' });
    expect(unbuilt.stderr).toMatch(/npm install && npm run build/);
  });

  it('gives arguments, input and the exit code through as they are', async () => {
    const s = sandbox();
    const bin = installed(
      s,
      `process.stdin.on('data', (text) => process.stdout.write(JSON.stringify([process.argv.slice(2), String(text), process.env.CW_HANDOVER]))).on('end', () => process.exit(6));`,
    );
    const words = ['', 'a b', '$HOME', "it's", 'x\ny', '--', '*'];
    const ran = await s.run(join(bin, 'cw'), words, { input: 'typed' });
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([6, JSON.stringify([words, 'typed', null]), '']);
  });

  it('becomes tmux on a terminal, with nothing of ours left behind, whatever the socket is called', async () => {
    const [s, outer] = [sandbox(), sandbox()];
    const odd = join(dirname(s.socket), "o'dd $(touch hit) \\ ;x\n");
    const bin = installed(s, '');
    await buildProgram(
      join(bin, '..'),
      `up: async (_, { env }) => ({ text: 'told', attach: ['-u', '-S', env.ODD, '-f', '/dev/null', 'new-session', '-s', 'inner'] })`,
    );
    const env = { ...s.env, ODD: odd };
    const type = terminal(outer);
    outer.tmux(
      'respawn-pane',
      '-k',
      '-t',
      'screen',
      '-e',
      `ODD=${odd}`,
      'env -u TMUX_PANE TMUX=/nowhere,1,0 sh',
    );
    type(`'${join(bin, 'cw')}' up`);
    const inner = (...words: string[]) => s.run('tmux', ['-S', odd, ...words], { env });
    const pid = await waitUntil('the client is attached', async () =>
      (await inner('list-clients', '-F', '#{client_pid}')).stdout.trim(),
    );
    try {
      // The client is the very process that the shell started, and has no child.
      const shell = outer.tmux('display-message', '-p', '-t', 'screen', '#{pane_pid}').trim();
      expect(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim()).toBe(pid);
      expect(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()).toBe('');
    } finally {
      await inner('kill-server');
    }
    await waitUntil('the shell has its terminal back', () => /told.*exited\]/s.test(outer.screen('screen')));
  });

  it('becomes another program just so, in the environment that it was started in', async () => {
    const [s, outer] = [sandbox(), sandbox()];
    const bin = installed(s, '');
    await buildProgram(
      join(bin, '..'),
      `up: async () => ({ become: ['sh', '-c', 'echo "[$1] in [$TMUX]$CW_HANDOVER $$"', 'sh', "it's $(touch hit)"] })`,
    );
    const type = terminal(outer);
    outer.tmux('respawn-pane', '-k', '-t', 'screen', 'env TMUX=/nowhere,1,0 sh');
    const shell = outer.tmux('display-message', '-p', '-t', 'screen', '#{pane_pid}').trim();
    type(`exec '${join(bin, 'cw')}' up; # the pane's own process`);
    outer.tmux('set-option', '-g', 'remain-on-exit', 'on');
    await waitUntil('it has run', () =>
      outer.screen('screen').includes(`[it's $(touch hit)] in [/nowhere,1,0] ${shell}\n`),
    );
  });

  it('waits for Node at Ctrl-C, and passes its exit code on', async () => {
    const [s, outer] = [sandbox(), sandbox()];
    const bin = installed(
      s,
      `process.on('SIGINT', () => setTimeout(() => { console.log('cleaned up'); process.exit(130); }, 50)); console.log('ready'); setInterval(() => {}, 1000);`,
    );
    const type = terminal(outer);
    type(`'${join(bin, 'cw')}' up; echo "code $?"`);
    await waitUntil('it runs', () => /ready$/m.test(outer.screen('screen')));
    outer.tmux('send-keys', '-t', 'screen', 'C-c');
    await waitUntil('it ended in order', () => /cleaned up\ncode 130/.test(outer.screen('screen')));
  });
});

describe('the question that the launcher asks tmux beside Node', () => {
  /** An installed cw whose question is never answered, and whose program gives up at once. */
  function neverAnswered() {
    const [s, outer] = [sandbox(), sandbox()];
    const bin = installed(s, `console.error('no answer'); process.exit(5);`);
    const asked = join(s.folder, 'asked');
    writeFileSync(join(bin, '../dist/reading.sh'), `exec sh -c 'echo $$ >"$0"; exec sleep 600' '${asked}'\n`);
    s.tmux('-f', '/dev/null', 'new-session', '-d', 'cat');
    const end = async () => {
      const pid = await waitUntil(
        'it was asked',
        () => existsSync(asked) && readFileSync(asked, 'utf8').trim(),
      );
      process.kill(Number(pid));
    };
    return { s, outer, program: join(bin, 'cw'), end };
  }

  it('is not waited for once Node has given up', async () => {
    const { s, program, end } = neverAnswered();
    try {
      expect(await s.run(program, ['list'])).toEqual({ code: 5, stdout: '', stderr: 'no answer\n' });
    } finally {
      await end();
    }
  });

  it('is not waited for on a terminal either', async () => {
    const { s, outer, program, end } = neverAnswered();
    try {
      const type = terminal(outer, { CW_TMUX_SOCKET: s.socket });
      type(`'${program}' list; echo "code $?"`);
      await waitUntil('it ended', () => /no answer\ncode 5/.test(outer.screen('screen')));
    } finally {
      await end();
    }
  });

  it('is asked with closed descriptors as well', async () => {
    const s = sandbox();
    s.tmux('-f', '/dev/null', 'new-session', '-d', 'cat');
    const cw = `'${join(root, 'bin/cw')}'`;
    const list = await s.run('sh', ['-c', `exec ${cw} list --json <&-`]);
    expect(list).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
    const silent = await s.run('sh', ['-c', `${cw} list --json <&- >&- 2>&-; echo $?`]);
    expect(silent).toEqual({ code: 0, stdout: '0\n', stderr: '' });
    const failed = await s.run('sh', ['-c', `${cw} up /nowhere <&- >&- 2>&-; echo $?`]);
    expect(failed.stdout).toBe('3\n');
  });
});

describe('claude-switch', () => {
  /** Workspaces a and b, a session that is not ours, and launchers whose `cw` only says that it was asked. */
  function world() {
    const s = sandbox();
    const bin = installed(s, '');
    writeFileSync(join(bin, 'cw'), '#!/bin/sh\nprintf "cw:"; printf " [%s]" "$@"; echo\nexit 9\n');
    chmodSync(join(bin, 'cw'), 0o755);
    s.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-a', '-x', '100', '-y', '20', 'sh');
    for (const name of ['claude-dev-ab', 'claude-dev-b', 'claude-dev-foreign'])
      s.tmux('new-session', '-d', '-s', name, 'sh');
    for (const name of ['a', 'ab', 'b'])
      s.tmux('set-option', '-t', `=claude-dev-${name}:`, '@cw_id', `id-${name}`);
    return { s, bin, program: join(bin, 'claude-switch') };
  }

  it('leaves all but a plain name of an open workspace to cw', async () => {
    const { s, program } = world();
    const lines: string[][] = [
      [],
      ['a', 'b'],
      ['--next'],
      ['host:a'],
      ['a.b'],
      ['a b'],
      [''],
      ['é'],
      ['-'],
      ['a'],
    ];
    for (const words of lines) {
      const said = ['cw: [switch]', ...words.map((word) => `[${word}]`)].join(' ');
      expect(await s.run(program, words)).toEqual({ code: 9, stdout: `${said}\n`, stderr: '' });
    }
  });

  it('hops inside tmux and goes back, without Node, and only to what is ours', async () => {
    const [{ s, program }, outer] = [world(), sandbox()];
    // No Node on this PATH: whoever needed it would say so.
    const path = onlyPrograms(s, 'tmux', 'sh', 'env');
    const type = terminal(outer, { PATH: path, CW_TMUX_SOCKET: s.socket });
    const at = (session: string) =>
      waitUntil(
        `the client is at ${session}`,
        () => s.tmux('list-clients', '-F', '#{client_session}') === `${session}\n`,
      );
    const typeInside = (session: string, line: string) =>
      s.tmux('send-keys', '-t', `=${session}:`, '-l', `${line}\n`);

    // From outside, on a terminal: only what is ours, by its exact name, is attached.
    s.tmux('rename-session', '-t', '=claude-dev-a', 'claude-dev-solo');
    for (const name of ['foreign', 'sol', 'gone']) type(`'${program}' ${name}`);
    await waitUntil('all were left to cw', () =>
      /\[foreign\].*\[sol\].*\[gone\]/s.test(outer.screen('screen')),
    );
    s.tmux('rename-session', '-t', '=claude-dev-solo', 'claude-dev-a');
    type(`'${program}' a`);
    await at('claude-dev-a');
    for (const name of ['a', 'b', 'foreign']) {
      typeInside(
        `claude-dev-${name}`,
        `PATH='${path}' CW_TMUX_SOCKET='${s.socket}'; export PATH CW_TMUX_SOCKET`,
      );
    }
    typeInside('claude-dev-a', `'${program}' b`);
    await at('claude-dev-b');
    typeInside('claude-dev-b', `'${program}' -`);
    await at('claude-dev-a');
    typeInside('claude-dev-a', `unset CW_TMUX_SOCKET; '${program}' ab`);
    await at('claude-dev-ab');
    s.tmux('switch-client', '-t', '=claude-dev-a');
    typeInside('claude-dev-a', `'${program}' foreign; '${program}' gone`);
    await waitUntil('both were left to cw', () => /\[foreign\].*\[gone\]/s.test(s.screen('=claude-dev-a:')));
    await at('claude-dev-a');
    // The one before is a session that is not ours: what then is cw's to say.
    s.tmux('switch-client', '-t', '=claude-dev-foreign');
    s.tmux('switch-client', '-t', '=claude-dev-b');
    typeInside('claude-dev-b', `'${program}' -`);
    await waitUntil('it was left to cw', () => s.screen('=claude-dev-b:').includes('cw: [switch] [-]'));
    // A name of tmux's that would be a command of its own.
    s.tmux('rename-session', '-t', '=claude-dev-a', "claude-dev-b'; kill-session -t '=claude-dev-ab");
    s.tmux('switch-client', '-t', "=claude-dev-b'; kill-session -t '=claude-dev-ab");
    s.tmux('switch-client', '-t', '=claude-dev-b');
    typeInside('claude-dev-b', `clear; '${program}' -; echo done`);
    await waitUntil('it is done', () => /\[-\]\ndone/.test(s.screen('=claude-dev-b:')));
    s.tmux('has-session', '-t', '=claude-dev-ab');
  });

  it('never moves a client of another server than the one it is in', async () => {
    const [{ s, program }, outer] = [world(), sandbox()];
    const type = terminal(outer);
    type(`tmux -S '${s.socket}' attach -t =claude-dev-a`);
    await waitUntil('a client is there', () => s.tmux('list-clients') !== '');
    const ran = await s.run(program, ['b'], { env: { TMUX: `${outer.socket},1,0` } });
    expect(ran.stdout).toBe('cw: [switch] [b]\n');

    // The same for a server that goes by a name.
    const sockets = join(s.folder, 't', `tmux-${process.getuid!()}`);
    mkdirSync(sockets, { recursive: true, mode: 0o700 });
    symlinkSync(s.socket, join(sockets, 'work'));
    const env = { TMUX_TMPDIR: join(s.folder, 't'), CW_TMUX_SOCKET: 'work' };
    const named = await s.run(program, ['b'], { env: { ...env, TMUX: `${outer.socket},1,0` } });
    expect(named.stdout).toBe('cw: [switch] [b]\n');
    expect(s.tmux('list-clients', '-F', '#{client_session}')).toBe('claude-dev-a\n');
    const within = await s.run(program, ['b'], { env: { ...env, TMUX: `${join(sockets, 'work')},1,0` } });
    expect(within).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(s.tmux('list-clients', '-F', '#{client_session}')).toBe('claude-dev-b\n');
  });

  it('leaves it to cw when no server runs, or tmux is missing', async () => {
    const s = sandbox();
    const bin = installed(s, '');
    writeFileSync(join(bin, 'cw'), '#!/bin/sh\necho "cw: $*"\n');
    chmodSync(join(bin, 'cw'), 0o755);
    const program = join(bin, 'claude-switch');
    for (const env of [{}, { TMUX: `${s.socket},1,0` }, { PATH: onlyPrograms(s, 'sh') }]) {
      expect(await s.run(program, ['a'], { env })).toEqual({ code: 0, stdout: 'cw: switch a\n', stderr: '' });
    }
  });
});
