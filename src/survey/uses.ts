import { type ProcessUse, readProcesses, useOf } from '../system/processes.js';
import type { Connection } from '../tmux/connection.js';
import { readServer } from '../tmux/reading.js';
import { panesOf } from './panes.js';

/**
 * What the processes of each workspace use, by its id, with one batch of tmux and one reading of the processes.
 *
 * @throws CwError `tmux-unusable`; `isNoServer` tells the case that no server runs. The system's error where processes
 *   cannot be read.
 */
export async function readUses(connection: Connection): Promise<Map<string, ProcessUse>> {
  const reading = await readServer(connection);
  const processes = readProcesses();
  const facts = panesOf(reading, processes, new Map(), () => null);
  const windows = new Map(reading.windows.map((window) => [`${window.session} ${window.id}`, window]));
  const pids = new Map<string, number[]>();
  for (const { id, workspace } of reading.sessions) {
    if (workspace === null) continue;
    const own = reading.panes.filter((pane) => !pane.dead && windows.has(`${id} ${pane.window}`));
    pids.set(
      workspace,
      own.map(({ pid }) => pid),
    );
  }
  return new Map([...pids].map(([id, all]) => [id, useOf(facts.processesOf(all), processes)]));
}
