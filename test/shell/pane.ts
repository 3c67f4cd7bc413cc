import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { paneStart } from '../../src/blueprint/start.js';
import { findProgram } from '../../src/system/programs.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

export const shells = ['bash', 'zsh', 'fish', 'dash'] as const;
export type Shell = (typeof shells)[number];

/** Its path, or null where it is not installed. */
export const shellPath = (shell: string): string | null => findProgram(shell);

/** Skips the test, with the reason, where a shell is not installed. */
export function needs(skip: TestContext['skip'], ...wanted: readonly string[]): void {
  const missing = wanted.filter((shell) => shellPath(shell) === null);
  skip(missing.length > 0, `not installed: ${missing.join(', ')}`);
}

export interface ShellPane {
  readonly box: Sandbox;
  /** The name of what runs in the foreground. */
  command(): string;
  /** Waits until it is this one. */
  runs(command: string): Promise<unknown>;
  keys(...keys: string[]): void;
  /** Waits until the shell (or the one that took its place) reads lines, then types one. */
  line(text: string, reader?: Shell | 'sh'): Promise<void>;
  /** Waits until the screen holds the text. */
  shows(text: string | RegExp): Promise<unknown>;
  /** What was written to a file in the home folder; '' when there is none. */
  read(file: string): string;
}

/** A pane with a shell and a command, started just as a workspace starts one. */
export function shellPane(
  shell: Shell | 'sh',
  run: string | null,
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): ShellPane {
  const box = sandbox();
  for (const [path, text] of Object.entries(files)) box.file(path, text);
  const start = paneStart(shellPath(shell) ?? shell, run, join(root, 'shell'), '/bin/sh');
  const variables = Object.entries({ ...env, ...start.env }).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ]);
  box.tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-s',
    'x',
    '-x',
    '120',
    '-y',
    '40',
    '-c',
    box.home,
    ...variables,
    ...start.words,
  );
  const command = () => box.tmux('display-message', '-p', '-t', '=x:', '#{pane_current_command}').trim();
  const keys = (...words: string[]) => void box.tmux('send-keys', '-t', '=x:', ...words);
  const runs = (name: string) => waitUntil(`${name} runs in the foreground`, () => command() === name);
  return {
    box,
    command,
    keys,
    runs,
    async line(text, reader = shell) {
      await runs(reader);
      // dash reads with the tty's own line editing; the others turn that off exactly when they read.
      const tty = box.tmux('display-message', '-p', '-t', '=x:', '#{pane_tty}').trim();
      if (reader !== 'dash' && reader !== 'sh') await waitUntil(`${reader} reads a line`, () => isRaw(tty));
      keys('-l', '--', text);
      keys('Enter');
    },
    shows: (text) =>
      waitUntil(`the screen shows ${text}`, () => {
        const screen = box.screen('=x:');
        return (
          (typeof text === 'string' ? screen.includes(text) : text.test(screen)) ||
          Promise.reject(new Error(screen))
        );
      }),
    read(file) {
      const path = join(box.home, file);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    },
  };
}

function isRaw(tty: string): boolean {
  const file = openSync(tty, 'r');
  try {
    return execFileSync('stty', ['-a'], { stdio: [file, 'pipe', 'ignore'], encoding: 'utf8' }).includes(
      '-icanon',
    );
  } finally {
    closeSync(file);
  }
}
