import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathMap } from '../../src/archive/path-map.js';
import { simpleCommands } from '../../src/snapshot/command-line.js';

const map = new PathMap([
  { from: '/home/ann', to: '/Users/bea' },
  { from: '/home/ann/shop', to: '/Users/bea/work/the shop' },
]);

describe('paths of another machine', () => {
  it('are mapped by the longest folder that holds them', () => {
    expect(map.path('/home/ann')).toBe('/Users/bea');
    expect(map.path('/home/ann/notes/x')).toBe('/Users/bea/notes/x');
    expect(map.path('/home/ann/shop/src')).toBe('/Users/bea/work/the shop/src');
    expect(map.path('/home/anna/shop')).toBe('/home/anna/shop');
    expect(map.path('/srv/home/ann')).toBe('/srv/home/ann');
  });

  it('are mapped in words and lines, where they stand as paths', () => {
    expect(map.word('--config=/home/ann/x.json')).toBe('--config=/Users/bea/x.json');
    expect(map.line('less /home/ann/log:/home/ann/b /home/annabel/c x/home/ann')).toBe(
      'less /Users/bea/log:/Users/bea/b /home/annabel/c x/home/ann',
    );
    expect(map.line('cd /home/ann/shop && ls')).toBe('cd /Users/bea/work/the\\ shop && ls');
    expect(map.line(`cat '/home/ann/shop/a b' "/home/ann/shop/c"`)).toBe(
      `cat '/Users/bea/work/the shop/a b' "/Users/bea/work/the shop/c"`,
    );
  });

  it('are the same words of a line, whatever the new folder is called', () => {
    const folder = fc
      .array(
        fc.string({ minLength: 1, maxLength: 6 }).filter((name) => !/[/\x00-\x1f\x7f-\x9f]/.test(name)),
        { minLength: 1, maxLength: 3 },
      )
      .map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(folder, fc.constantFrom('', '"', "'"), (to, quote) => {
        const one = new PathMap([{ from: '/old/place', to }]);
        const line = one.line(`less ${quote}/old/place/file${quote} end`);
        expect(simpleCommands(line).map((words) => words.map(({ text }) => text))).toEqual([
          ['less', `${to.replace(/\/+$/, '')}/file`, 'end'],
        ]);
      }),
    );
  });

  it('are mapped in JSON where they are the whole text, and said words stay', () => {
    const line = {
      cwd: '/home/ann/shop',
      message: { content: [{ text: 'see /home/ann/x' }, { file_path: '/home/ann/x' }] },
    };
    expect(map.json(line)).toEqual({
      cwd: '/Users/bea/work/the shop',
      message: { content: [{ text: 'see /home/ann/x' }, { file_path: '/Users/bea/x' }] },
    });
    const hostile: unknown = JSON.parse('{"__proto__": {"cwd": "/home/ann"}}');
    expect(JSON.stringify(map.json(hostile))).toBe('{"__proto__":{"cwd":"/Users/bea"}}');
  });

  it('does nothing with the root, and nothing without folders', () => {
    expect(new PathMap([{ from: '/', to: '/x' }]).path('/home')).toBe('/home');
    expect(new PathMap([]).line('ls /home')).toBe('ls /home');
  });
});
