import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from './sandbox.js';
import { waitUntil } from './wait.js';
import { root } from './world.js';

/** How the fake Claude is to behave; see `fake-claude.cjs`, which also says what words in a prompt do. */
export interface FakeClaudeOptions {
  /** 2.1.329 when not given; 2.1.197 and one before 2.1.100 (no file of the running process) behave differently. */
  readonly version?: string;
  /** It asks whether the folder is trusted. */
  readonly trust?: boolean;
  /** Its first input is lost, or only the Enter of it. */
  readonly swallow?: 'input' | 'enter';
  /** It ends at once with this code. */
  readonly exit?: number;
  /** Milliseconds from a dialog to its notification; 6,000 as the real one when not given. */
  readonly notify?: number;
}

/**
 * Puts a program `claude` on the PATH of a sandbox. Called again it replaces that one: those that run stay as they
 * are, those started later behave as said now. Its argv is `claude FAKE-CLAUDE.CJS WORDS...`: Node's script comes in
 * between.
 *
 * @returns its path.
 */
export function installFakeClaude(world: Sandbox, options: FakeClaudeOptions = {}): string {
  const folder = join(world.folder, 'bin');
  const path = join(folder, 'claude');
  const variables = {
    FAKE_CLAUDE_SELF: path,
    FAKE_CLAUDE_VERSION: options.version,
    FAKE_CLAUDE_TRUST: options.trust ? '1' : undefined,
    FAKE_CLAUDE_SWALLOW: options.swallow === 'input' ? '1' : options.swallow,
    FAKE_CLAUDE_EXIT: options.exit?.toString(),
    FAKE_CLAUDE_NOTIFY: options.notify?.toString(),
  };
  const lines = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [`unset ${name}`] : [`export ${name}=${word(value)}`],
  );
  const program = `${word(process.execPath)} ${word(join(root, 'test/support/fake-claude.cjs'))}`;
  mkdirSync(folder, { recursive: true });
  // bash, since its exec can give a name: tmux shows the first word of argv.
  const text = `#!/bin/bash\n${lines.join('\n')}\nexec -a claude ${program} "$@"\n`;
  writeFileSync(path, text, { mode: 0o755 });
  if (!world.env.PATH?.startsWith(`${folder}:`)) world.env.PATH = `${folder}:${world.env.PATH}`;
  return path;
}

export interface ClaudeStart {
  /** Where it starts; the home folder when not given. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts `claude` with these words in a pane of its own, as a job of the pane's shell. When it ends the screen says
 * `[exit CODE]`, and the pane stays.
 *
 * @returns the pane's id.
 */
export function startClaude(world: Sandbox, words: readonly string[] = [], start: ClaudeStart = {}): string {
  const line = `set -m; claude ${words.map(word).join(' ')}; echo "[exit $?]"; exec sleep 100000`;
  const env = Object.entries({ PATH: world.env.PATH!, ...start.env });
  const set = env.map(([name, value]) => `export ${name}=${word(value)}; `).join('');
  const cwd = start.cwd ?? world.home;
  const options = ['-d', '-x', '100', '-y', '40', '-P', '-F', '#{pane_id}', '-c', cwd];
  return world.tmux('-f', '/dev/null', 'new-session', ...options, set + line).trim();
}

/** Waits until its composer is there, empty, and it does nothing. */
export async function ready(world: Sandbox, pane: string): Promise<void> {
  await waitUntil(`the composer of ${pane} is there`, () => {
    const screen = world.screen(pane);
    if (/^❯\u00a0Try /m.test(screen) && !screen.includes('esc to interrupt')) return true;
    throw new Error(`the screen is:\n${screen.trimEnd()}`);
  });
}

/** Sends a prompt as a user does who pastes it: the text, and Enter when it is on the screen. */
export async function prompt(world: Sandbox, pane: string, text: string): Promise<void> {
  world.tmux('set-buffer', '-b', 'prompt', '--', text);
  world.tmux('paste-buffer', '-p', '-d', '-b', 'prompt', '-t', pane);
  const first = text.split('\n')[0]!.replace(/^!/, '').slice(0, 60);
  await waitUntil(`the composer of ${pane} has "${first}"`, () =>
    world.screen(pane).includes(`\u00a0${first}`),
  );
  world.tmux('send-keys', '-t', pane, 'Enter');
}

/** Sends a prompt and waits until it is answered. */
export async function ask(world: Sandbox, pane: string, text: string): Promise<void> {
  await prompt(world, pane, text);
  await waitUntil(`${pane} has answered "${text}"`, () =>
    world.screen(pane).includes(`● You said: ${text.split('\n')[0]}`),
  );
  await ready(world, pane);
}

/** Presses keys by tmux's names: `1` or `Enter` for the first option of a dialog, `Escape` for the last. */
export function press(world: Sandbox, pane: string, ...keys: string[]): void {
  world.tmux('send-keys', '-t', pane, ...keys);
}

/** Lets a `slow` tool of a conversation end. */
export function letGo(world: Sandbox, conversation: string): void {
  const folder = join(configFolder(world), 'fake-go');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, conversation), '');
}

/** What `sessions/PID.json` of a pane's Claude says. */
export interface Presence {
  readonly pid: number;
  readonly sessionId: string;
  readonly cwd: string;
  readonly procStart: string | null;
  readonly status?: 'idle' | 'busy' | 'waiting' | 'shell';
  readonly waitingFor?: string;
  readonly statusUpdatedAt?: number;
  readonly name?: string;
  readonly tmux?: string;
}

/** null: it has none, or has ended cleanly. */
export function presenceOf(world: Sandbox, pane: string): Presence | null {
  const folder = join(configFolder(world), 'sessions');
  if (!existsSync(folder)) return null;
  for (const name of readdirSync(folder)) {
    if (!/^\d+\.json$/.test(name)) continue;
    const found = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Presence;
    if (found.tmux?.endsWith(`.${pane}`)) return found;
  }
  return null;
}

/** Waits for a status of a pane's Claude, and gives back what its file says then. */
export function waitForStatus(
  world: Sandbox,
  pane: string,
  status: NonNullable<Presence['status']>,
): Promise<Presence> {
  return waitUntil(`the Claude of ${pane} is ${status}`, () => {
    const presence = presenceOf(world, pane);
    if (presence?.status === status) return presence;
    throw new Error(`its file says ${JSON.stringify(presence)}; the screen is:\n${world.screen(pane)}`);
  });
}

/** The lines of a conversation's transcript; null where it has no file, or more than one. */
export function transcriptOf(world: Sandbox, conversation: string): Record<string, unknown>[] | null {
  const projects = join(configFolder(world), 'projects');
  const names = existsSync(projects) ? readdirSync(projects) : [];
  const files = names.map((name) => join(projects, name, `${conversation}.jsonl`)).filter(existsSync);
  if (files.length !== 1) return null;
  return readFileSync(files[0]!, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** `CLAUDE_CONFIG_DIR` of the sandbox, or `~/.claude`. */
export function configFolder(world: Sandbox): string {
  return world.env.CLAUDE_CONFIG_DIR ?? join(world.home, '.claude');
}

function word(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
