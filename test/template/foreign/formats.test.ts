import { describe, expect, it } from 'vitest';
import type { Template } from '../../../src/blueprint/template.js';
import { importForeign } from '../../../src/template/foreign/import.js';
import type { ForeignFacts, ForeignFormat, Imported } from '../../../src/template/foreign/model.js';
import { parseTemplate } from '../../../src/template/parse.js';
import { printTemplate } from '../../../src/template/print.js';

/**
 * smug, tmuxifier and teamocil are in no Debian: what they build is held against what their documentation and sources
 * say. tmuxinator and tmuxp are run themselves in `peers.test.ts`; here is what cannot be seen in a session.
 */

function read(
  text: string,
  format: ForeignFormat | null = null,
  facts: Partial<ForeignFacts> = {},
): Imported {
  const imported = importForeign(text, format, {
    label: 'file.yml',
    name: 'file',
    folder: '/cfg',
    env: { HOME: '/home/dev', WHO: 'bob' },
    baseIndex: 0,
    paneBaseIndex: 0,
    readFile: () => null,
    ...facts,
  });
  expect(parseTemplate(printTemplate(imported.template), 'it')).toEqual(imported.template);
  return imported;
}

const windowsOf = ({ template }: Imported): NonNullable<Template['windows']> => template.windows ?? [];

describe('smug', () => {
  const file = `session: blog
root: ~/Developer/blog
env: {RAILS_ENV: test}
before_start: [docker-compose up -d, make]
stop: [docker-compose stop]
attach_hook: run-shell 'echo hi'
detach_hook: display-message bye
attach: true
sendkeys_timeout: 100
tmux_options: {socket_name: x}
windows:
  - name: code
    root: app
    selected: true
    layout: main-vertical
    commands: ['vim \${file}', 'echo $WHO $$']
    panes:
      - type: horizontal
        root: .
        commands: [git status]
      - {type: vertical}
  - {name: infra, manual: true, root: /srv, before_start: [x], panes: [{commands: [top]}]}
  - {name: plain}
`;

  it('windows, panes, the default layout, hooks, variables', () => {
    const imported = read(file);
    expect(imported).toMatchObject({ format: 'smug', session: 'blog', root: '~/Developer/blog' });
    expect(imported.template).toMatchObject({
      root: '~/Developer/blog',
      vars: { file: 'file' },
      env: { RAILS_ENV: 'test' },
      hooks: {
        before_create: '( docker-compose up -d\n) &&\n( make\n)',
        before_close: '( docker-compose stop\n)',
        on_attach: 'echo hi',
        on_detach: 'tmux display-message bye',
      },
    });
    expect(windowsOf(imported)).toEqual([
      {
        name: 'code',
        root: 'app',
        layout: 'main-vertical',
        focus: true,
        panes: [{ run: 'vim ${file}\necho ${WHO} $' }, { run: 'git status', root: '.' }, { focus: true }],
      },
      {
        name: 'infra',
        manual: true,
        root: '/srv',
        layout: 'even-horizontal',
        panes: [{}, { run: 'top', focus: true }],
      },
      { name: 'plain', layout: 'even-horizontal', panes: [{}] },
    ]);
  });

  it('names what has no counterpart', () => {
    const { warnings } = read(file);
    for (const key of ['sendkeys_timeout', 'tmux_options', 'before_start of window "infra"', 'attach_hook'])
      expect(warnings.join('\n')).toContain(key);
  });
});

