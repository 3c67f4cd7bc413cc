import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

type Env = NodeJS.ProcessEnv;

/** HOME as the environment says it; the account's when it is unset or empty. */
export function homeFolder(env: Env = process.env): string {
  return env.HOME || homedir();
}

// The XDG base directory specification: a value that is not absolute is to be ignored.
function xdg(env: Env, name: string, fallback: string): string {
  const value = env[name];
  return value?.startsWith('/') ? value : join(homeFolder(env), fallback);
}

/** `$XDG_CONFIG_HOME/cw`: settings and the user's own templates. */
export function configFolder(env: Env = process.env): string {
  return join(xdg(env, 'XDG_CONFIG_HOME', '.config'), 'cw');
}

/** `$XDG_STATE_HOME/cw`: what we remember of workspaces. */
export function stateFolder(env: Env = process.env): string {
  return join(xdg(env, 'XDG_STATE_HOME', '.local/state'), 'cw');
}

/** `$XDG_RUNTIME_DIR/cw`, or a folder of the user's own in the temporary folder where there is none. */
export function runtimeFolder(env: Env = process.env): string {
  const base = env.XDG_RUNTIME_DIR;
  return base?.startsWith('/') ? join(base, 'cw') : join(tmpdir(), `cw-${userInfo().uid}`);
}

/** The folder of the installed package: the one that holds `package.json`, `templates` and `shell`. */
export function packageFolder(): string {
  // src/system/paths.ts when run from the sources, dist/*.cjs when bundled.
  const here = dirname(fileURLToPath(import.meta.url));
  return here.endsWith('/src/system') ? resolve(here, '../..') : resolve(here, '..');
}

/** A path for people: the home folder as `~`. */
export function tildePath(path: string, env: Env = process.env): string {
  const home = homeFolder(env);
  if (path === home) return '~';
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** A path (or another word) as it can be pasted into a shell's line; a leading `~/` still means the home folder. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_~@%+=:,./-]+$/.test(text)) return text;
  const home = text.startsWith('~/') ? '~/' : '';
  return `${home}'${text.slice(home.length).replaceAll("'", "'\\''")}'`;
}

/** `~` and `~/x` with the home folder put in; relative paths from `base`. */
export function expandPath(path: string, base: string, env: Env = process.env): string {
  if (path === '~') return homeFolder(env);
  if (path.startsWith('~/')) return join(homeFolder(env), path.slice(2));
  return resolve(base, path);
}
