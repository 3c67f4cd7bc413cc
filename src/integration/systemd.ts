import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { isFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { homeFolder, packageFolder } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import { run } from '../system/run.js';

type Env = NodeJS.ProcessEnv;

export const unitName = 'cw.service';

/** Where a user's own units lie (systemd.unit(5)). */
export function unitPath(env: Env): string {
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(homeFolder(env), '.config');
  return join(base, 'systemd', 'user', unitName);
}

export interface UnitValues {
  /** The Node that runs it, absolute. */
  readonly node: string;
  /** dist/cw.cjs, absolute. */
  readonly cw: string;
  readonly path: string;
  /** What the daemon needs to find the same files and the same tmux server as the user's shell. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The values for this user and this installation. */
export function unitValues(env: Env): UnitValues {
  const kept = [
    'XDG_CONFIG_HOME',
    'XDG_STATE_HOME',
    'XDG_DATA_HOME',
    'TMUX_TMPDIR',
    'CW_TMUX_SOCKET',
    'LANG',
  ];
  const environment: Record<string, string> = {};
  for (const name of kept) if (env[name]) environment[name] = env[name];
  const folders = (env.PATH ?? '')
    .split(':')
    .filter((folder) => folder.startsWith('/') && !/\/node_modules\/\.bin\/?$/.test(folder));
  return {
    node: process.execPath,
    cw: join(packageFolder(), 'dist', 'cw.cjs'),
    path: [...new Set(folders)].join(':') || '/usr/local/bin:/usr/bin:/bin',
    environment,
  };
}

/**
 * The unit's text.
 *
 * @throws CwError `failed` for a value with a control character: systemd cannot take one.
 */
export function unitText(template: string, values: UnitValues): string {
  const lines = Object.entries(values.environment).map(
    ([name, value]) => `Environment=${quote(`${name}=${value}`)}`,
  );
  return template
    .replace('@NODE@', () => quote(values.node, true))
    .replace('@CW@', () => quote(values.cw, true))
    .replace('@PATH@', () => quote(`PATH=${values.path}`))
    .replace('@ENVIRONMENT@\n', () => lines.map((line) => `${line}\n`).join(''));
}

// systemd.syntax(7) and systemd.service(5): C escapes within double quotes, % begins a specifier, and on a command
// line $ a variable.
function quote(text: string, command = false): string {
  if (/[\x00-\x1f\x7f]/.test(text))
    throw new CwError(
      'failed',
      `A systemd unit cannot hold ${JSON.stringify(text)}: it has a control character.`,
    );
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%');
  return `"${command ? escaped.replaceAll('$', '$$$$') : escaped}"`;
}

/** The unit for this user and this installation. */
export function ownUnit(env: Env): string {
  return unitText(readFileSync(join(packageFolder(), 'systemd', unitName), 'utf8'), unitValues(env));
}

export type Installed = 'none' | 'same' | 'other';

/** Whether the unit is installed: as it would be now, or in another form (an older version, edited). */
export function installedUnit(env: Env): Installed {
  const text = readTextIfAny(unitPath(env));
  if (text === null) return 'none';
  return text === ownUnit(env) ? 'same' : 'other';
}

export interface SystemdState {
  /** The user's service manager answers. */
  readonly running: boolean;
  /** Why it does not, in words. */
  readonly why: string | null;
}

/** Asks the user's service manager. */
export async function systemdState(env: Env): Promise<SystemdState> {
  const systemctl = findProgram('systemctl', env.PATH);
  if (!systemctl) return { running: false, why: 'there is no systemctl on the PATH' };
  const result = await run(systemctl, ['--user', 'show', '--property=Version', '--value'], {
    env,
    timeout: 5000,
  });
  if (result.exitCode === 0 && result.stdout.trim()) return { running: true, why: null };
  const said = result.timedOut
    ? 'it gave no answer'
    : result.stderr.trim().split('\n')[0] || 'it does not answer';
  return { running: false, why: said };
}

/**
 * Whether the user's processes live on after logout. null: it could not be asked. Without lingering, the user's
 * service manager ends with his last session, and starts only with his first.
 */
export async function lingers(env: Env): Promise<boolean | null> {
  const loginctl = findProgram('loginctl', env.PATH);
  if (!loginctl) return null;
  const user = userInfo().username;
  const result = await run(loginctl, ['show-user', user, '--property=Linger', '--value'], {
    env,
    timeout: 5000,
  });
  const said = result.stdout.trim();
  if (result.exitCode === 0 && (said === 'yes' || said === 'no')) return said === 'yes';
  // A user without a session is unknown to logind, lingering or not; the file is what it goes by.
  return readTextIfAny(`/var/lib/systemd/linger/${user}`) === null ? null : true;
}

/** Writes the unit. True when something changed. */
export function writeUnit(env: Env): boolean {
  if (installedUnit(env) === 'same') return false;
  const path = unitPath(env);
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, ownUnit(env), 0o644);
  return true;
}

/** Whether the unit runs. */
export async function unitIsActive(env: Env): Promise<boolean> {
  return (
    (await run('systemctl', ['--user', '--quiet', 'is-active', unitName], { env, timeout: 5000 }))
      .exitCode === 0
  );
}

/** Makes systemd read its units, and enables and starts ours. */
export async function enableUnit(env: Env): Promise<void> {
  await systemctl(env, ['daemon-reload']);
  await systemctl(env, ['enable', '--now', unitName]);
}

/** Stops and disables the unit and takes its file away. True when something changed. */
export async function removeUnit(env: Env, state: SystemdState): Promise<boolean> {
  const path = unitPath(env);
  if (readTextIfAny(path) === null) return false;
  if (state.running) await systemctl(env, ['disable', '--now', unitName]);
  rmSync(path, { force: true });
  // What `enable` made; disable takes it away where systemd runs.
  rmSync(join(dirname(path), 'default.target.wants', unitName), { force: true });
  if (state.running) await systemctl(env, ['daemon-reload']);
  return true;
}

async function systemctl(env: Env, words: readonly string[]): Promise<void> {
  const result = await run('systemctl', ['--user', ...words], { env, timeout: 30_000 });
  if (result.exitCode === 0) return;
  throw new CwError(
    'failed',
    `systemctl --user ${words.join(' ')} failed: ${result.stderr.trim() || 'no reason given'}.`,
    {
      hint: `See: systemctl --user status ${unitName}`,
    },
  );
}

/**
 * The words to put before `tmux` where we are the first to start its server: within a systemd service they give it a
 * scope of its own. Without it the server is one of the service's processes, and ends when that is stopped, updated or
 * restarted (KillMode=process spares it at a stop, but not when the cgroup itself is removed at logout).
 *
 * @param cgroup the content of /proc/self/cgroup.
 * @returns none outside of a service, or where the user's service manager cannot be reached.
 */
export function serverStartPrefix(env: Env, cgroup: string | null = ownCgroup()): string[] {
  if (cgroup === null || !/\.service$/m.test(cgroup.trimEnd())) return [];
  const program = findProgram('systemd-run', env.PATH);
  const runtime = env.XDG_RUNTIME_DIR;
  if (!program || !runtime || !isFolder(join(runtime, 'systemd'))) return [];
  // --scope runs it in place, with our environment and descriptors; --collect forgets a scope that failed.
  return [
    program,
    '--user',
    '--scope',
    '--quiet',
    '--collect',
    '--description=tmux server, started by cw',
    '--',
  ];
}

function ownCgroup(): string | null {
  try {
    return readFileSync('/proc/self/cgroup', 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'EACCES') return null; // macOS, a closed /proc
    throw error;
  }
}
