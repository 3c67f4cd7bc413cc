import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PaneRecord } from '../blueprint/record.js';
import { beginWords, paneStart } from '../blueprint/start.js';
import type { Word } from '../blueprint/step.js';
import { hookVim, withoutVimHook } from '../blueprint/vim-hook.js';
import { CwError } from '../errors.js';
import { ensurePrivateFolder, isFolder } from '../system/files.js';
import { packageFolder } from '../system/paths.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import { encodeWords } from '../tmux/literal.js';
import type { Registry } from './registry.js';

export interface StartAgain {
  /** The workspace's id. */
  readonly workspace: string;
  /** `%5` */
  readonly pane: string;
  readonly record: PaneRecord;
  readonly defaultShell: string;
  readonly paneHistory: boolean;
  /** A line that is shown in the pane, below what it shows now. */
  readonly note: string;
}

/**
 * Starts the declared command of a pane again, as it was started first: in a new shell in the place of the one that
 * waits at its prompt. What the pane shows stays on its screen.
 *
 * @throws CwError `failed` when tmux cannot: the pane is gone.
 */
export async function startAgain(
  connection: Connection,
  registry: Registry,
  request: StartAgain,
): Promise<void> {
  const { pane, record, workspace, note } = request;
  const shellFolder = join(packageFolder(), 'shell');
  const run = record.run === null ? null : (hookVim(record.run) ?? record.run);
  const start = paneStart(record.shell ?? request.defaultShell, run, shellFolder, request.defaultShell);
  const seen = await connection.batch([['capture-pane', '-p', '-e', '-t', pane]], { stopOnError: true });
  if (seen.errors.length > 0) throw gone(pane, seen.errors);
  const texts = join(registry.workspaceFolder(workspace), 'texts');
  ensurePrivateFolder(texts);
  const textFile = join(texts, `${randomHex(6)}.txt`);
  const text = seen.stdout.toString('utf8').trimEnd();
  writeFileSync(textFile, `${text}\x1b[0m\n${note}\n`, { mode: 0o600, flag: 'wx' });
  const env: Record<string, string> = {
    ...record.env,
    ...start.env,
    ...(request.paneHistory && { CW_HISTFILE: registry.historyFile(workspace, record.key) }),
    ...(start.env.CW_RUN !== undefined && { CW_ENDED: registry.endingFile(workspace, record.key) }),
    ...(record.run !== null && run !== record.run && { CW_LINE: record.run }),
    ...(await registry.editorEnv(workspace, record.key, [run])),
  };
  const respawn: Word[] = ['respawn-pane', '-k', '-t', pane];
  if (isFolder(record.cwd)) respawn.push('-c', { literal: record.cwd });
  for (const [name, value] of Object.entries(env)) respawn.push('-e', `${name}=${value}`);
  respawn.push('--', ...beginWords(shellFolder, { textFile }), ...start.words);
  const commands: Word[][] = [respawn];
  if (start.typed !== null) {
    commands.push(
      ['send-keys', '-t', pane, '-l', '--', withoutVimHook(start.typed)],
      ['send-keys', '-t', pane, 'Enter'],
    );
  }
  const done = await connection.batch(encodeWords(commands, new Map(), randomHex(5)), { stopOnError: true });
  if (done.errors.length === 0) return;
  rmSync(textFile, { force: true });
  throw gone(pane, done.errors);
}

function gone(pane: string, errors: readonly string[]): CwError {
  return new CwError('failed', `The program of pane ${pane} was not started again: ${errors.join('; ')}.`);
}
