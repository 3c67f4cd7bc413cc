import { appendFileSync, readFileSync } from 'node:fs';
import { runDaemon } from '../../../src/daemon/main.js';
import { serverAddress } from '../../../src/tmux/address.js';
import { isNoServer } from '../../../src/tmux/server.js';

/**
 * A daemon with a work of its own that notes each call in a file. Bundled and run as a process by the tests.
 *
 * FAKE_RESTORE: `hang`. FAKE_NOTES: the file. FAKE_MODE: a file whose text is read at each save: `throw`, `hang`, `crash`, or nothing.
 */
const notes = process.env.FAKE_NOTES!;
const note = (value: unknown) => appendFileSync(notes, `${JSON.stringify(value)}\n`);
const mode = () => {
  try {
    return readFileSync(process.env.FAKE_MODE ?? '/nonexistent', 'utf8').trim();
  } catch {
    return '';
  }
};

runDaemon({
  address: serverAddress(process.env),
  env: process.env,
  schedules: () => ({}),
  lastSaveLimit: 1000,
  work: ({ connection }) => ({
    async save(request) {
      const how = mode();
      note({ save: request, how });
      if (how === 'throw') throw new Error('the disk is full');
      if (how === 'crash')
        setImmediate(() => {
          throw new Error('a mistake of ours');
        });
      if (how === 'hang') await new Promise(() => {});
      try {
        const { stdout } = await connection.batch([
          [
            'list-panes',
            '-a',
            '-f',
            '#{!=:#{session_name},cw-keeper}',
            '-F',
            '#{session_name} #{pane_id} #{pane_current_path}',
          ],
        ]);
        const panes = stdout.toString().trim().split('\n').filter(Boolean);
        note({ panes });
        return {
          workspaces: new Set(panes.map((pane) => pane.split(' ')[0])).size,
          saved: [{ workspace: 'w1', id: '1' }],
          failed: [],
          folders: [],
        };
      } catch (error) {
        if (!isNoServer(error)) throw error;
        return { workspaces: 0, saved: [], failed: [], folders: [] };
      }
    },
    async prune() {},
    async verify() {},
    async restoreAfterBoot() {
      note('restoreAfterBoot');
      if (process.env.FAKE_RESTORE === 'hang') await new Promise(() => {});
    },
    async serverDied() {
      note('serverDied');
    },
    async reload(changed) {
      note({ reload: changed });
    },
  }),
}).then(
  (code) => process.exit(code),
  (error: { message?: string; kind?: string }) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(error.kind === 'refused' ? 4 : 1);
  },
);
