import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { waitUntil } from '../support/wait.js';
import { root } from '../support/world.js';
import { cpuOf, pause, residentOf } from './idle.js';
import { ManyWorkspaces } from './many.js';
import type { Row } from './measure.js';

const workspaces = 50;

/** What the dashboard costs while nothing happens, on a terminal of its own, with a daemon. */
export async function dashboardRows(seconds: number): Promise<Row[]> {
  const many = new ManyWorkspaces();
  const { world } = many;
  const socket = join(world.folder, 's', 'outer');
  const outer = (...words: string[]) =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], { env: world.env, encoding: 'utf8' });
  try {
    await many.grow(workspaces);
    const started = await world.cw(['daemon', 'start']);
    if (started.code !== 0) throw new Error(started.stderr);
    try {
      outer('new-session', '-d', '-x', '120', '-y', '40', `exec node ${join(root, 'dist/cw.cjs')} dashboard`);
      await waitUntil('the dashboard shows all', () => {
        const screen = outer('capture-pane', '-p');
        return screen.includes(`${workspaces} open`) && screen.includes('live');
      });
      const pid = Number(outer('display-message', '-p', '#{pane_pid}'));
      // The daemon saves all at its start, and tells of it.
      await pause(15);
      const cpu = await cpuOf([pid], seconds);
      return [
        {
          what: `dashboard at rest, ${workspaces} workspaces, with a daemon`,
          ours: cpu,
          against: `over ${seconds} s; ${residentOf(pid).toFixed(0)} MB resident`,
          theirs: null,
          limit: 1,
          unit: '% of a core',
        },
      ];
    } finally {
      try {
        outer('kill-server');
      } catch {
        // It did not start.
      }
      await world.cw(['daemon', 'stop']);
    }
  } finally {
    await many.dispose();
  }
}
