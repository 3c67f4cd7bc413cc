import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type LayoutCell, parseLayout } from '../../../src/blueprint/layout.js';
import { root, type Sandbox, sandbox } from '../../support/sandbox.js';
import { waitUntil } from '../../support/wait.js';

/** Each file is built by the tool that it is for and by cw, in two homes, and the living sessions are compared. */

const files = join(root, 'test/template/foreign/files');

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A home with a project, an alias, and `mark`, which notes its words, its pane and its folder. */
function home(): Sandbox {
  const s = sandbox();
  mkdirSync(join(s.home, 'projects/shop/log'), { recursive: true });
  s.file('bin/mark', '#!/bin/sh\necho "$*|$TMUX_PANE|$PWD" >>"$HOME/ran"\n', 0o755);
  s.file('bin/rbenv', '#!/bin/sh\nexec mark rbenv "$@"\n', 0o755);
  // A login shell, whose system-wide start file sets the PATH anew.
  s.file('.bash_profile', 'PATH=~/bin:$PATH\nalias m=mark\n');
  s.env.PATH = `${join(s.home, 'bin')}:${s.env.PATH}`;
  s.env.WHO = 'bob';
  // Where the default server of this home is: the tools take no other one.
  s.env.TMUX_TMPDIR = s.folder;
  return s;
}

type Ask = (...args: string[]) => string;

/** The server of the tool. It is taken down with the test. */
function defaultServer(s: Sandbox): Ask {
  const ask: Ask = (...args) =>
    execFileSync('tmux', ['-u', ...args], {
      env: s.env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  // tmuxinator asks a server that ends right after its answer, and then starts the next one: one that stays has no gap.
  ask('new-session', '-d', '-s', 'keeper', 'sleep 100000');
  onTestFinished(() => void ask('kill-server'));
  return ask;
}

function cells(cell: LayoutCell): unknown {
  const { width, height, x, y } = cell;
  return [
    `${width}x${height},${x},${y}`,
    ...(cell.kind === 'pane' ? [] : [cell.kind, ...cell.children.map(cells)]),
  ];
}

/** Everything of a session that a user sees, with the home as `~`. */
function picture(s: Sandbox, ask: Ask, options: readonly string[], variables: readonly string[]): unknown {
  const line = (text: string) => text.replaceAll(s.home, '~').trimEnd();
  const session = ask('list-sessions', '-F', '#{?#{==:#{session_name},keeper},,#{session_id}}').trim();
  const at = (index: string) => `${session}:${index}`;
  const marks = readMarks(s);
  const windows = ask(
    'list-windows',
    '-t',
    session,
    '-F',
    '#{window_index}\t#{window_name}\t#{window_active}\t#{automatic-rename}\t#{window_layout}',
  );
  return {
    variables: variables.map((name) => line(quiet(() => ask('show-environment', '-t', session, name)))),
    options: options.map((name) => [name, line(ask('display-message', '-p', '-t', session, `#{${name}}`))]),
    windows: windows
      .trimEnd()
      .split('\n')
      .map((row) => {
        const [index = '', name = '', active, renames, layout = ''] = row.split('\t');
        const panes = ask(
          'list-panes',
          '-t',
          at(index),
          '-F',
          '#{pane_id}\t#{pane_active}\t#{pane_current_path}\t#{pane_current_command}',
        );
        return {
          index,
          // One that tmux names changes with what runs in it.
          name: renames === '1' ? '(by tmux)' : name,
          active,
          cells: cells(parseLayout(layout)),
          options: options.map((option) => [
            option,
            line(ask('display-message', '-p', '-t', at(index), `#{${option}}`)),
          ]),
          panes: panes
            .trimEnd()
            .split('\n')
            .map((pane) => {
              const [id = '', focus, folder = '', command] = pane.split('\t');
              return { focus, folder: line(folder), command, ran: marks.get(id) ?? [] };
            }),
        };
      }),
    hooks: marks.get('') ?? [],
  };
}

/** What `mark` was told, by pane; hooks have none. */
function readMarks(s: Sandbox): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const row of quiet(() => readFileSync(join(s.home, 'ran'), 'utf8')).split('\n')) {
    if (row === '') continue;
    const [words = '', pane = '', folder = ''] = row.split('|');
    found.set(pane, [...(found.get(pane) ?? []), `${words} in ${folder.replace(s.home, '~')}`]);
  }
  return found;
}

