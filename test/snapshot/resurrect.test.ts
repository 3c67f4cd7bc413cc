import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { printLayout } from '../../src/blueprint/layout.js';
import { Blueprint } from '../../src/blueprint/model.js';
import {
  parseResurrect,
  type ResurrectSave,
  type SavedPane,
  type SavedSession,
  type SavedWindow,
} from '../../src/snapshot/resurrect.js';
import { type ImportFacts, toBlueprints } from '../../src/snapshot/resurrect-blueprints.js';
import { savedCommand } from '../../src/snapshot/resurrect-command.js';
import { arbitraryLayout } from '../support/arbitraries.js';
import { printSave } from './resurrect-printer.js';

const facts: ImportFacts = {
  home: '/home/dev',
  baseIndex: null,
  size: { width: 200, height: 50 },
  idOf: (session) => `id of ${session}`,
  mayStart: (argv) => ['vim', 'less', 'gone'].includes(argv[0]!),
  programExists: (program) => program !== 'gone',
};

const tab = (...fields: string[]) => fields.join('\t');
const windowLine = tab('window', 'main', '0', ':code', '1', ':*', 'b25d,80x24,0,0,0', ':');

/** The one pane of a save with these lines before the window's. */
function onePane(...lines: string[]): SavedPane {
  const save = parseResurrect([...lines, windowLine, ''].join('\n'));
  expect(save.problems).toEqual([]);
  const panes = save.sessions.flatMap(({ windows }) => windows.flatMap((window) => window.panes));
  expect(panes).toHaveLength(1);
  return panes[0]!;
}

