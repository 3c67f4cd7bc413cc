import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { endServer } from '../../src/tmux/server.js';
import type { ManyWorkspaces } from './many.js';
import { inTurn, median, process as program, type Row } from './measure.js';

/** tmux-resurrect takes a minute for a hundred workspaces: it is run once, and not for more than these. */
const most = 50;

const scripts = process.env.RESURRECT_DIR;

/**
 * Our program against tmux-resurrect, both as a user runs them, text included: a save of all, and, after the end of the
 * server, a restore of all. No rows unless RESURRECT_DIR names its folder. Ends the server that runs.
 */
export async function resurrectRows(many: ManyWorkspaces): Promise<Row[]> {
  const count = many.blueprints.length;
  if (scripts === undefined || count > most) return [];
  const { world } = many;
  const saves = join(world.folder, 'resurrect');
  mkdirSync(saves);
  const script = async (name: string) => {
    world.tmux('set-option', '-g', '@resurrect-dir', saves);
    world.tmux('set-option', '-g', '@resurrect-capture-pane-contents', 'on');
    const server = world.tmux('display-message', '-p', '#{socket_path},#{pid},0').trim();
    const { CW_TMUX_SOCKET: _, ...env } = world.env;
    return program('bash', [join(scripts, 'scripts', name), 'quiet'], { env: { ...env, TMUX: server } });
  };
  const theirSave = await script('save.sh');
  const [ourSaves, theirSaves] = await inTurn(many.cli('save', '--all'), theirSave, 1, nextSecond);
  const restored: [number[], number[]] = [[], []];
  for (const [index, restore] of [
    async () => many.cli('restore', '--all'),
    () => script('restore.sh'),
  ].entries()) {
    await many.end();
    // Theirs runs inside of a server; ours starts one.
    if (index === 1) world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'first', 'sleep', '600');
    const work = await restore();
    const start = performance.now();
    await work();
    restored[index as 0 | 1].push(performance.now() - start);
    const sessions = world.tmux('list-sessions', '-F', '#{session_name}').match(/^claude-dev-/gm);
    if (sessions?.length !== count) throw new Error(`${sessions?.length ?? 0} of ${count} came back`);
  }
  await endServer(many.process);
  const of = `${count} ${count === 1 ? 'workspace' : 'workspaces'}`;
  return [
    {
      what: `cw save --all, ${of}`,
      ours: median(ourSaves.times),
      against: 'tmux-resurrect, save.sh',
      theirs: median(theirSaves.times),
      limit: null,
    },
    {
      what: `cw restore --all, ${of}`,
      ours: median(restored[0]),
      against: 'tmux-resurrect, restore.sh',
      theirs: median(restored[1]),
      limit: null,
    },
  ];
}

/** Their saves are named by the second: a second one in it takes the first one away, and leaves nothing to restore. */
function nextSecond(): Promise<void> {
  return new Promise((done) => setTimeout(done, 1100));
}