function quiet(ask: () => string): string {
  try {
    return ask();
  } catch {
    return '';
  }
}

interface Case {
  readonly size: string;
  readonly start: (s: Sandbox, file: string) => Promise<unknown>;
  readonly options: readonly string[];
  readonly variables: readonly string[];
}

async function compare(file: string, { size, start, options, variables }: Case, ran: number): Promise<void> {
  const theirs = home();
  const ours = home();
  const peer = defaultServer(theirs);
  const copy = (s: Sandbox) =>
    s.file(`cfg/${file.split('/').at(-1)}`, readFileSync(join(files, file), 'utf8'));
  await start(theirs, copy(theirs));
  expect(await ours.cw(['config', 'set', 'size', size])).toMatchObject({ code: 0 });
  const imported = await ours.cw(['template', 'import', copy(ours), '--name', 'peer']);
  expect(imported).toMatchObject({ code: 0, stderr: '' });
  const opened = await ours.cw(['up', join(ours.home, 'projects/shop'), '-t', 'peer', '--detach']);
  expect(opened, opened.stdout + opened.stderr).toMatchObject({ code: 0 });
  // Commands take their time on both sides: first all of them have run.
  await waitUntil(`${ran} commands ran`, () => {
    for (const s of [theirs, ours]) expect([...readMarks(s).values()].flat()).toHaveLength(ran);
    return true;
  });
  const both = () =>
    [ours.tmux, peer].map((ask, at) => picture([ours, theirs][at]!, ask, options, variables));
  await waitUntil(
    'both sessions are settled',
    () => JSON.stringify(both()[0]) === JSON.stringify(both()[1]),
    5_000,
  )
    // What differs is told by the comparison below.
    .catch(() => {});
  const [mine, other] = both();
  expect(mine).toEqual(other);
}

/** How many times `mark` is called in all: a file that is not here is none of the collection. */
const runs: Readonly<Record<string, number>> = {
  'tmuxinator/old.yml': 10,
  'tmuxinator/shop.yml': 17,
  'tmuxinator/synchronized.yml': 26,
  'tmuxp/programs.json': 2,
  'tmuxp/shop.yaml': 22,
};

const names = (folder: string) =>
  readdirSync(join(files, folder)).map(
    (name) => [`${folder}/${name}`, runs[`${folder}/${name}`] ?? -1] as const,
  );

it.skipIf(!has('tmuxinator')).each(names('tmuxinator'))(
  'tmuxinator and cw build the same of %s',
  async (file, ran) => {
    await compare(
      file,
      {
        size: '80x24',
        start: async (s, path) =>
          // Where it is started is where its first pane begins.
          expect(
            await s.run('tmuxinator', ['start', '--attach=false', '-p', path], {
              cwd: join(s.home, 'projects/shop'),
              env: { TMUX: '', EDITOR: 'vi' },
            }),
          ).toMatchObject({ code: 0 }),
        options: ['synchronize-panes'],
        variables: [],
      },
      ran,
    );
  },
);

it.skipIf(!has('tmuxp')).each(names('tmuxp'))('tmuxp and cw build the same of %s', async (file, ran) => {
  await compare(
    file,
    {
      size: '800x600',
      start: async (s, path) =>
        expect(
          await s.run('tmuxp', ['load', '-d', '-y', path], {
            cwd: join(s.home, 'projects/shop'),
            env: { TMUX: '' },
          }),
        ).toMatchObject({ code: 0 }),
      options: ['synchronize-panes', 'status-left', 'status-right', 'main-pane-height'],
      variables: ['EDITOR_OF', 'FOLDER'],
    },
    ran,
  );
});
