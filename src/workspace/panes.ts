import { join } from 'node:path';
import type { Pane } from '../blueprint/model.js';
import { paneRecord } from '../blueprint/record.js';
import { paneStart } from '../blueprint/start.js';
import { createdFormat, parseCreated, type Word } from '../blueprint/step.js';
import { CwError } from '../errors.js';
import { packageFolder } from '../system/paths.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import { encodeWords } from '../tmux/literal.js';

export interface PaneRequest {
  /** The session, `$3`. */
  readonly workspace: string;
  /** The window, `@5`; the session's active one when not given. */
  readonly window?: string;
  /** Its key is made here when it is not given. */
  readonly pane: Pick<Pane, 'role' | 'title' | 'cwd' | 'run'> & Partial<Pick<Pane, 'key'>>;
  /** What is really started in place of `run`, which stays the declared command. */
  readonly start?: string;
}

/** A key for a pane that is added to a workspace. */
export function newPaneKey(): string {
  return `added-${randomHex(5)}`;
}

/**
 * Opens one more pane in a workspace that is open, without taking the focus.
 *
 * @returns its id, `%7`.
 * @throws CwError `failed` when tmux has no room for it, or the workspace is gone.
 */
export async function addPane(connection: Connection, request: PaneRequest): Promise<string> {
  const { role, title, cwd, run } = request.pane;
  const nonce = randomHex(5);
  const target = request.window ?? `${request.workspace}:`;
  const asked = await connection.batch([
    ['display-message', '-p', '-t', target, '#{window_id} #{default-shell}'],
  ]);
  const [window = '', ...shell] = asked.stdout.toString('utf8').trim().split(' ');
  if (!window.startsWith('@'))
    throw new CwError('failed', `The workspace is not open any more: ${asked.errors.join('; ')}`);
  const pane: Pane = {
    key: request.pane.key ?? newPaneKey(),
    role,
    title,
    cwd,
    run,
    shell: null,
    startCommand: null,
    environment: {},
    options: {},
    historyLimit: null,
    restart: 'never',
  };
  const start = paneStart(null, request.start ?? run, join(packageFolder(), 'shell'), shell.join(' '));
  const split: Word[] = [
    'split-window',
    '-d',
    '-P',
    '-F',
    createdFormat(['pane:new']),
    '-t',
    window,
    '-c',
    { literal: cwd },
  ];
  for (const [name, value] of Object.entries(start.env)) split.push('-e', `${name}=${value}`);
  if (start.words.length > 0) split.push('--', ...start.words);
  const made = await connection.batch(encodeWords([split], new Map(), nonce), { stopOnError: true });
  const id = parseCreated(made.stdout.toString('utf8')).get('pane:new');
  if (!id) {
    throw new CwError('failed', `tmux made no pane: ${made.errors.join('; ') || 'it gave no id'}.`, {
      hint: 'Close a pane of that window, or make the terminal larger.',
    });
  }
  const finish: Word[][] = [
    ['set-option', '-p', '-t', id, '--', '@cw_pane', paneRecord(pane)],
    ['select-pane', '-t', id, '-T', { literal: title }],
    ...(start.typed === null
      ? []
      : [
          ['send-keys', '-t', id, '-l', '--', start.typed],
          ['send-keys', '-t', id, 'Enter'],
        ]),
  ];
  await connection.batch(encodeWords(finish, new Map(), nonce));
  return id;
}
