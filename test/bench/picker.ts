import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../support/wait.js';
import { makeSandbox, root } from '../support/world.js';
import { ManyWorkspaces } from './many.js';
import { median, type Row } from './measure.js';

const workspaces = 200;
const folders = 5000;

/**
 * From Enter to the first whole frame of the picker, on a terminal of its own: a pane of another tmux server, which is
 * asked for what it shows until it shows that, so that the time of the asking is in it.
 */
export async function pickerRows(runs: number): Promise<Row[]> {
  const many = new ManyWorkspaces();
  const outer = makeSandbox();
  try {
    await many.grow(workspaces);
    const { world } = many;
    for (let at = 0; at < folders; at++) mkdirSync(join(world.home, 'projects', `folder-${at}`));
    const began = join(world.folder, 'began');
    const environment = { ...world.env, CW_DAEMON: 'off', PS1: '$ ', PATH: `${root}/bin:${world.env.PATH}` };
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    outer.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40', 'env', '-i', ...words, 'sh');
    outer.tmux('set-option', '-g', 'escape-time', '0');
    const times: number[] = [];
    const whole: number[] = [];
    for (let run = -1; run < runs; run++) {
      await waitUntil('the shell waits', () => /\$ *$/.test(outer.screen(':').trimEnd()));
      outer.tmux('send-keys', '-l', `clear; date +%s%N > ${began}; claude-switch`);
      outer.tmux('send-keys', 'Enter');
      const shown = await seen(() => outer.screen(':'), 'Enter open');
      const all = await seen(() => outer.screen(':'), String(workspaces + folders));
      const start = Number(readFileSync(began, 'utf8')) / 1e6;
      if (run >= 0) {
        times.push(shown - start);
        whole.push(all - start);
      }
      outer.tmux('send-keys', 'Escape');
    }
    return [
      {
        what: `picker, ${workspaces} workspaces and ${folders} folders: first frame`,
        ours: median(times),
        against: `from Enter until the terminal shows it; ${times.length} runs, the longest ${Math.max(...times).toFixed(0)} ms`,
        theirs: null,
        limit: 150,
      },
      {
        what: 'the same: all folders are in it',
        ours: median(whole),
        against: `the longest ${Math.max(...whole).toFixed(0)} ms`,
        theirs: null,
        limit: null,
      },
    ];
  } finally {
    await outer.dispose();
    await many.dispose();
  }
}

/** Milliseconds since 1970 when it was on the screen. */
async function seen(screen: () => string, what: string): Promise<number> {
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    const text = screen();
    const now = performance.timeOrigin + performance.now();
    if (text.includes(what)) return now;
  }
  throw new Error(`the picker never came:\n${screen()}`);
}
