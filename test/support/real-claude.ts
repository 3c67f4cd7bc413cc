import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configFolder } from './claude.js';
import type { MessagesApi } from './messages-api.js';
import type { Sandbox } from './sandbox.js';
import { waitUntil } from './wait.js';

/** The real Claude Code, where `CW_TEST_CLAUDE` names one; else null, and its tests are skipped. */
export const realClaude = process.env.CW_TEST_CLAUDE || null;

/** Why they are skipped, for the name of a test. */
export const realClaudeNeeds = realClaude
  ? `(${realClaude})`
  : '(SKIPPED: set CW_TEST_CLAUDE to a claude binary to run it)';

const key = 'sk-ant-api03-no-key-of-anybody-0123456789abcdef';

/**
 * Puts the real Claude Code on the PATH of a sandbox, set up so that it asks for nothing at its start, and speaks with
 * nobody but `api`.
 *
 * @param trusted folders that it does not ask about.
 */
export function installRealClaude(world: Sandbox, api: MessagesApi, trusted: readonly string[]): void {
  if (realClaude === null || !existsSync(realClaude)) throw new Error(`CW_TEST_CLAUDE: no ${realClaude}`);
  const folder = join(world.folder, 'bin');
  mkdirSync(join(folder, 'real'), { recursive: true });
  // The kernel takes a process's name from the path that it is started by.
  symlinkSync(realpathSync(realClaude), join(folder, 'real', 'claude'));
  const variables = {
    ANTHROPIC_BASE_URL: api.url,
    ANTHROPIC_API_KEY: key,
    // It would update itself, for the whole machine.
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // Whatever else it wants to reach it does not.
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '127.0.0.1',
    // Root may do more in it than it likes.
    IS_SANDBOX: '1',
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`);
  const text = `#!/bin/sh\n${lines.join('\n')}\nexec '${join(folder, 'real', 'claude')}' "$@"\n`;
  writeFileSync(join(folder, 'claude'), text, { mode: 0o755 });
  if (!world.env.PATH?.startsWith(`${folder}:`)) world.env.PATH = `${folder}:${world.env.PATH}`;
  const config = world.env.CLAUDE_CONFIG_DIR
    ? join(configFolder(world), '.claude.json')
    : join(world.home, '.claude.json');
  mkdirSync(configFolder(world), { recursive: true });
  const known = existsSync(config) ? JSON.parse(readFileSync(config, 'utf8')) : {};
  const accepted = {
    hasTrustDialogAccepted: true,
    hasCompletedProjectOnboarding: true,
    projectOnboardingSeenCount: 4,
    allowedTools: [],
  };
  writeFileSync(
    config,
    JSON.stringify({
      ...known,
      numStartups: 10,
      theme: 'dark',
      hasCompletedOnboarding: true,
      lastOnboardingVersion: '9.9.9',
      autoUpdates: false,
      customApiKeyResponses: { approved: [key.slice(-20)], rejected: [] },
      projects: { ...known.projects, ...Object.fromEntries(trusted.map((path) => [path, accepted])) },
    }),
  );
}

/** The sign of its composer, with the space that no dialog has. */
const composer = /^[│|\s]*❯\u00a0/m;

/** Waits until its composer is there, and it does nothing. */
export async function realReady(world: Sandbox, pane: string): Promise<void> {
  await waitUntil(`the composer of ${pane} is there`, () => {
    const screen = world.screen(pane);
    if (composer.test(screen) && !/esc to interrupt/i.test(screen)) return true;
    throw new Error(`the screen is:\n${screen.trimEnd()}`);
  });
}
