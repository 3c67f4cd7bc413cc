import fc from 'fast-check';
import { type LayoutCell, leastSize, placed, printLayout, type Size } from '../../src/blueprint/layout.js';
import type { Blueprint, Options, Pane, Variable, Window } from '../../src/blueprint/model.js';

/** Text that breaks what quotes badly, joins with separators, or expands formats. No NUL, which nothing can carry. */
export const hostileTexts = [
  '',
  ' ',
  '-t',
  '--',
  ';',
  'a;',
  'a ; kill-server',
  "it's",
  '"quoted" and `ticks`',
  '$HOME ${HOME} $(touch pwned)',
  '#(touch pwned)',
  '#{session_name} #[fg=red] ## #',
  '{ } [ ] ( ) * ? ~ !',
  'back\\slash \\n \\',
  'two\nlines\n',
  'tab\there',
  '\x01\x1b[31m\x7f',
  'naïve 漢字 😀',
  '%H:%M %%',
  '@cw-created session=$9',
  '🏳️‍🌈 e\u0301',
] as const;

export function hostileText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(...hostileTexts),
    fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
  );
}

// tmux takes no name or title with a character whose width it does not know, and that differs among machines.
const strange = /[^\x20-\x7e\u00c0-\u017f\u03b1-\u03c9\u3041-\u3096\u4e00-\u9fa5😀-😏]/gu;

/** A pane's title: no control characters, nor any that a terminal may not know. */
export function titleText(): fc.Arbitrary<string> {
  return hostileText().map((text) => text.replace(strange, '_'));
}

/** A window's name as tmux shows one: with backslashes and control characters escaped. Never empty. */
export function windowName(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      'code',
      'a\\\\b',
      'tab\\tin it',
      'one\\001',
      'pay \\$me',
      '#(touch pwned)',
      '-n',
      'x;',
      '1',
      '{',
    ),
    titleText().map((text) => text.replace(/[\\$]/g, '') || 'dev'),
  );
}

/** Any layout of a number of panes in a size that they fit into, as tmux would have made it. */
export function arbitraryLayout(size: Size, panes: number): fc.Arbitrary<LayoutCell> {
  // A tape of numbers steers the choices: it shrinks to the plainest layout.
  return fc.array(fc.nat(1_000_000), { minLength: 60, maxLength: 60 }).map((tape) => {
    let at = 0;
    const choose = (least: number, most: number) =>
      least + ((tape[at++ % tape.length] ?? 0) % Math.max(1, most - least + 1));
    const tree = (count: number, kind: 'columns' | 'rows'): LayoutCell => {
      const box = { width: 1, height: 1, x: 0, y: 0 };
      if (count === 1) return { kind: 'pane', ...box, pane: null };
      const parts = Array.from({ length: choose(2, count) }, () => 1);
      for (let left = count - parts.length; left > 0; left -= 1) parts[choose(0, parts.length - 1)]! += 1;
      const other = kind === 'rows' ? 'columns' : 'rows';
      return { kind, ...box, children: parts.map((part) => tree(part, other)) };
    };
    const grow = (cell: LayoutCell, box: Size): LayoutCell => {
      if (cell.kind === 'pane') return { ...cell, ...box };
      const along = cell.kind === 'columns' ? 'width' : 'height';
      const lengths = cell.children.map((child) => leastSize(child)[along]);
      let left = box[along] - lengths.length + 1 - lengths.reduce((sum, each) => sum + each, 0);
      for (let place = 0; place < lengths.length; place += 1) {
        const more = place === lengths.length - 1 ? left : choose(0, left);
        lengths[place]! += more;
        left -= more;
      }
      return {
        ...cell,
        ...box,
        children: cell.children.map((child, place) => grow(child, { ...box, [along]: lengths[place]! })),
      };
    };
    return placed(grow(tree(panes, choose(0, 1) === 0 ? 'columns' : 'rows'), size), 0, 0);
  });
}

const onOff = fc.constantFrom('on', 'off');
const small = fc.integer({ min: 1, max: 500 }).map(String);

