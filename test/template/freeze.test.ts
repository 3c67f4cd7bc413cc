import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { diff } from '../../src/blueprint/diff.js';
import { expand } from '../../src/blueprint/expand.js';
import type { Blueprint } from '../../src/blueprint/model.js';
import { freeze } from '../../src/template/freeze.js';
import { parseTemplate } from '../../src/template/parse.js';
import { printTemplate } from '../../src/template/print.js';
import { projectFacts } from '../blueprint/examples.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const folders: [string, ...string[]] = ['/home/dev/shop', '/home/dev/shop/src a', '/home/dev/x', '/srv'];

/** What a template has no word for, or another one: what was last, groups, links, scrollback of one pane. */
function sayable(blueprint: Blueprint): Blueprint {
  return {
    ...blueprint,
    path: folders[0]!,
    template: null,
    group: null,
    lastWindow: null,
    environment: [],
    windows: blueprint.windows.map((window) => ({
      ...window,
      lastPane: null,
      link: null,
      size: blueprint.size,
      zoomed: window.zoomed && window.panes.length > 1,
      options: { ...window.options, 'automatic-rename': window.options['automatic-rename'] ?? 'on' },
      panes: window.panes.map((pane) => ({
        ...pane,
        historyLimit: null,
        run: pane.startCommand === null ? pane.run : null,
        shell: null,
      })),
    })),
  };
}

it('a template of a workspace opens the same workspace', () => {
  let compared = 0;
  fc.assert(
    fc.property(arbitraryBlueprint(folders, { maxWindows: 4 }), (made) => {
      const blueprint = sayable(made);
      const { template, warnings } = freeze(blueprint, {
        root: blueprint.path,
        home: '/home/dev',
        hostName: 'host',
        given: {},
        running: new Map(),
      });
      fc.pre(!warnings.some((warning) => warning.includes('secret')));
      const read = parseTemplate(printTemplate(template), 'frozen');
      const { blueprint: opened, notes } = expand(
        read,
        projectFacts({
          id: blueprint.id,
          name: blueprint.name,
          session: blueprint.session,
          size: blueprint.size,
          folderExists: (path) => folders.includes(path),
        }),
      );
      expect(notes).toEqual([]);
      const own = (one: Blueprint) => ({
        ...one,
        hooks: {},
        windows: one.windows.map((w) => ({ ...w, layout: '' })),
      });
      expect(diff(own(blueprint), own(opened))).toEqual([]);
      compared += 1;
    }),
    { numRuns: 40, endOnFailure: true },
  );
  expect(compared).toBeGreaterThan(0);
});

it('secrets are left out, by name and by shape, and said', () => {
  const pane = {
    key: 'w1.p1',
    role: null,
    title: '',
    cwd: '/srv',
    shell: null,
    startCommand: null,
    options: {},
    historyLimit: null,
    restart: 'never' as const,
  };
  const { template, warnings } = freeze(
    {
      ...expand({ windows: [{ name: 'w' }] }, projectFacts({})).blueprint,
      environment: [
        { name: 'API_KEY', value: 'verysecret', hidden: false },
        { name: 'PORT', value: '3000', hidden: false },
      ],
      windows: [
        {
          ...expand({ windows: [{ name: 'w' }] }, projectFacts({})).blueprint.windows[0]!,
          panes: [{ ...pane, run: 'curl --token=abcdefgh x', environment: { DB_PASSWORD: 'geheim' } }],
        },
      ],
    },
    { root: '/srv', home: '/home/dev', hostName: 'host', given: {}, running: new Map() },
  );
  expect(JSON.stringify(template)).not.toMatch(/verysecret|abcdefgh|geheim/);
  expect(template.env).toEqual({ PORT: '3000' });
  expect(warnings).toHaveLength(3);
});

it('cw freeze of any session: zoom, six panes, gaps between indexes, what runs; cw up opens the same', async () => {
  const s = sandbox();
  mkdirSync(join(s.home, 'projects/shop/src'), { recursive: true });
  const folder = join(s.home, 'projects/shop');
  s.file('.tmux.conf', 'set -g base-index 1\nset -g pane-base-index 1\n');
  s.tmux(
    '-f',
    join(s.home, '.tmux.conf'),
    'new-session',
    '-d',
    '-s',
    'mine',
    '-n',
    'six',
    '-x',
    '200',
    '-y',
    '60',
    '-c',
    folder,
    'sh',
  );
  for (let n = 0; n < 5; n++) {
    s.tmux(
      'split-window',
      '-t',
      '=mine:1',
      '-c',
      join(folder, 'src'),
      ...(n === 4 ? ['tail -f /dev/null'] : []),
    );
    s.tmux('select-layout', '-t', '=mine:1', 'tiled');
  }
  s.tmux('resize-pane', '-Z', '-t', '=mine:1.3');
  s.tmux('new-window', '-d', '-t', '=mine:5', '-n', 'far', '-c', folder);
  const picture = (session: string) =>
    s.tmux(
      'list-panes',
      '-s',
      '-t',
      `=${session}:`,
      '-F',
      '#{window_index}.#{pane_index} #{window_name} #{window_zoomed_flag} #{pane_active} #{pane_width}x#{pane_height} #{pane_current_path}',
    );
  await waitUntil('the shells are in their folders', () => picture('mine').split('/src\n').length === 6);
  const frozen = await s.cw(['freeze', 'mine', '-o', 't.yaml']);
  expect(frozen).toMatchObject({ code: 0 });
  expect(readFileSync(join(s.home, 't.yaml'), 'utf8')).toContain('tail -f /dev/null');
  expect(await s.cw(['freeze', 'mine', '-o', 't.yaml'])).toMatchObject({ code: 4 });
  expect(await s.cw(['freeze', 'min'])).toMatchObject({ code: 3 });
  expect(await s.cw(['config', 'set', 'size', '200x60'])).toMatchObject({ code: 0 });
  expect(await s.cw(['up', folder, '-t', './t.yaml', '--detach'])).toMatchObject({ code: 0 });
  await waitUntil('it is the same', () => {
    expect(picture('claude-dev-shop')).toBe(picture('mine'));
    return true;
  });
});
