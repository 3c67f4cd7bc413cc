import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ServerFacts } from '../../src/blueprint/facts.js';
import type { Blueprint } from '../../src/blueprint/model.js';
import { describePlan, plan } from '../../src/blueprint/plan.js';
import type { Plan, Step, Word } from '../../src/blueprint/step.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';
import { blueprintOf, serverFacts } from './examples.js';

const sleep = { startCommand: 'sleep 9' };

function planned(blueprint: Blueprint, facts: Partial<ServerFacts> = {}): Plan {
  return plan(blueprint, serverFacts(facts));
}

function text(word: Word): string {
  if (typeof word === 'string') return word;
  return 'ref' in word ? `<${word.ref}>` : `{${word.literal}}`;
}

/** Commands as lines, without what each prints. */
function lines(steps: readonly Step[]): string[] {
  return steps.map((step) =>
    step.command
      .map(text)
      .join(' ')
      .replace(/ -P -F @cw-created\S*( \S+=#\{\w+\})*/, ''),
  );
}

function verbs(steps: readonly Step[]): string[] {
  return steps.map((step) => text(step.command[0]!));
}

describe('creating', () => {
  test('goes session, environment, options, windows with their panes, the active window, no placeholder', () => {
    const blueprint = blueprintOf(
      [
        { index: 1, panes: [sleep, { cwd: '/srv', environment: { A: 'b;' }, startCommand: 'tail -f x' }] },
        { index: 4, name: '#(x)' },
      ],
      {
        environment: [
          { name: 'ONE', value: '-1', hidden: false },
          { name: 'TWO', value: null, hidden: false },
          { name: 'THREE', value: '3', hidden: true },
        ],
        options: { 'default-command': 'x', mouse: 'on' },
        activeWindow: 'w2',
        lastWindow: 'w1',
      },
    );
    expect(lines(planned(blueprint, { baseIndex: 1 }).create)).toEqual([
      'new-session -d -s cw-tmp-x1 -x 120 -y 40 -c {/tmp} -n placeholder sleep 2147483',
      'set-option -t =cw-tmp-x1: renumber-windows off',
      'move-window -s =cw-tmp-x1: -t =cw-tmp-x1:6',
      'set-environment -t =cw-tmp-x1: -- ONE -1',
      'set-environment -t =cw-tmp-x1: -r -- TWO',
      'set-environment -t =cw-tmp-x1: -h -- THREE 3',
      'set-option -t =cw-tmp-x1: -- default-command x',
      'new-window -d -t =cw-tmp-x1:2 -c {/tmp} -- sleep 9',
      'split-window -d -v -t =cw-tmp-x1:2.{bottom-right} -c {/srv} -e A=b; -- tail -f x',
      'new-window -d -t =cw-tmp-x1:5 -c {/tmp}',
      'select-window -t =cw-tmp-x1:2',
      'select-window -t =cw-tmp-x1:5',
      'kill-window -t =cw-tmp-x1:6',
    ]);
  });

  test('prints the id of everything it makes, once', () => {
    const { create } = planned(blueprintOf([{ panes: [sleep, sleep] }, {}]));
    expect(create.flatMap((step) => step.creates)).toEqual([
      'session',
      'window:w1',
      'pane:w1.p1',
      'pane:w1.p2',
      'window:w2',
      'pane:w2.p1',
    ]);
    for (const step of create.filter(({ creates }) => creates.length > 0)) {
      const format = step.command[step.command.indexOf('-F') + 1];
      for (const ref of step.creates) expect(format).toContain(`${ref}=#{`);
    }
  });

  test('sets the length of scrollback before each pane that wants another', () => {
    const history = (blueprint: Blueprint) =>
      lines(planned(blueprint).create)
        .filter((line) => /history-limit|^(new-window|split)/.test(line))
        .map((line) => line.replace(/ -t =cw-tmp-x1\S*/, '').replace(/ -c .*/, ''));
    const panes = [{}, { historyLimit: 9 }, { historyLimit: 9 }, {}];
    expect(history(blueprintOf([{ panes }]))).toEqual([
      'new-window -d',
      'set-option -- history-limit 9',
      'split-window -d -v',
      'split-window -d -v',
      'set-option -u history-limit',
      'split-window -d -v',
    ]);
    expect(
      history(blueprintOf([{ panes: [{}, { historyLimit: 2000 }] }], { options: { 'history-limit': '5' } })),
    ).toEqual([
      'set-option -- history-limit 5',
      'new-window -d',
      'set-option -- history-limit 2000',
      'split-window -d -v',
      'set-option -- history-limit 5',
    ]);
  });

  test('tiles a window, or makes it larger, before a pane has no room', () => {
    const splits = (panes: number, width: number, height: number) =>
      lines(
        planned(
          blueprintOf([{ panes: Array.from({ length: panes }, () => sleep) }], { size: { width, height } }),
        ).create,
      )
        .filter((line) => /^(split|select-layout|resize)/.test(line))
        .map((line) => line.replace(/ -t =\S+/, '').replace(/ -c .*/, ''));
    expect(splits(4, 120, 40)).toEqual(['split-window -d -v', 'split-window -d -v', 'split-window -d -v']);
    expect(splits(4, 80, 3)).toEqual(['split-window -d -h', 'split-window -d -h', 'split-window -d -h']);
    expect(splits(12, 80, 24).filter((line) => line.endsWith('tiled'))).toHaveLength(1);
    expect(splits(3, 2, 2)[0]).toBe('resize-window -x 30 -y 30');
  });

  test('keeps a pane whose program ends at once, where it is to be kept', () => {
    const kept = { 'remain-on-exit': 'on' };
    const blueprint = blueprintOf([{ options: kept, panes: [sleep, { ...sleep, options: kept }] }]);
    expect(lines(planned(blueprint).create).filter((line) => line.includes('remain'))).toEqual([
      'set-option -w -t =cw-tmp-x1:0 -- remain-on-exit on',
      'set-option -p -t =cw-tmp-x1:0.{bottom-right} -- remain-on-exit on',
    ]);
  });

  test('can leave the variables of its own terminal out', () => {
    expect(lines(planned(blueprintOf([{}]), { updateEnvironment: false }).create)[0]).toContain(
      'new-session -d -E ',
    );
  });
});

describe('finishing', () => {
  test('goes by ids, names first, layout after options, zoom after the choice of panes, the session name last', () => {
    const blueprint = blueprintOf(
      [
        {
          name: 'a\\tb',
          zoomed: true,
          activePane: 'w1.p3',
          lastPane: 'w1.p2',
          options: { 'synchronize-panes': 'on', 'main-pane-width': '9', '@cw_window': 'no', '@mine': '-x' },
          panes: [{ title: '#(x)', options: { '@p': 'y' } }, sleep, sleep],
        },
      ],
      {
        options: { mouse: 'on', '@cw_id': 'no' },
        hooks: { on_attach: 'x' },
        template: 'node',
        session: 'a.b:c',
      },
    );
    expect(
      lines(planned(blueprint).finish).map((line) => line.replace(/(@cw_(pane|window)) .*/, '$1')),
    ).toEqual([
      'rename-window -t <window:w1> -- {a\tb}',
      'set-option -w -u -t <window:w1> automatic-rename',
      'set-option -w -t <window:w1> -- main-pane-width 9',
      'set-option -w -t <window:w1> -- @mine -x',
      'set-option -p -t <pane:w1.p1> -- @cw_pane',
      'set-option -p -t <pane:w1.p1> -- @p y',
      'select-pane -t <pane:w1.p1> -T {#(x)}',
      'set-option -p -t <pane:w1.p2> -- @cw_pane',
      'select-pane -t <pane:w1.p2> -T {}',
      'set-option -p -t <pane:w1.p3> -- @cw_pane',
      'select-pane -t <pane:w1.p3> -T {}',
      'select-layout -t <window:w1> tiled',
      'set-option -w -t <window:w1> -- @cw_window',
      'select-pane -t <pane:w1.p2>',
      'select-pane -t <pane:w1.p3>',
      'resize-pane -Z -t <pane:w1.p3>',
      'set-option -w -t <window:w1> -- synchronize-panes on',
      'set-option -t <session> -- mouse on',
      'set-option -u -t <session> renumber-windows',
      'set-option -t <session> -- @cw_id abc123',
      'set-option -t <session> -- @cw_name shop',
      'set-option -t <session> -- @cw_path /tmp',
      'set-option -t <session> -- @cw_template node',
      'set-option -t <session> -- @cw_hook_on_attach x',
      'rename-session -t <session> -- {a_b_c}',
    ]);
  });

  test('a window gets its size where a layout string does not bring it, and is not left with a fixed one', () => {
    const sizes = (blueprint: Blueprint) =>
      lines([...planned(blueprint).create, ...planned(blueprint).finish]).filter((line) =>
        /resize-window|window-size/.test(line),
      );
    const size = { width: 90, height: 9 };
    const unset = 'set-option -w -u -t <window:w1> window-size';
    const resize = 'resize-window -t <window:w1> -x 90 -y 9';
    const layout = '00de,90x9,0,0,0';
    expect(sizes(blueprintOf([{}]))).toEqual([]);
    expect(sizes(blueprintOf([{ size }]))).toEqual([resize, unset]);
    expect(sizes(blueprintOf([{ size, layout }]))).toEqual([]);
    const manual = { 'window-size': 'manual' };
    expect(sizes(blueprintOf([{ size, layout, options: manual }]))).toEqual([
      resize,
      'set-option -w -t <window:w1> -- window-size manual',
    ]);
    // New windows have the size of the session, whatever is meant for them.
    const panes = [sleep, sleep, sleep];
    expect(sizes(blueprintOf([{ size, panes }], { size: { width: 2, height: 2 } }))).toEqual([
      'resize-window -t =cw-tmp-x1:0 -x 30 -y 30',
      resize,
      unset,
    ]);
  });

  test('panes are only chosen where they are not by themselves, and one alone is not zoomed', () => {
    const chosen = (window: Parameters<typeof blueprintOf>[0][0]) =>
      lines(planned(blueprintOf([{ panes: [sleep, sleep, sleep], ...window }])).finish).filter((line) =>
        /^(select-pane -t \S+|resize-pane .*)$/.test(line),
      );
    expect(chosen({})).toEqual([]);
    expect(chosen({ activePane: 'w1.p2', lastPane: 'w1.p1' })).toEqual(['select-pane -t <pane:w1.p2>']);
    expect(chosen({ activePane: 'w1.p1', lastPane: 'w1.p3' })).toEqual([
      'select-pane -t <pane:w1.p3>',
      'select-pane -t <pane:w1.p1>',
    ]);
    expect(chosen({ panes: [sleep], zoomed: true })).toEqual([]);
  });

  test('foreign text stands in no place that tmux expands', () => {
    fc.assert(
      fc.property(arbitraryBlueprint(['/tmp', '/tmp/#(x)']), (blueprint) => {
        const made = planned(blueprint);
        for (const { command } of [...made.create, ...made.finish]) {
          const verb = text(command[0]!);
          const end = command.includes('--') ? command.indexOf('--') : command.length;
          const flags = /^(new|split)-/.test(verb)
            ? ['-c', '-n', '-s']
            : verb === 'select-pane'
              ? ['-T']
              : [];
          for (const [at, word] of command.slice(0, end).entries()) {
            if (!flags.includes(text(command[at - 1] ?? '')) || typeof word !== 'string') continue;
            expect(word).toMatch(/^(cw-tmp-x1|placeholder)$/);
          }
          if (verb.startsWith('rename-')) expect(command.at(-1)).toHaveProperty('literal');
        }
        for (const { command } of made.create.slice(1)) {
          expect(command[command.indexOf('-t') + 1]).toMatch(/^=cw-tmp-x1:/);
        }
        expect(text(made.finish.at(-1)!.command[0]!)).toBe('rename-session');
        expect(made.problems).toEqual([]);
      }),
    );
  });

  test('a typed command comes before its window is synchronized', () => {
    const pane = { shell: '/bin/nu', run: '-x; y' };
    const made = planned(
      blueprintOf([{ options: { 'synchronize-panes': 'on' }, panes: [pane, { ...pane, run: 'a\nb' }] }]),
    );
    expect(lines(made.finish).filter((line) => /send-keys|synchronize/.test(line))).toEqual([
      'send-keys -l -t <pane:w1.p1> -- -x; y',
      'send-keys -t <pane:w1.p1> Enter',
      'set-option -w -t <window:w1> -- synchronize-panes on',
    ]);
    expect(made.problems).toEqual([
      { subject: 'pane:w1.p2', message: expect.stringContaining('control characters') },
    ]);
  });
});

describe('what cannot be had', () => {
  test('a folder that is gone: the nearest parent, and a problem', () => {
    const made = planned(blueprintOf([{ panes: [{ cwd: '/srv/a/b' }] }], { path: '/gone' }), {
      folderExists: (path) => path === '/srv',
    });
    expect(lines(made.create)[0]).toContain('-c {/} ');
    expect(lines(made.create)).toContainEqual(
      expect.stringContaining('new-window -d -t =cw-tmp-x1:0 -c {/srv}'),
    );
    expect(made.problems).toEqual([
      { subject: 'session', message: 'The folder /gone is gone: started in /.' },
      { subject: 'pane:w1.p1', message: 'The folder /srv/a/b is gone: started in /srv.' },
    ]);
  });

  test('a shell that is gone: the default one', () => {
    const blueprint = blueprintOf([{ panes: [{ shell: '/bin/gone' }, { run: 'x' }] }], {
      options: { 'default-shell': '/bin/gone' },
    });
    const made = planned(blueprint, { programExists: (path) => path !== '/bin/gone' });
    expect(lines(made.create).join('\n')).not.toContain('/bin/gone');
    expect(lines(made.create).at(-3)).toContain('-- /bin/bash --rcfile');
    expect(made.problems.map(({ subject }) => subject)).toEqual(['pane:w1.p1', 'session']);
  });

  test('a layout that does not fit its panes, or is none, or that this tmux does not know', () => {
    const layouts = ['b25d,80x24,0,0,0', 'nonsense', 'main-vertical-mirrored'];
    const blueprint = blueprintOf(layouts.map((layout) => ({ layout, panes: [sleep, sleep] })));
    const made = planned(blueprint);
    const applied = (plan: Plan) =>
      lines(plan.finish).flatMap((line) => /^select-layout -t \S+ (.*)/.exec(line)?.[1] ?? []);
    expect(applied(made)).toEqual(['tiled', 'tiled', 'main-vertical']);
    expect(made.problems.map(({ subject }) => subject)).toEqual(['window:w1', 'window:w2', 'window:w3']);
    expect(applied(planned(blueprint, { version: 305 }))[2]).toBe('main-vertical-mirrored');
  });

  test('names of variables that tmux cannot hold', () => {
    const variable = { name: 'A=B', value: 'x', hidden: false };
    const made = planned(
      blueprintOf([{ panes: [{ environment: { 'C=D': 'y' } }] }], { environment: [variable] }),
    );
    expect(lines(made.create).join('\n')).not.toMatch(/A=B|C=D/);
    expect(made.problems.map(({ subject }) => subject)).toEqual(['session', 'pane:w1.p1']);
  });

  test('a shared window or a group that nobody has open', () => {
    const blueprint = blueprintOf([{ link: { workspace: 'other', window: 'w9' } }], { group: 'team' });
    const session = { id: '$1', name: 'teamwork', workspace: null, group: null, windows: {} };
    const made = planned(blueprint, { sessions: [session] });
    expect(verbs(made.create)).toContain('new-window');
    expect(lines(made.create)[0]).not.toContain('team');
    expect(made.problems.map(({ subject }) => subject)).toEqual(['session', 'window:w1']);
    expect(lines(planned(blueprint).create)[0]).toMatch(/ -t team$/);
    expect(lines(planned({ ...blueprint, group: '=x' }).create)[0]).not.toContain('=x');
  });
});

describe('a group that lives', () => {
  test('is joined, and brings its windows', () => {
    const session = { id: '$7', name: 'team', workspace: 'x', group: 'team', windows: {} };
    const made = planned(blueprintOf([{ panes: [sleep, sleep] }, {}], { group: 'team', lastWindow: 'w2' }), {
      sessions: [session],
    });
    expect(lines(made.create)).toEqual(['new-session -d -s cw-tmp-x1 -c {/tmp} -t $7']);
    expect(new Set(verbs(made.finish))).toEqual(new Set(['select-window', 'set-option', 'rename-session']));
    expect(lines(made.finish).slice(0, 2)).toEqual([
      'select-window -t =cw-tmp-x1:1',
      'select-window -t =cw-tmp-x1:0',
    ]);
  });
});

test('a plan that is told hides what looks secret', () => {
  const variable = (name: string, value: string) => ({ name, value, hidden: false });
  const panes = [{ environment: { DB_PASSWORD: 'swordfish', MODE: 'dev' } }];
  const environment = [variable('API_KEY', 'swordfish'), variable('PORT', '3000')];
  const told = describePlan(planned(blueprintOf([{ panes }], { environment }))).join('\n');
  expect(told).not.toContain('swordfish');
  for (const shown of ["API_KEY '********'", "'DB_PASSWORD=********'", 'PORT 3000', 'MODE=dev'])
    expect(told).toContain(shown);
});

test('a plan is told in lines that a person can read and a terminal survives', () => {
  const described = describePlan(
    planned(blueprintOf([{ name: "it's\\001\x1b[31m", panes: [{ cwd: '/a b' }] }])),
  );
  expect(described).toContain(
    "make the session, with a placeholder window: tmux new-session -d -P -F '@cw-created session=#{session_id}' -s cw-tmp-x1 -x 120 -y 40 -c /tmp -n placeholder sleep 2147483",
  );
  expect(described.join('\n')).toContain("-c '/a b'");
  expect(described.at(-1)).toBe('give it its name: tmux rename-session -t <session> -- claude-dev-shop');
  for (const line of described) expect(line).not.toMatch(/[\x00-\x1f]/);
});