/** Some of the options of a table, and some `@user` ones with hostile values. */
function someOptions(table: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<Options> {
  const user = fc.dictionary(fc.stringMatching(/^@user_[a-z]{1,5}$/), hostileText(), {
    maxKeys: 2,
    noNullPrototype: true,
  });
  return fc
    .tuple(fc.record(table, { requiredKeys: [], noNullPrototype: true }), user)
    .map(([own, users]) => ({ ...(own as Options), ...users }));
}

const sessionOptions = someOptions({
  mouse: onOff,
  status: onOff,
  'status-interval': small,
  'display-time': small,
  'set-titles': onOff,
  'visual-bell': fc.constantFrom('on', 'off', 'both'),
  'renumber-windows': onOff,
  'word-separators': hostileText(),
  'history-limit': fc.constantFrom('3000', '4000'),
});

const windowOptions = someOptions({
  'aggressive-resize': onOff,
  'monitor-activity': onOff,
  'mode-keys': fc.constantFrom('vi', 'emacs'),
  'pane-border-status': fc.constantFrom('off', 'top', 'bottom'),
  'pane-border-format': hostileText(),
  'remain-on-exit': fc.constantFrom('on', 'off', 'failed'),
  'synchronize-panes': onOff,
  'main-pane-width': small,
  // Without it tmux names the window after what runs in it, whenever it likes.
}).map((options) => ({ ...options, 'automatic-rename': 'off' }));

const paneOptions = someOptions({
  'allow-rename': onOff,
  'alternate-screen': onOff,
  'remain-on-exit': onOff,
  'window-style': fc.constantFrom('bg=red', 'fg=colour244,bold'),
});

// Not names of the user's `update-environment`, which tmux sets by itself.
const variableName = fc.stringMatching(/^T_[A-Za-z0-9_]{1,8}$/);

const environment: fc.Arbitrary<Variable[]> = fc
  .uniqueArray(
    fc.oneof(
      fc.record({ name: variableName, value: hostileText(), hidden: fc.boolean() }),
      fc.record({ name: variableName, value: fc.constant(null), hidden: fc.constant(false) }),
    ),
    { selector: (variable) => variable.name, maxLength: 4 },
  )
  // An environment has no order; a reading sorts it.
  .map((variables) => variables.sort((a, b) => (a.name < b.name ? -1 : 1)));

function pane(key: string, folders: readonly string[]): fc.Arbitrary<Pane> {
  const program = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .constantFrom('sleep 100000', 'exec sleep 100000', `sleep 100000 # it's; "so" $x #{pane_id} \\`)
        .map((startCommand) => ({ startCommand, run: null, shell: null })),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        startCommand: fc.constant(null),
        run: fc.constantFrom(null, 'sleep 100000'),
        shell: fc.constantFrom(null, '/bin/sh', '/bin/bash'),
      }),
    },
  );
  const rest = fc.record({
    role: fc.constantFrom(null, 'claude', 'editor', 'odd "role"'),
    title: titleText(),
    cwd: fc.constantFrom(...folders),
    environment: fc.dictionary(variableName, hostileText(), { maxKeys: 2, noNullPrototype: true }),
    options: paneOptions,
    // Never what the session has: a reading could not tell whether it is the pane's own.
    historyLimit: fc.constantFrom(null, null, 137, 2500),
    restart: fc.constantFrom('never' as const, 'on-failure' as const, 'always' as const),
  });
  return fc.tuple(program, rest).map(([first, second]) => ({ key, ...first, ...second }));
}

function arbitraryWindow(
  key: string,
  index: number,
  session: Size,
  folders: readonly string[],
): fc.Arbitrary<Window> {
  const size = fc.oneof(
    { weight: 4, arbitrary: fc.constant(session) },
    { weight: 1, arbitrary: arbitrarySize() },
  );
  return fc.tuple(fc.integer({ min: 1, max: 6 }), size).chain(([count, windowSize]) => {
    const keys = Array.from({ length: count }, (_, at) => `${key}.p${at + 1}`);
    const choice = fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.boolean(), fc.boolean());
    return fc
      .record({
        name: windowName(),
        layout: arbitraryLayout(windowSize, count),
        options: windowOptions,
        panes: fc.tuple(...keys.map((each) => pane(each, folders))),
        choice,
      })
      .map(({ name, layout, options, panes, choice: [active, last, none, zoomed] }): Window => {
        // No last pane is only possible where the first one stays the active one.
        const noLast = last === active || (none && active === 0);
        const other = active === 0 ? 1 : 0;
        return {
          key,
          index,
          name,
          layout: printLayout(layout),
          size: { ...windowSize },
          zoomed: zoomed && count > 1,
          activePane: keys[active]!,
          lastPane: noLast ? (active === 0 || count === 1 ? null : keys[other]!) : keys[last]!,
          options,
          panes,
          link: null,
        };
      });
  });
}

export function arbitrarySize(): fc.Arbitrary<Size> {
  return fc.record({ width: fc.integer({ min: 60, max: 240 }), height: fc.integer({ min: 20, max: 70 }) });
}

/**
 * Any blueprint, in the form in which a reading of tmux gives it back: names escaped as tmux shows them, panes in
 * layouts numbered from 0, only states that tmux can be in.
 *
 * @param folders folders that exist, absolute and real, for panes to start in; the first is the project's.
 */
export function arbitraryBlueprint(
  folders: readonly [string, ...string[]],
  { maxWindows = 4 }: { readonly maxWindows?: number } = {},
): fc.Arbitrary<Blueprint> {
  const shape = fc.record({
    size: arbitrarySize(),
    indexes: fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: maxWindows }),
  });
  return shape.chain(({ size, indexes }) => {
    const sorted = indexes.toSorted((a, b) => a - b);
    const windows = sorted.map((index, at) => arbitraryWindow(`w${at + 1}`, index, size, folders));
    return fc
      .record({
        id: fc.stringMatching(/^[0-9a-f]{12}$/),
        name: fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/),
        template: fc.constantFrom(null, 'node', '/odd path/.cw.yaml'),
        options: sessionOptions,
        environment,
        hooks: fc.record(
          { on_attach: hostileText(), before_close: hostileText() },
          { requiredKeys: [], noNullPrototype: true },
        ),
        windows: fc.tuple(...windows),
        active: fc.nat(sorted.length - 1),
        last: fc.nat(sorted.length - 1),
      })
      .map(
        ({ active, last, ...rest }): Blueprint => ({
          ...rest,
          session: `claude-dev-${rest.name}`,
          path: folders[0],
          size: { ...size },
          group: null,
          activeWindow: `w${active + 1}`,
          lastWindow: last === active ? null : `w${last + 1}`,
        }),
      );
  });
}
