import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodes } from '../../src/errors.js';
import {
  installedUnit,
  ownUnit,
  removeUnit,
  serverStartPrefix,
  systemdState,
  unitPath,
  unitText,
  unitValues,
  writeUnit,
} from '../../src/integration/systemd.js';
import { findProgram } from '../../src/system/programs.js';
import { root, sandbox } from '../support/sandbox.js';

const template = readFileSync(join(root, 'systemd/cw.service'), 'utf8');
const lines = (text: string) => text.split('\n').filter((line) => /^[A-Z]/.test(line));

describe('the unit', () => {
  test('spares what the daemon started, and is not restarted for what a restart would not mend', () => {
    const { env } = sandbox();
    const unit = lines(ownUnit(env));
    expect(unit).toContain('KillMode=process');
    expect(unit).toContain('Type=exec');
    expect(unit).toContain('Restart=on-failure');
    const codes = [exitCodes.usage, exitCodes.refused, exitCodes['tmux-unusable']].join(' ');
    expect(unit).toContain(`RestartPreventExitStatus=${codes}`);
    expect(unit.filter((line) => /^(Protect|Private|Memory|Restrict|System|NoNew)/.test(line))).toEqual([]);
    expect(ownUnit(env)).not.toMatch(/@[A-Z]+@/);
    expect(unit).toContain(`Environment="CW_TMUX_SOCKET=${env.CW_TMUX_SOCKET}"`);
  });

  test('whatever stands in a path reaches the program as it is', () => {
    const text = unitText(template, {
      node: '/opt/my node/$HOME/%h/"x"/node',
      cw: '/a\\b/cw.cjs',
      path: '/a b:/c%d',
      environment: { LANG: 'C.UTF-8', XDG_STATE_HOME: '/$&/x' },
    });
    expect(text).toContain('ExecStart="/opt/my node/$$HOME/%%h/\\"x\\"/node" "/a\\\\b/cw.cjs" daemon run\n');
    expect(text).toContain(
      'Environment="PATH=/a b:/c%%d"\nEnvironment="LANG=C.UTF-8"\nEnvironment="XDG_STATE_HOME=/$&/x"\n',
    );
    expect(() =>
      unitText(template, { node: '/a\nExecStartPre=/bin/evil', cw: '', path: '', environment: {} }),
    ).toThrow('control character');
  });

  test('systemd itself finds nothing wrong with it', ({ skip }) => {
    if (!findProgram('systemd-analyze')) skip('there is no systemd-analyze here');
    const world = sandbox();
    const file = world.file('cw.service', ownUnit(world.env).replace(unitValues(world.env).cw, '/bin/true'));
    // What it says goes to standard error, also where it exits with 0.
    const said = execFileSync('sh', ['-c', 'systemd-analyze --user verify "$1" 2>&1 || true', 'sh', file], {
      env: world.env,
      encoding: 'utf8',
    });
    expect(said.split('\n').filter((line) => line.includes('cw.service'))).toEqual([]);
  });

  test('the path of npm scripts is not kept', () => {
    const { env } = sandbox();
    const values = unitValues({ ...env, PATH: '/x/node_modules/.bin:relative:/usr/bin:/usr/bin:' });
    expect(values.path).toBe('/usr/bin');
  });
});

describe('installing', () => {
  test('is idempotent, sees another version, and is removed without a trace', async () => {
    const { env, home } = sandbox();
    expect(installedUnit(env)).toBe('none');
    expect(writeUnit(env)).toBe(true);
    expect(writeUnit(env)).toBe(false);
    expect(installedUnit(env)).toBe('same');
    expect(unitPath(env)).toBe(join(home, '.config/systemd/user/cw.service'));
    writeFileSync(unitPath(env), `${ownUnit(env)}# mine\n`);
    expect(installedUnit(env)).toBe('other');
    const wants = join(home, '.config/systemd/user/default.target.wants');
    mkdirSync(wants);
    writeFileSync(join(wants, 'cw.service'), '');
    expect(await removeUnit(env, { running: false, why: 'not here' })).toBe(true);
    expect(existsSync(unitPath(env)) || existsSync(join(wants, 'cw.service'))).toBe(false);
    expect(await removeUnit(env, { running: false, why: 'not here' })).toBe(false);
  });

  test('where systemd does not run that is said', async () => {
    const { env } = sandbox();
    const state = await systemdState({ ...env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' });
    expect(state.running).toBe(false);
    expect(state.why).toBeTruthy();
    expect(await systemdState({ ...env, PATH: '/nonexistent' })).toEqual({
      running: false,
      why: 'there is no systemctl on the PATH',
    });
  });
});

describe('a scope for the tmux server', () => {
  const service = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/cw.service\n';

  test('within a service it gets one of its own', () => {
    const world = sandbox();
    mkdirSync(join(world.folder, 'run/systemd'));
    world.file('bin/systemd-run', '#!/bin/sh\n', 0o755);
    const env = { ...world.env, PATH: join(world.home, 'bin') };
    const prefix = serverStartPrefix(env, service);
    expect(prefix[0]).toBe(join(world.home, 'bin/systemd-run'));
    expect(prefix).toContain('--scope');
    expect(prefix.at(-1)).toBe('--');
    // In a terminal the server is in the scope of the login already.
    expect(serverStartPrefix(env, '0::/user.slice/user-1000.slice/session-3.scope\n')).toEqual([]);
    expect(serverStartPrefix(env, null)).toEqual([]);
    expect(serverStartPrefix({ ...env, PATH: '/nonexistent' }, service)).toEqual([]);
    expect(serverStartPrefix({ ...env, XDG_RUNTIME_DIR: undefined }, service)).toEqual([]);
  });
});
