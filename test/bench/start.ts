import { join } from 'node:path';
import { serverAddress } from '../../src/tmux/address.js';
import { Registry } from '../../src/workspace/registry.js';
import { waitUntil } from '../support/wait.js';
import { makeSandbox, root } from '../support/world.js';
import { ManyWorkspaces } from './many.js';
import { comparison, inTurn, process as program, type Row } from './measure.js';

/** How fast the program starts, opens, hops and lists. */
export async function startRows(runs: number): Promise<Row[]> {
  return [await version(runs), await hop(runs), await open(runs), ...(await list(runs))];
}

async function version(runs: number): Promise<Row> {
  const world = makeSandbox();
  try {
    return comparison(
      'cw --version',
      'node -e 0',
      1.5,
      await inTurn(
        program(join(root, 'bin/cw'), ['--version'], { env: world.env }),
        program('node', ['-e', '0'], { env: world.env }),
        runs,
      ),
    );
  } finally {
    await world.dispose();
  }
}

/** Inside tmux: a real client is attached, by a second server whose pane is its terminal. */
async function hop(runs: number): Promise<Row> {
  const world = makeSandbox();
  const outer = makeSandbox();
  try {
    for (const name of ['one', 'two']) {
      world.file(`projects/${name}/.keep`, '');
      const opened = await world.cw(['up', '--detach', join(world.home, 'projects', name)]);
      if (opened.code !== 0) throw new Error(opened.stderr);
    }
    outer.tmux(
      'new-session',
      '-d',
      '-x',
      '200',
      '-y',
      '50',
      `exec env -u TMUX tmux -u -S ${world.socket} attach -t =claude-dev-one:`,
    );
    await waitUntil('a client is attached', () => world.tmux('list-clients').trim());
    const TMUX = world
      .tmux('display-message', '-p', '-t', '=claude-dev-one:', '#{socket_path},#{pid},#{s/\\$//:session_id}')
      .trim();
    const TMUX_PANE = world.tmux('display-message', '-p', '-t', '=claude-dev-one:', '#{pane_id}').trim();
    const { CW_TMUX_SOCKET: _, ...rest } = world.env;
    const env = { ...rest, TMUX, TMUX_PANE };
    let turn = 0;
    const target = () => (turn++ % 2 ? 'one' : 'two');
    return comparison(
      'hop to a running workspace',
      "sh -c 'tmux has-session && tmux switch-client'",
      2,
      await inTurn(
        () => program(join(root, 'bin/claude-switch'), [target()], { env })(),
        () => {
          const name = `=claude-dev-${target()}:`;
          return program('sh', ['-c', `tmux has-session -t '${name}' && tmux switch-client -t '${name}'`], {
            env,
          })();
        },
        runs * 3,
      ),
    );
  } finally {
    await outer.dispose();
    await world.dispose();
  }
}

/** A workspace of four panes, against a bare Node process that makes one chained tmux call for the same panes. */
async function open(runs: number): Promise<Row> {
  const world = makeSandbox();
  try {
    world.file('projects/shop/README.md', '# shop\n');
    world.tmux('new-session', '-d', '-s', 'keep');
    const path = join(world.home, 'projects/shop');
    const registry = new Registry(serverAddress(world.env), world.env);
    const chain = `require('node:child_process').spawnSync('tmux', ['-u','-S',${JSON.stringify(world.socket)},
      'new-session','-d','-s','bare','-x','200','-y','50','-c',${JSON.stringify(path)},';',
      'split-window','-h','-t','=bare:',';','split-window','-v','-t','=bare:',';','split-window','-v','-t','=bare:',';',
      'select-layout','-t','=bare:','tiled'], {stdio:'inherit'})`;
    const end = (name: string) => {
      try {
        world.tmux('kill-session', '-t', `=${name}`);
      } catch {
        // not there yet
      }
    };
    return comparison(
      'cw up, a new workspace of 4 panes',
      'node with one chained tmux call',
      2.5,
      await inTurn(
        program(join(root, 'bin/cw'), ['up', '--detach', path], { env: { ...world.env, CW_DAEMON: 'off' } }),
        program('node', ['-e', chain], { env: world.env }),
        runs,
        () => {
          end('claude-dev-shop');
          end('bare');
          // Forgotten too: one that is known and not open may have a snapshot to come back from.
          const { records } = registry.readAll();
          for (const { id } of records) registry.remove(id);
        },
      ),
    );
  } finally {
    await world.dispose();
  }
}

async function list(runs: number): Promise<Row[]> {
  const many = new ManyWorkspaces();
  try {
    await many.grow(200);
    const { env } = many.world;
    const list = many.cli('list');
    return [
      comparison(
        'cw list, 200 workspaces',
        'node -e 0',
        3,
        await inTurn(list, program('node', ['-e', '0'], { env }), runs),
      ),
      comparison(
        'cw list, 200 workspaces',
        'tmux list-sessions',
        null,
        await inTurn(list, program('tmux', ['-u', ...many.address.args, 'list-sessions'], { env }), runs),
      ),
    ];
  } finally {
    await many.dispose();
  }
}
