import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { defaultPatterns } from '../../src/snapshot/allow-list.js';
import type { Snapshot } from '../../src/snapshot/model.js';
import { restoreAll } from '../../src/snapshot/restore.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { serverEnv } from '../../src/tmux/address.js';
import type { Command, Connection } from '../../src/tmux/connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { endServer } from '../../src/tmux/server.js';
import type { ManyWorkspaces } from './many.js';
import { comparison, inTurn, type Row } from './measure.js';

/**
 * A restore of all that was saved, where no server runs, against the very commands that it sends, as one batch to
 * another server that is started for them. Ends the server that runs.
 */
export async function restoreRows(many: ManyWorkspaces, runs: number): Promise<Row[]> {
  const { address, world } = many;
  const count = many.blueprints.length;
  await many.cli('save', '--all')();
  await many.end();
  const env = world.env;
  const restore = async (connection: Connection) => {
    const snapshots: Snapshot[] = [];
    for (const { id, name } of many.blueprints) {
      const snapshot = await new SnapshotStore(many.registry.folder, id).latest();
      if (!snapshot) throw new Error(`${name} was not saved`);
      snapshots.push(snapshot);
    }
    const results = await restoreAll(connection, many.registry, snapshots, {
      run: true,
      dryRun: false,
      patterns: defaultPatterns,
      paneHistory: true,
      knowsPrograms: true,
      isNewest: true,
      env,
    });
    for (const result of results) {
      if (result instanceof Error) throw result;
      if (!result.created || result.problems.length > 0)
        throw new Error(`${result.name}: ${result.problems.join('; ')}`);
    }
  };
  const batch = await recorded(many.process, restore);
  const other = processConnection(
    { args: ['-S', `${address.socketPath}-other`], socketPath: `${address.socketPath}-other` },
    env,
  );
  const replay = async () => {
    await other.batch([['new-session', '-d', '-s', 'first', '-c', '/', 'sleep', '600']], {
      stopOnError: true,
      env: serverEnv(env),
    });
    const { errors } = await other.batch(batch.commands, { timeout: 120_000 });
    if (errors.length > 0) throw new Error(errors.join('; '));
  };
  const endBoth = async () => {
    await endServer(many.process);
    await endServer(other);
  };
  const rows = await inTurn(
    () => restore(many.process),
    replay,
    runs,
    async () => {
      await endBoth();
      for (const [file, text] of batch.files) {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
    },
  ).finally(endBoth);
  return [
    comparison(
      `restore of ${count} ${count === 1 ? 'workspace' : 'workspaces'}`,
      'a server started, and the same commands as one batch',
      2,
      rows,
    ),
  ];
}

/**
 * What a restore sends to tmux, without what it asks and without the end of the session that keeps a new server; and
 * the texts of panes that its commands name.
 */
async function recorded(
  connection: Connection,
  work: (connection: Connection) => Promise<void>,
): Promise<{ commands: Command[]; files: Map<string, string> }> {
  const commands: Command[] = [];
  const files = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();
  await work({
    ...connection,
    batch: (sent, options) => {
      for (const command of sent) {
        if (/^(show-|list-|display-|kill-session$)/.test(command[0] ?? '')) continue;
        commands.push(command);
        for (const word of command)
          if (word.startsWith('/') && word.endsWith('.txt') && existsSync(word))
            files.set(word, readFileSync(word, 'utf8'));
      }
      // In the order in which they stand in the batch: tmux gives the same ids then.
      const result = last.then(() => connection.batch(sent, options));
      last = result.catch(() => {});
      return result;
    },
  });
  // The session that starts the server is there before the batch, as the one that keeps it.
  return {
    commands: commands.filter((command) => !command.some((word) => /^cw-tmp-[0-9a-f]+-start$/.test(word))),
    files,
  };
}
