import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { findProgram } from '../../src/system/programs.js';
import { waitUntil } from './wait.js';
import { root, type Sandbox } from './world.js';

/** OpenSSH's server, which is often not on a user's PATH; null: there is none, and tests that want it are skipped. */
export const sshdProgram = findProgram('sshd', `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`);

/** A real sshd on loopback, whose logins come out in the sandbox of a second user. */
export interface Sshd {
  readonly port: number;
  readonly pid: number;
  /** Makes a sandbox's `cw` reach it, under any host name; `config` stands before all else in its ssh's configuration. */
  reachFrom(near: Sandbox, config?: string): void;
  /** What the far account has by itself: its shell, its PATH, and what its start files print (lines of sh). */
  account(facts: { shell?: string; path?: string; start?: string }): void;
  /** The processes of its connections. */
  connections(): number[];
  /** Cuts every connection, as a network that goes away does. */
  cut(): void;
  /** Gives it another host key, as a machine that was set up anew has one. */
  changeKey(): Promise<void>;
  /** Goes away as a machine does: what is connected is cut, and nobody gets in. */
  stop(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

/** @param far whose home and tmux server the logins see. */
export async function startSshd(far: Sandbox): Promise<Sshd> {
  const folder = join(far.folder, 'sshd');
  mkdirSync(folder, { mode: 0o700 });
  // OpenSSH wants this folder where it runs as root; its package makes it at the first start of the service.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const keygen = (file: string) =>
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(folder, file)]);
  keygen('host');
  keygen('user');
  const port = await freePort();
  const login = join(folder, 'login');
  const { CW_TEST: _, ...env } = far.env;
  const exported = Object.entries({ ...env, CW_DAEMON: 'off' }).map(
    ([name, value]) => `export ${name}='${value}'`,
  );
  const account: Sshd['account'] = ({
    shell = '/bin/bash',
    path = `${root}/bin:${env.PATH}`,
    start = '',
  }) => {
    const text = [
      '#!/bin/sh',
      'term=$TERM',
      ...exported,
      'TERM=$term',
      `export SHELL='${shell}' PATH='${path}'`,
      'cd "$HOME" || exit 1',
      start,
      // As sshd does: the line is one word for the account's shell.
      'exec "$SHELL" -c "$SSH_ORIGINAL_COMMAND"',
    ];
    writeFileSync(login, `${text.join('\n')}\n`);
    chmodSync(login, 0o700);
  };
  account({});
  writeFileSync(
    join(folder, 'config'),
    [
      `ListenAddress 127.0.0.1`,
      `Port ${port}`,
      `HostKey ${join(folder, 'host')}`,
      `AuthorizedKeysFile ${join(folder, 'user.pub')}`,
      `ForceCommand ${login}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'AcceptEnv *',
      // The account's shell runs the login before that says where its home is: it must not read the start files of
      // whoever runs the tests.
      `SetEnv HOME=${far.home}`,
      'MaxStartups 100',
      '',
    ].join('\n'),
  );
  let child = await listen();
  async function listen() {
    // Into a file: a pipe fills up where whoever reads it is busy (a benchmark), and then sshd cuts its connections.
    const log = join(folder, 'log');
    rmSync(log, { force: true });
    const started = spawn(sshdProgram!, ['-D', '-E', log, '-f', join(folder, 'config')], { stdio: 'ignore' });
    await waitUntil('sshd listens', () => {
      const said = existsSync(log) ? readFileSync(log, 'utf8') : '';
      if (started.exitCode !== null) throw new Error(said);
      return said.includes('Server listening on');
    });
    return started;
  }
  const connections = () => descendants(child.pid!);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // Without their parent they could not be found any more.
    const open = connections();
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
    for (const pid of open) kill(pid);
  };
  const cut = () => {
    for (const pid of connections()) kill(pid);
  };
  return {
    port,
    get pid() {
      return child.pid!;
    },
    account,
    connections,
    cut,
    stop,
    async start() {
      child = await listen();
    },
    reachFrom(near, config = '') {
      const [type, key] = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ');
      const known = near.file('known_hosts', `far ${type} ${key}\n`);
      const file = near.file(
        'ssh_config',
        `${config}
Host *
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${join(folder, 'user')}
  IdentitiesOnly yes
  HostKeyAlias far
  UserKnownHostsFile ${known}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
`,
      );
      // ssh takes the account's home for its own files, not $HOME: so it is told where they are.
      near.file('.config/cw/config.json', JSON.stringify({ 'remote.ssh': ['ssh', '-F', file] }));
    },
    async changeKey() {
      await stop();
      for (const file of ['host', 'host.pub']) rmSync(join(folder, file));
      keygen('host');
      child = await listen();
    },
    async dispose() {
      await stop();
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address ? address.port : 0;
}

function descendants(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(file)
    ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    : [];
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
