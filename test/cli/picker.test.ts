import { realpathSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { width } from '../../src/cli/output.js';
import { type Choice, Search } from '../../src/cli/picker/choices.js';
import { type Key, keysIn } from '../../src/cli/picker/keys.js';
import { begin, refreshed, step } from '../../src/cli/picker/state.js';
import { screenLines } from '../../src/cli/picker/view.js';
import { hostileText } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

const folder = (name: string): Choice => ({
  name,
  path: `~/projects/${name}`,
  entry: null,
  found: { folder: `/home/a/projects/${name}` },
});

const names = (choices: readonly Choice[]) => choices.map(({ name }) => name);
const some = ['shop', 'api', 'workshop', 'ship-api', 'blog', '漢字', 'my.site'].map(folder);

describe('the search', () => {
  it.each([
    ['', names(some)],
    ['shop', ['shop', 'workshop']],
    ['sho', ['shop', 'workshop']],
    ['api', ['api', 'ship-api']],
    ['shp', ['ship-api', 'shop', 'workshop']],
    ['api ship', ['ship-api']],
    ['漢', ['漢字']],
    ['zzz', []],
    ['.', names(some.filter(({ path, name }) => `${name} ${path}`.includes('.')))],
  ])('%j', (query, found) => {
    expect([...names(new Search(some).find(query))].sort()).toEqual([...found].sort());
    if (found.length > 0) expect(names(new Search(some).find(query))[0]).toBe(found[0]);
  });

  it('finds every name by itself, whatever was typed before', () => {
    fc.assert(
      fc.property(fc.array(hostileText(), { minLength: 1, maxLength: 8 }), hostileText(), (all, query) => {
        const search = new Search(all.map(folder));
        for (const found of search.find(query)) expect(all).toContain(found.name);
        for (const name of all.filter((text) => /^[a-z]+$/.test(text)))
          expect(names(search.find(name))).toContain(name);
      }),
    );
  });
});

describe('keys', () => {
  it.each([
    ['a', ['a']],
    ['\x1b[A\x1b[Bx\r', ['up', 'down', 'x', 'enter']],
    [
      '\x0e\x10\x7f\x15\x17\x13\x14\x18\x03',
      ['down', 'up', 'erase', 'clear', 'erase-word', 'save', 'pin', 'kill', 'leave'],
    ],
    ['\x1b[200~pasted', ['pasted']],
    ['\x1bx\x00\x0b', []],
    ['漢😀', ['漢😀']],
  ])('%j', (input, keys) => {
    expect(keysIn(input)).toEqual({
      keys: keys.map((key) =>
        expect.objectContaining(
          key.length > 1 && /^[a-z-]+$/.test(key) && key !== 'pasted'
            ? { kind: key }
            : { kind: 'text', text: key },
        ),
      ),
      rest: '',
    });
  });

  it('a sequence that comes in pieces waits for its end', () => {
    expect(keysIn('a\x1b')).toEqual({ keys: [{ kind: 'text', text: 'a' }], rest: '\x1b' });
    for (const rest of ['\x1b[1;', '\x1b[', '\x1bO']) expect(keysIn(`a${rest}`)).toMatchObject({ rest });
    expect(keysIn('\x1bO')).toEqual({ keys: [], rest: '\x1bO' });
    expect(keysIn('\x1bOA')).toEqual({ keys: [{ kind: 'up' }], rest: '' });
  });
});

describe('a step', () => {
  const search = new Search(some);
  const press = (state: ReturnType<typeof begin>, ...keys: Key[]) =>
    keys.reduce<ReturnType<typeof step>>((last, key) => step(last.state, key, search, 3), {
      state,
      wish: null,
    });
  const text = (typed: string): Key => ({ kind: 'text', text: typed });

  it('typing filters and goes to the first; arrows stay within the list', () => {
    const first = begin(search);
    expect(press(first, { kind: 'down' }, { kind: 'down' }).state.at).toBe(2);
    expect(press(first, { kind: 'up' }).state.at).toBe(0);
    expect(press(first, { kind: 'last' }, { kind: 'down' }).state.at).toBe(some.length - 1);
    expect(press(first, { kind: 'page-down' }).state.at).toBe(3);
    const typed = press(first, { kind: 'down' }, text('sh'), text('op')).state;
    expect([typed.query, typed.at, names(typed.matches)[0]]).toEqual(['shop', 0, 'shop']);
    expect(press(typed, { kind: 'erase' }).state.query).toBe('sho');
    expect(press(typed, text(' x'), { kind: 'erase-word' }).state.query).toBe('shop ');
    expect(press(typed, { kind: 'clear' }).state.query).toBe('');
  });

  it('nothing is opened, closed or saved where nothing is found', () => {
    const none = press(begin(search), text('zzz')).state;
    for (const kind of ['enter', 'kill', 'pin', 'save'] as const)
      expect(press(none, { kind }).wish).toBeNull();
    expect(press(none, { kind: 'leave' }).wish).toBe('leave');
    expect(press(begin(search), { kind: 'enter' }).wish).toBe('open');
  });

  it('only a y closes; every other key is a no', () => {
    const asking = { ...begin(search), view: 'confirm' as const, message: 'Close it?' };
    expect(press(asking, text('y')).wish).toBe('killed');
    for (const key of [text('n'), text('yes'), { kind: 'enter' }, { kind: 'leave' }] as Key[])
      expect(press(asking, key)).toMatchObject({
        wish: null,
        state: { view: 'list', message: null, query: '' },
      });
  });

  it('what was chosen stays chosen when the choices are read again', () => {
    const state = press(begin(search), { kind: 'down' }).state;
    expect(refreshed(state, new Search([folder('new'), ...some])).at).toBe(2);
    expect(refreshed(state, new Search([folder('shop')])).at).toBe(0);
  });

  it('what stands in the place of a chosen one that is gone is chosen, or the last', () => {
    const state = press(begin(search), { kind: 'down' }, { kind: 'down' }).state;
    const others = ['one', 'two', 'three', 'four'].map(folder);
    expect([4, 3, 2, 1, 0].map((count) => refreshed(state, new Search(others.slice(0, count))).at)).toEqual([
      2, 2, 1, 0, 0,
    ]);
  });
});

describe('the screen', () => {
  it('has the lines of the terminal, none of them wider, whatever names and texts there are', () => {
    fc.assert(
      fc.property(
        fc.array(hostileText(), { maxLength: 12 }),
        hostileText(),
        fc.integer({ min: 20, max: 160 }),
        fc.integer({ min: 3, max: 40 }),
        fc.constantFrom('list' as const, 'help' as const),
        (all, query, columns, rows, view) => {
          const state = { ...begin(new Search(all.map(folder))), query, view };
          const lines = screenLines(state, [], { columns, rows }, (_, text) => text);
          expect(lines).toHaveLength(rows);
          expect(lines.filter((line) => width(line) > columns)).toEqual([]);
        },
      ),
    );
  });
});

describe('claude-switch without a name', () => {
  it('searches, shows, pins, closes and opens, and leaves the terminal as it was', async () => {
    const world = sandbox();
    world.env.HOME = realpathSync(world.home);
    for (const name of ['shop', 'api', 'blog'])
      world.file(`projects/${name}/.cw.yaml`, 'windows: [{name: code, panes: [null, null]}]\n');
    for (const name of ['shop', 'api']) await world.cw(['up', '--detach', '--trust', `projects/${name}`]);
    const screen = terminal(world, { columns: 100, rows: 24 });
    screen.line('stty -g > before; claude-switch; stty -g > after; cmp before after && echo AS-BEFORE');
    await screen.waitFor(
      'all three, and the chosen one as it lies',
      /› +(api|shop)[\s\S]*\+ blog[\s\S]*┌ \d code \* ─+┬/,
    );
    screen.keys('b', 'l');
    await screen.waitFor('the folder is found', /^> bl +1$[\s\S]*^› \+ blog/m);
    screen.keys('C-u', 's', 'h', 'o');
    await screen.waitFor('shop is chosen', /^> sho +1$[\s\S]*^› +shop/m);
    screen.keys('C-t');
    await screen.waitFor('it is pinned', 'shop is pinned: no cleanup closes it.');
    screen.keys('C-t');
    await screen.waitFor('it is not', 'shop is not pinned any more.');
    screen.keys('C-s');
    await screen.waitFor('it is saved', /shop is saved as snapshot \d+\./);
    screen.keys('C-x');
    await screen.waitFor('it asks', 'Close shop (2 panes; it is saved first)? [y/N]');
    screen.keys('n');
    await screen.waitFor('no is no', 'Enter open');
    expect(world.tmux('has-session', '-t', '=claude-dev-shop')).toBe('');
    screen.keys('C-x');
    await screen.waitFor('it asks again', '[y/N]');
    screen.keys('y');
    await screen.waitFor('it is closed', 'Closed shop. Undo: cw restore shop');
    await screen.waitFor(
      'and shown so, as it was saved',
      /^› ○ shop[\s\S]*saved \d+ s ago \((close|manual)\)[\s\S]*┌ code ─+┬/m,
    );
    screen.resize(60, 20);
    await screen.waitFor('a narrow one has no preview', /^> sho +1\n› ○ shop +\S.*\n(?![\s\S]*│)/m);
    screen.keys('?');
    await screen.waitFor('the help', 'Any key goes back.');
    screen.keys('x', 'Escape');
    const text = await screen.waitFor('the shell has its terminal back', /^AS-BEFORE$/m);
    expect(text).not.toContain('Any key');

    // It is ended from outside.
    screen.line('claude-switch; echo "code $?"; stty -g > after; cmp before after && echo STILL-AS-BEFORE');
    await screen.waitFor('it is there again', /^> +3$/m);
    const pid = await waitUntil('its process', async () => {
      const { stdout } = await world.run('pgrep', ['-f', `^node .*cw.cjs switch`]);
      const own = stdout.trim().split('\n').filter(Boolean);
      const { readFileSync } = await import('node:fs');
      return own.find((one) => readFileSync(`/proc/${one}/environ`, 'latin1').includes(world.socket));
    });
    process.kill(Number(pid), 'SIGTERM');
    await screen.waitFor('the terminal is as before', /^code 143$[\s\S]*^STILL-AS-BEFORE$/m);

    screen.line('claude-switch');
    await screen.waitFor('it is there a third time', /^> +3$/m);
    screen.keys('a', 'p', 'i', 'Enter');
    await waitUntil('api is attached', () =>
      world.tmux('list-clients', '-F', '#{client_session}').includes('claude-dev-api'),
    );
  });
});