describe('teamocil', () => {
  it('windows, panes with one command or several, focus, options', () => {
    const imported = read(
      'name: shop\nwindows:\n- {name: a, root: ~/x, layout: tiled, options: {main-pane-width: 100}, panes: [vim, {commands: [ls, top], focus: true}]}\n- {name: b, panes: [x, y, z]}\n',
    );
    expect(imported).toMatchObject({ format: 'teamocil', session: 'shop', root: null, warnings: [] });
    expect(windowsOf(imported)).toEqual([
      {
        name: 'a',
        root: '~/x',
        layout: 'tiled',
        options: { 'main-pane-width': '100' },
        panes: [{ run: 'vim' }, { run: 'ls; top', focus: true }],
      },
      {
        name: 'b',
        layout: { rows: [1, { rows: [2, 3] }] },
        focus: true,
        panes: [{ run: 'x' }, { run: 'y' }, { run: 'z' }],
      },
    ]);
  });

  it('keys of 0.4', () => {
    const imported = read(
      'session: {name: old, windows: [{name: a, clear: true, filters: {before: nvm use}, splits: [{cmd: [a, b], width: 40}]}]}',
    );
    expect(windowsOf(imported)[0]!.panes).toEqual([{ run: 'nvm use\na; b' }]);
    expect(imported.warnings).toEqual([
      expect.stringContaining('clear of window "a"'),
      expect.stringContaining('width of pane 1'),
    ]);
  });
});

describe('tmuxifier', () => {
  const session = `#!/usr/bin/env bash
session_root "~/Projects/shop"
if initialize_session "shop"; then
  new_window "code"
  split_v 20
  run_cmd "watch -t date" # in the new pane
  split_h 60
  select_pane 0
  run_cmd "vim" 0
  send_keys "rm -r x" 2
  load_window "other"
  touch /tmp/pwned
  export X=$(touch /tmp/pwned)
  select_window 0
fi
finalize_and_go_to_session
`;
  const other =
    'window_root "$HOME/logs"\nnew_window "logs" "tail -f x"\nsplit_hl 30\nbalance_windows_vertical\nsynchronize_on\nload_window other\n';

  it('commands of its documentation are read, and all others are named; nothing is run', () => {
    const imported = read(session, null, {
      label: 'shop.session.sh',
      readFile: (path) => (path === '/cfg/other.window.sh' ? other : null),
    });
    expect(imported).toMatchObject({ format: 'tmuxifier', session: 'shop', root: '~/Projects/shop' });
    expect(windowsOf(imported)).toEqual([
      {
        name: 'code',
        layout: { rows: [{ pane: 1 }, { columns: [{ pane: 2 }, { pane: 3, size: '60%' }], size: '20%' }] },
        focus: true,
        panes: [{ run: 'vim' }, { run: 'watch -t date' }, { typed: 'rm -r x' }],
      },
      {
        name: 'logs',
        layout: 'even-vertical',
        synchronize: true,
        panes: [
          { root: '~/logs', start_command: 'tail -f x' },
          { root: '~/logs', focus: true },
        ],
      },
    ]);
    expect(imported.warnings).toEqual([
      'The window other is not loaded: it loads itself.',
      'Line 12 of shop.session.sh is not carried over: touch /tmp/pwned',
      'Line 13 of shop.session.sh is not carried over: export X=$(touch /tmp/pwned)',
    ]);
  });
});

it('tmuxifier: a pane that is split in the middle has its new one beside it', () => {
  const imported = read(
    'new_window "w"\nsplit_v\nsplit_h 30 0\nrun_cmd "right" 1\nrun_cmd "low" 2\n',
    'tmuxifier',
  );
  expect(windowsOf(imported)[0]).toMatchObject({
    layout: { rows: [{ columns: [{ pane: 1 }, { pane: 2, size: '30%' }] }, { pane: 3 }] },
    panes: [{}, { run: 'right' }, { run: 'low' }],
  });
});

it('tmuxifier: commands typed into a pane that splits later stay with it', () => {
  const imported = read(
    'new_window "w"\nsplit_v\nrun_cmd "low"\nsplit_h 30 0\nrun_cmd "right"\n',
    'tmuxifier',
  );
  expect(windowsOf(imported)[0]!.panes).toEqual([{}, { run: 'right', focus: true }, { run: 'low' }]);
});

it('tmuxinator: lines for a window that is synchronized first go to the panes that are there by then', () => {
  const imported = read('name: a\nwindows: [{w: {synchronize: before, panes: [a, b, c]}}]');
  expect(windowsOf(imported)[0]).toMatchObject({
    synchronize: true,
    panes: [{ run: 'a\nb\nc' }, { run: 'b\nc' }, { run: 'c' }],
  });
});