describe('saves that tmux-resurrect itself cannot restore', () => {
  it('an empty pane title has shifted the columns, and the folder is not "1" (#570, #582, #592)', () => {
    const pane = onePane(
      tab('pane', 'main', '0', '1', ':*', '0', ':/tmp/my work', '1', 'zsh', '2533', ':vim other'),
    );
    // The command is that of a process whose number was the length of the history.
    expect(pane).toEqual({
      index: 0,
      title: '',
      folder: '/tmp/my work',
      active: true,
      command: 'zsh',
      lines: null,
    });
    expect(savedCommand(pane, facts)).toEqual({ run: null, typed: null, note: null });
  });

  it('a program in a pane with an empty title is known by its name alone', () => {
    const pane = onePane(tab('pane', 'main', '0', '1', ':*', '0', ':/tmp', '1', 'htop', '2533', ':'));
    const command = savedCommand(pane, facts);
    expect(command).toMatchObject({ run: null, typed: 'htop' });
    expect(command.note).toContain('without arguments');
  });

  it('an empty title that is there as an empty field', () => {
    const pane = onePane(tab('pane', 'main', '0', '1', ':*', '0', '', ':/tmp', '1', 'vim', ':vim a'));
    expect(pane).toMatchObject({ title: '', folder: '/tmp', lines: ['vim a'] });
  });

  it.each(['0', '1', ':', ':/tmp', '~', 'a : b'])('the title %j is none of the columns', (title) => {
    const pane = onePane(tab('pane', 'main', '0', '1', ':*', '0', title, ':/var', '0', 'vim', ':vim a'));
    expect(pane).toMatchObject({ title, folder: '/var', active: false, lines: ['vim a'] });
  });

  it('blanks in a folder, escaped once by the script, not at all, or each (#358)', () => {
    const folder = (text: string) =>
      onePane(tab('pane', 'main', '0', '1', ':*', '0', 'title', `:${text}`, '1', 'bash', ':')).folder;
    expect(folder('/srv/my\\ great work')).toBe('/srv/my great work');
    expect(folder('/srv/my great work')).toBe('/srv/my great work');
    expect(folder('/srv/my\\ great\\ work')).toBe('/srv/my great work');
  });

  it('a TAB in a title or a folder makes one column two', () => {
    expect(onePane(tab('pane', 'main', '0', '1', ':*', '0', 'a', 'b', ':/tmp', '1', ':'))).toMatchObject({
      title: 'a\tb',
      folder: '/tmp',
      lines: null,
    });
    expect(
      onePane(tab('pane', 'main', '0', '1', ':*', '0', 'title', ':/tmp/a', 'b', '1', ':')),
    ).toMatchObject({
      title: 'title',
      folder: '/tmp/a\tb',
    });
  });

  it('a TAB and a number in a title are not taken for what follows it', () => {
    const pane = onePane(tab('pane', 'main', '0', '1', ':*', '0', 'a', '1', ':/tmp', '0', ':'));
    expect(pane).toMatchObject({ title: 'a\t1', folder: '/tmp', active: false });
  });

  it('where the name of what runs was empty, the command is that of another process', () => {
    const pane = onePane(
      tab('pane', 'main', '0', '1', ':*', '0', 'title', ':/tmp', '1', '4711', ':vim other'),
    );
    expect(pane).toMatchObject({ command: '', lines: null });
    expect(savedCommand(pane, { ...facts, mayStart: () => true })).toMatchObject({ run: null, typed: null });
  });

  it('a multi-line command goes on in lines of its own (#392)', () => {
    const first = tab('pane', 'main', '0', '1', ':*', '0', 'title', ':/tmp', '1', 'htop', ':htop');
    const pane = onePane(first, '-zsh');
    expect(pane.lines).toEqual(['htop', '-zsh']);
    const command = savedCommand(pane, { ...facts, mayStart: () => true });
    // Which of the lines it was is a guess: it does not start by itself.
    expect(command).toMatchObject({ run: null, typed: 'htop' });
    expect(command.note).toContain('"-zsh"');
  });

  it('of several processes the one that tmux named, whichever line it is on', () => {
    const first = tab('pane', 'main', '0', '1', ':*', '0', 'title', ':/tmp', '1', 'vim', ':4 tail -f log');
    expect(
      savedCommand(onePane(first, '/usr/bin/vim my file'), { ...facts, mayStart: () => true }).typed,
    ).toBe('/usr/bin/vim my file');
  });

  it('without a UTF-8 locale tabs are "_": such lines are recognised, and said once (#568)', () => {
    const text =
      'pane_main_0_1_:*_0_title_:/tmp_1_bash_12_5\t\t\t\t\t\t\t\t\t\t:\nwindow_main_0_:code_1_:*_b25d,80x24,0,0,0\nstate__\n';
    const save = parseResurrect(text);
    expect(save.sessions).toEqual([]);
    expect(save.problems).toEqual([expect.stringMatching(/^Line 1 .*UTF-8 locale/)]);
  });

  it('a save cut off anywhere gives what stands before, and throws nothing', () => {
    const whole = [
      tab('grouped_session', 'twin', 'main', ':1', ':0'),
      tab('pane', 'main', '0', '1', ':*', '0', 'title', ':/tmp', '1', 'vim', ':vim a'),
      windowLine,
      tab('state', 'main', 'other'),
    ].join('\n');
    for (let length = 0; length < whole.length; length += 1) {
      const save = parseResurrect(whole.slice(0, length));
      expect(save.sessions.length).toBeLessThanOrEqual(1);
      expect(() => toBlueprints(save, facts)).not.toThrow();
    }
  });

  it('lines of no meaning are named by their number', () => {
    const save = parseResurrect(
      ['hello', tab('pane', 'main', 'x', '1', ':*', '0'), tab('window', 'main', '0'), windowLine].join('\n'),
    );
    expect(save.problems.map((problem) => problem.slice(0, 7))).toEqual(['Line 1 ', 'Line 2 ', 'Line 3 ']);
    expect(save.sessions.map(({ name }) => name)).toEqual(['main']);
  });

  test('whatever a file holds, it is read without an error, and no session is left without a window and a pane', () => {
    const field = fc.constantFrom(
      'pane',
      'window',
      'state',
      'main',
      '0',
      '1',
      ':',
      ':*',
      ':/tmp',
      'b25d,80x24,0,0,0',
      '',
      'x y',
    );
    const line = fc.array(field, { maxLength: 13 }).map((fields) => fields.join('\t'));
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 12 }), (lines) => {
        for (const { blueprint } of toBlueprints(parseResurrect(lines.join('\n')), facts).sessions) {
          expect(Blueprint.safeParse(blueprint)).toMatchObject({ success: true });
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('commands', () => {
  const pane = (command: string, ...lines: string[]): SavedPane => {
    return { index: 0, title: '', folder: '/', active: true, command, lines };
  };
  it.each([
    ['vim', 'vim foo.txt', { run: 'vim foo.txt', typed: null }],
    ['less', '/usr/bin/less foo', { run: null, typed: '/usr/bin/less foo' }],
    // The words of `ps` have no quotes: what a shell would take for more is for the user to judge.
    ['vim', 'vim a;touch pwned', { run: null, typed: 'vim a;touch pwned' }],
    ['vim', 'vim $(touch pwned)', { run: null, typed: 'vim $(touch pwned)' }],
    ['gone', 'gone a', { run: null, typed: 'gone a', note: expect.stringContaining('not found') }],
    ['make', 'make deploy', { run: null, typed: 'make deploy' }],
    ['bash', '-bash', { run: null, typed: null }],
    ['zsh', '/bin/zsh -l', { run: null, typed: null }],
    ['bash', 'bash -c make', { run: null, typed: 'bash -c make' }],
    // TAB would complete, and ESC would edit.
    ['vim', 'vim a\tb', { run: null, typed: null, note: expect.stringContaining('control characters') }],
    ['vim', 'vim \x1b[2J', { run: null, typed: null, note: expect.stringContaining('control characters') }],
  ])('%s: %j', (name, line, expected) => {
    expect(savedCommand(pane(name, line), facts)).toMatchObject(expected);
  });

  it('a pane that had no shell is known by its program', () => {
    expect(savedCommand(pane('htop'), facts).typed).toBe('htop');
    expect(savedCommand(pane('zsh'), facts)).toEqual({ run: null, typed: null, note: null });
  });
});

describe('blueprints', () => {
  const read = (...lines: string[]) => toBlueprints(parseResurrect(lines.join('\n')), facts);
  const pane = (
    session: string,
    window: number,
    place: number,
    folder = '/tmp',
    rest: string[] = ['bash', ':'],
  ) => tab('pane', session, String(window), '1', ':*', String(place), 'title', `:${folder}`, '1', ...rest);

  it('names are made fit for tmux, stay apart, and keep a prefix of ours', () => {
    const { sessions } = read(pane('claude-dev-shop', 0, 0), pane('my proj', 0, 0), pane('my.proj', 0, 0));
    expect(sessions.map(({ blueprint }) => [blueprint.name, blueprint.session])).toEqual([
      ['shop', 'claude-dev-shop'],
      ['my-proj', 'claude-dev-my-proj'],
      ['my-proj-2', 'claude-dev-my-proj-2'],
    ]);
  });

  it('the project is the folder that most panes are in', () => {
    const { sessions } = read(pane('main', 0, 0, '/a'), pane('main', 0, 1, '/b'), pane('main', 1, 0, '/b'));
    expect(sessions[0]?.blueprint.path).toBe('/b');
  });

  it('indexes are those of before, by the base-index that the user has now', () => {
    const save = parseResurrect([pane('main', 2, 1), pane('main', 5, 1)].join('\n'));
    const indexes = (baseIndex: number | null) =>
      toBlueprints(save, { ...facts, baseIndex }).sessions[0]!.blueprint.windows.map(({ index }) => index);
    expect(indexes(1)).toEqual([1, 4]);
    expect(indexes(null)).toEqual([0, 3]);
    expect(indexes(7)).toEqual([0, 3]);
  });

  it('a pane whose line is missing keeps its cell, as a plain shell in the right place', () => {
    const layout = '3fbe,80x24,0,0{26x24,0,0,1,26x24,27,0,2,26x24,54,0,3}';
    const { sessions } = read(
      pane('main', 0, 1, '/a'),
      pane('main', 0, 3, '/c'),
      tab('window', 'main', '0', ':x', '1', ':*', layout.replace(/^..../, sumOf(layout.slice(5))), ':'),
    );
    expect(sessions[0]?.panes.map(({ label, folder }) => [label, folder])).toEqual([
      ['main:0.1', '/a'],
      ['main:0.2', '/a'],
      ['main:0.3', '/c'],
    ]);
    expect(sessions[0]?.notes).toEqual([expect.stringContaining('3 panes, of which 2 were saved')]);
  });

  it('a window whose own line is missing is as its panes tell', () => {
    const { sessions } = read(pane('main', 0, 0).replace(':*', ':*Z'), pane('main', 0, 1));
    expect(sessions[0]?.blueprint.windows[0]).toMatchObject({ layout: 'tiled', name: '' });
    expect(sessions[0]?.blueprint.windows[0]?.panes).toHaveLength(2);
    expect(parseResurrect(pane('main', 0, 0).replace(':*', ':-Z')).sessions[0]?.windows[0]).toMatchObject({
      last: true,
      zoomed: true,
    });
  });

  it('a layout that is not one is tiled, and said', () => {
    const { sessions } = read(
      pane('main', 0, 0),
      tab('window', 'main', '0', ':x', '1', ':*', 'ffff,80x24', ':'),
    );
    expect(sessions[0]?.blueprint.windows[0]?.layout).toBe('tiled');
    expect(sessions[0]?.notes[0]).toContain('main:0');
  });

  it('automatic-rename: as the window had it; before v4 a name of the user keeps it off', () => {
    const options = (line: string) =>
      read(pane('main', 0, 0), line).sessions[0]?.blueprint.windows[0]?.options;
    const v4 = (value: string) => tab('window', 'main', '0', ':x', '1', ':*', 'b25d,80x24,0,0,0', value);
    expect(options(v4(':'))).toEqual({});
    expect(options(v4('off'))).toEqual({ 'automatic-rename': 'off' });
    expect(options(v4('on'))).toEqual({ 'automatic-rename': 'on' });
    const v3 = (name: string) =>
      read(tab('pane', 'main', '0', `:${name}`, '1', ':*', '0', ':/tmp', '1', 'bash', ':')).sessions[0]
        ?.blueprint.windows[0]?.options;
    expect(v3('bash')).toEqual({});
    expect(v3('mine')).toEqual({ 'automatic-rename': 'off' });
  });

  it('a name with a backslash is told as tmux shows it', () => {
    const { sessions } = read(pane('main', 0, 0), windowLine.replace(':code', ':a\\b'));
    expect(sessions[0]?.blueprint.windows[0]?.name).toBe('a\\\\b');
  });

  it('a group member has the windows of the original, and its own active one', () => {
    const { sessions, problems } = read(
      tab('grouped_session', 'twin', 'main', ':0', ':1'),
      tab('grouped_session', 'lost', 'gone', ':', ':1'),
      pane('main', 0, 0),
      pane('main', 1, 0),
    );
    const [main, twin] = sessions.map(({ blueprint }) => blueprint);
    expect(twin).toMatchObject({ session: 'claude-dev-twin', group: main?.group, windows: main?.windows });
    expect([twin?.activeWindow, twin?.lastWindow]).toEqual(['w2', 'w1']);
    expect(main?.group).not.toBeNull();
    expect(sessions).toHaveLength(2);
    expect(problems).toEqual([expect.stringContaining('gone')]);
  });

  it('what ran and what was shown is told by the key of the pane', () => {
    const save = parseResurrect(
      [pane('main', 0, 0, '/tmp', ['vim', ':vim a']), pane('main', 0, 1), pane('main', 0, 2)].join('\n'),
    );
    const { sessions } = toBlueprints(save, facts, new Map([['main:0.1', 'hello\n']]));
    expect(Object.fromEntries(sessions[0]!.resumes)).toEqual({
      'w1.p1': { run: 'vim a', typed: null, text: null },
      'w1.p2': { run: null, typed: null, text: 'hello\n' },
    });
  });
});

/** The checksum of a layout's body. */
function sumOf(body: string): string {
  let sum = 0;
  for (const byte of Buffer.from(body)) sum = ((sum >> 1) + ((sum & 1) << 15) + byte) & 0xffff;
  return sum.toString(16).padStart(4, '0');
}

// Runs of blanks and backslashes do not get through the shell.
const word = fc.string({ unit: fc.constantFrom(...'abXY019_-.#$%é日'), minLength: 1, maxLength: 8 });
const words = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' '));

function arbitraryPane(version: 'v4' | 'before'): fc.Arbitrary<Omit<SavedPane, 'index'>> {
  return fc
    .record({
      title: version === 'v4' ? fc.oneof(words, fc.constant('')) : fc.constant(null),
      folder: words.map((text) => `/srv/${text}`),
      active: fc.boolean(),
      command: fc.constantFrom('bash', 'vim', 'x'),
      lines: fc.array(words, { maxLength: 3 }),
    })
    .map((pane) => (pane.title === '' ? { ...pane, lines: null } : pane));
}

function arbitraryWindow(
  version: 'v4' | 'before',
): fc.Arbitrary<Omit<SavedWindow, 'index' | 'active' | 'last'>> {
  const indexes = fc
    .uniqueArray(fc.nat(9), { minLength: 1, maxLength: 4 })
    .map((all) => all.sort((a, b) => a - b));
  return indexes.chain((places) =>
    fc
      .record({
        name: words,
        zoomed: fc.boolean(),
        layout: arbitraryLayout({ width: 80, height: 24 }, places.length).map((cell) => printLayout(cell)),
        automaticRename:
          version === 'v4' ? fc.constantFrom(null, 'on', 'off') : fc.constant('unknown' as const),
        panes: fc.tuple(...places.map(() => arbitraryPane(version))),
      })
      .map((window) => ({
        ...window,
        panes: window.panes.map((pane, at) => ({ index: places[at]!, ...pane })),
      })),
  );
}

function arbitrarySession(version: 'v4' | 'before'): fc.Arbitrary<Omit<SavedSession, 'name'>> {
  const indexes = fc
    .uniqueArray(fc.nat(20), { minLength: 1, maxLength: 3 })
    .map((all) => all.sort((a, b) => a - b));
  return indexes.chain((places) =>
    fc
      .tuple(
        fc.tuple(...places.map(() => arbitraryWindow(version))),
        fc.nat(places.length - 1),
        fc.nat(places.length - 1),
      )
      .map(([windows, active, last]) => ({
        windows: windows.map((window, at) => ({
          ...window,
          index: places[at]!,
          active: at === active,
          last: at === last && last !== active,
        })),
      })),
  );
}

function arbitrarySave(version: 'v4' | 'before'): fc.Arbitrary<ResurrectSave> {
  return fc.uniqueArray(words, { minLength: 1, maxLength: 3 }).chain((names) =>
    fc
      .record({
        sessions: fc.tuple(...names.map(() => arbitrarySession(version))),
        members: fc.array(
          fc.record({
            name: words,
            original: fc.constantFrom(...names),
            lastWindow: fc.option(fc.nat(20)),
            activeWindow: fc.option(fc.nat(20)),
          }),
          { maxLength: 2 },
        ),
        activeSession: fc.option(fc.constantFrom(...names)),
        lastSession: fc.option(fc.constantFrom(...names)),
      })
      .map((save) => ({
        ...save,
        sessions: save.sessions.map((session, at) => ({ name: names[at]!, ...session })),
        problems: [],
      })),
  );
}

test.each(['v4', 'before'] as const)('what the script prints is read as it was: %s', (version) => {
  fc.assert(
    fc.property(arbitrarySave(version), (save) => {
      expect(parseResurrect(printSave(save, version))).toEqual(save);
    }),
    { numRuns: 100 },
  );
});

test('each save becomes blueprints that hold all its windows and panes', () => {
  fc.assert(
    fc.property(arbitrarySave('v4'), (save) => {
      const { sessions } = toBlueprints(save, facts);
      expect(new Set(sessions.map(({ blueprint }) => blueprint.session)).size).toBe(sessions.length);
      for (const [at, saved] of save.sessions.entries()) {
        const blueprint = Blueprint.parse(sessions[at]?.blueprint);
        expect(blueprint.windows.map(({ panes }) => panes.map(({ cwd }) => cwd))).toEqual(
          saved.windows.map(({ panes }) => panes.map(({ folder }) => folder)),
        );
      }
    }),
    { numRuns: 50 },
  );
});
