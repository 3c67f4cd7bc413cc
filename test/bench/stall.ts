import { Worker } from 'node:worker_threads';
import { Saver } from '../../src/snapshot/save.js';
import { controlConnection } from '../../src/tmux/control-connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { newWorkspaceId, Registry } from '../../src/workspace/registry.js';
import { waitUntil } from '../support/wait.js';
import { makeSandbox } from '../support/world.js';
import type { Row } from './measure.js';

const held = 50_000;

/**
 * How long another client waits while a pane with very many coloured lines, which prints on and on, is saved again
 * and again. The client is in a thread of its own, so that it waits for tmux and not for us.
 */
export async function stallRows(saves: number): Promise<Row[]> {
  const world = makeSandbox();
  const address = { args: ['-S', world.socket], socketPath: world.socket };
  try {
    const words = Array.from({ length: 8 }, (_, word) => `\\033[3${word % 8}mcolour${word}`).join(' ');
    const print = (lines: string) =>
      `awk 'BEGIN { for (i = 0; ${lines}; i++) printf "%d ${words}\\033[0m\\n", i }'`;
    // Full first, and then as fast as a chatty build: a thousand lines a second.
    const flood = `${print(`i < ${held + 100}`)}; while :; do ${print('i < 50')}; sleep 0.05; done`;
    world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'cw-keeper', 'cat');
    world.tmux('set-option', '-g', 'history-limit', String(held));
    world.tmux('new-session', '-d', '-s', 'claude-dev-flood', '-x', '200', '-y', '50', 'sh', '-c', flood);
    world.tmux('set-option', '-t', '=claude-dev-flood:', '@cw_id', newWorkspaceId());
    const size = () =>
      Number(world.tmux('display-message', '-p', '-t', '=claude-dev-flood:', '#{history_size}'));
    await waitUntil('the pane is full', () => size() > held * 0.9, 60_000);
    const control = await controlConnection(address, world.env, { target: '=cw-keeper:' });
    const registry = new Registry(processConnection(address, world.env).address, world.env);
    const saver = new Saver(control, registry, { scrollbackLines: held, paneHistory: true });
    const quiet = await longestWait(world.socket, async () => {
      for (let save = 0; save < saves; save++) await new Promise((done) => setTimeout(done, 100));
    });
    const busy = await longestWait(world.socket, async () => {
      for (let save = 0; save < saves; save++) {
        const [saved] = await saver.save({ reason: 'output' });
        if (!saved || saved.failure !== null) throw new Error(`not saved: ${saved?.failure}`);
      }
    });
    await control.close();
    return [
      {
        what: `longest wait of another client during ${saves} saves of a pane with ${held} coloured lines that floods`,
        ours: busy,
        against: `${quiet.toFixed(1)} ms without saves`,
        theirs: null,
        limit: 50,
      },
    ];
  } finally {
    await world.dispose();
  }
}

/** Asks tmux without a pause, over a control client of its own, while `work` goes on: the longest wait, in milliseconds. */
async function longestWait(socket: string, work: () => Promise<void>): Promise<number> {
  const worker = new Worker(asking, { eval: true, workerData: socket });
  const told = () =>
    new Promise<number>((done, failed) => worker.once('message', done).once('error', failed));
  await told();
  await work();
  const longest = told();
  worker.postMessage('enough');
  const result = await longest;
  await worker.terminate();
  return result;
}

const asking = `
const { spawn } = require('node:child_process');
const { parentPort, workerData } = require('node:worker_threads');
const client = spawn('tmux', ['-u', '-N', '-S', workerData, '-C', 'attach', '-f', 'no-output,ignore-size', '-t', '=cw-keeper:']);
let longest = 0, asked = 0, begun = false;
const ask = () => { asked = performance.now(); client.stdin.write('display-message -p here\\n'); };
client.stdout.on('data', (data) => {
  const text = String(data);
  if (!begun && text.includes('%session-changed')) { begun = true; ask(); parentPort.postMessage(0); return; }
  if (!begun || !/^%end/m.test(text)) return;
  longest = Math.max(longest, performance.now() - asked);
  setTimeout(ask, 1);
});
parentPort.once('message', () => {
  parentPort.postMessage(longest);
  client.stdin.write('\\n');
});
`;