describe('every key is carried over or named', () => {
  it.each<[string, string, readonly string[]]>([
    [
      'tmuxinator',
      'name: a\nsocket_name: s\nsocket_path: p\non_project_start: a\non_project_restart: b\non_project_exit: c\non_project_stop: d\npost: e\ntmux_options: f\ncli_args: g\ntmux_command: h\nattach: false\nfuture: 1\nrvm: 2\npre_window: z\nwindows: [{w: {layout: nope, panes: [x], future: 1}}]',
      [
        'socket_name',
        'socket_path',
        'on_project_start',
        'on_project_restart',
        'on_project_exit',
        'on_project_stop',
        'tmux_options',
        'cli_args',
        'tmux_command',
        'attach',
        '"future" of the project',
        '"future" of window "w"',
        'The layout of window "w"',
        'pre_window',
      ],
    ],
    [
      'tmuxp',
      'session_name: a\nplugins: [x]\nsuppress_history: false\nfuture: 1\nglobal_options: {a: b}\noptions: {main-pane-height: 3}\nwindows: [{window_name: w, future: 1, suppress_history: true, panes: [{shell_command: [{cmd: a, enter: false}, b], future: 1, suppress_history: true}, {shell: top, shell_command: q}]}]',
      [
        'plugins',
        'suppress_history of the session',
        '"future" of the session',
        'global_options',
        'main-pane-height',
        '"future" of window "w"',
        'suppress_history of window "w"',
        '"future" of pane 1',
        'suppress_history of pane 1',
        'enter: false',
        'typed into "top"',
      ],
    ],
  ])('%s', (format, text, named) => {
    const { warnings } = read(text, format as ForeignFormat);
    for (const key of named) expect(warnings.join('\n')).toContain(key);
  });
});

describe('bad input', () => {
  it.each([
    ['broken YAML', 'windows: [', /file\.yml:1:\d+ {2}broken YAML/],
    ['no map', '- a', /holds no map/],
    ['nothing', '', /holds no map/],
    ['no windows', 'name: a\nwindows: []', /has no windows/],
    ['no known file', 'a: 1', /no file of a manager/],
    ['ERB that runs Ruby', 'name: <%= `id` %>\nwindows: [{a: b}]', /:1 {2}<%= `id` %> is Ruby/],
    ['ERB with a block', 'windows:\n<% 3.times do %>\n- a: b\n<% end %>', /:2 {2}<% 3\.times do %> is Ruby/],
    ['an alias of nothing', 'windows: [{a: *b}]', /no anchor "&b"/],
    ['an anchor that holds itself', 'windows: &a [{w: *a}]', /holds itself|cannot be read/],
    ['a NUL byte', 'windows: [{a: "x\\0"}]', /NUL byte/],
    ['a map as a key', 'windows: [{{a: b}: c}]', /a key is a map/],
    [
      'aliases without end',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((k, i) => `${k}: &${k} [${Array(10).fill(`*${'abcdefghi'[i]}`)}]`)
        .join('\n')}\nwindows: [{a: *i}]`,
      /cannot be read/,
    ],
  ])('%s', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('CRLF, a byte order mark and merge keys are read', () => {
    const imported = read('\ufeffname: a\r\nx: &x {root: /r}\r\nwindows:\r\n- w: {<<: *x, panes: [ls]}\r\n');
    expect(windowsOf(imported)).toEqual([{ name: 'w', root: '/r', layout: 'tiled', panes: [{ run: 'ls' }] }]);
  });

  it('holes of ours in foreign text stay what they were', () => {
    const imported = read("name: a\nwindows:\n- '${project}': echo ${home} ${unknown}");
    expect(windowsOf(imported)[0]).toMatchObject({
      name: '${dollar}{project}',
      panes: [{ run: 'echo ${home-} ${unknown}' }],
    });
    expect(imported.template.vars).toEqual({ dollar: '$' });
  });

  it('a secret of the environment is not written down', () => {
    const { template, warnings } = read('name: a\nroot: /x/<%= ENV["API_KEY"] %>\nwindows: [{a: ls}]', null, {
      env: { API_KEY: 'verysecret' },
    });
    expect(JSON.stringify(template)).not.toContain('verysecret');
    expect(warnings.join()).toContain('API_KEY looks secret');
  });
});
