import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countPanes,
  type LayoutCell,
  layoutChecksum,
  leastSize,
  parseLayout,
  printLayout,
  rescaleLayout,
  share,
} from '../../src/blueprint/layout.js';
import { arbitraryLayout, arbitrarySize } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';

const someLayout = fc
  .tuple(arbitrarySize(), fc.integer({ min: 1, max: 9 }))
  .chain(([size, panes]) => arbitraryLayout(size, panes));

const real = 'c978,90x30,0,0{44x30,0,0,6,45x30,45,0[45x10,45,0,7,45x9,45,11,8,45x9,45,21,9]}';

function withSum(body: string): string {
  return `${layoutChecksum(body)},${body}`;
}

function shape(cell: LayoutCell): unknown {
  return cell.kind === 'pane' ? 0 : { [cell.kind]: cell.children.map(shape) };
}

describe('layout strings', () => {
  test('one that tmux printed is read and printed the same', () => {
    const cell = parseLayout(real);
    expect(countPanes(cell)).toBe(4);
    expect(shape(cell)).toEqual({ columns: [0, { rows: [0, 0, 0] }] });
    expect(printLayout(cell)).toBe(real);
    expect(printLayout(cell, [70, 8, 9, 10])).toContain('{44x30,0,0,70,');
  });

  test('parse(print(x)) = x', () => {
    fc.assert(
      fc.property(someLayout, (cell) => {
        const text = printLayout(cell);
        const again = parseLayout(text);
        expect(printLayout(again)).toBe(text);
        expect(shape(again)).toEqual(shape(cell));
        expect(parseLayout(printLayout(again))).toEqual(again);
      }),
    );
  });

  test('a cell without a pane number is read, as tmux prints one for a saved layout', () => {
    const cell = parseLayout(withSum('9x3,0,0{4x3,0,0,4x3,5,0}'));
    expect(cell).toMatchObject({ children: [{ pane: null }, { pane: null }] });
  });

  test.each([
    ['', /does not begin with a checksum/],
    ['tiled', /does not begin with a checksum/],
    [`ffff${real.slice(4)}`, /its checksum should be c978/],
    [real.slice(0, -1), /"\]" is missing|"}" is missing/],
    [`${real}x`, /something follows its end: "x"/],
    [withSum('90x30'), /"WIDTHxHEIGHT,X,Y" is missing at "90x30"/],
    [withSum('0x30,0,0,1'), /a cell is empty/],
    [withSum('90x30,0,0{45x30,0,0,0,45x30,46,0,1}'), /take 91 in width with their separators, not 90/],
    [withSum('90x30,0,0[90x10,0,0,0,90x10,0,11,1]'), /take 21 in height/],
    [withSum('90x30,0,0{44x30,0,0,0,45x29,45,0,1}'), /must all have its height, not 29/],
    [withSum('9x3,0,0{4x3,0,0,0,4x3,5,0,1]'), /"}" is missing at "]"/],
  ])('%s is refused, and why', (text, why) => {
    expect(() => parseLayout(text)).toThrow(why);
    expect(() => parseLayout(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });

  test('any one letter changed is noticed', () => {
    fc.assert(
      fc.property(fc.nat(real.length - 1), fc.constantFrom('0', '7', ',', '{', 'x'), (at, letter) => {
        fc.pre(real[at] !== letter);
        expect(() => parseLayout(real.slice(0, at) + letter + real.slice(at + 1))).toThrow(
          /not a tmux layout/,
        );
      }),
    );
  });
});

describe('rescaling', () => {
  test('keeps the structure, fills the size exactly, and leaves every pane a cell', () => {
    fc.assert(
      fc.property(
        someLayout,
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 90 }),
        (cell, width, height) => {
          const least = leastSize(cell);
          fc.pre(width >= least.width && height >= least.height);
          const scaled = rescaleLayout(cell, { width, height });
          expect(scaled).toMatchObject({ width, height, x: 0, y: 0 });
          expect(shape(scaled)).toEqual(shape(cell));
          parseLayout(printLayout(scaled)); // checks that all sizes add up, and that no cell is empty
        },
      ),
    );
  });

  test('to its own size changes nothing, and doubling doubles', () => {
    fc.assert(
      fc.property(someLayout, (cell) => {
        expect(rescaleLayout(cell, cell)).toEqual(cell);
      }),
    );
    const halves = parseLayout(withSum('21x9,0,0{10x9,0,0,0,10x9,11,0,1}'));
    expect(rescaleLayout(halves, { width: 41, height: 9 })).toMatchObject({
      children: [{ width: 20 }, { width: 20 }],
    });
    const thirds = parseLayout(withSum('31x9,0,0{10x9,0,0,0,20x9,11,0,1}'));
    expect(rescaleLayout(thirds, { width: 61, height: 9 })).toMatchObject({
      children: [{ width: 20 }, { width: 40 }],
    });
  });

  test('says what the panes need where they cannot fit', () => {
    const rows = parseLayout(withSum('9x5,0,0[9x1,0,0,0,9x1,0,2,1,9x1,0,4,2]'));
    expect(() => rescaleLayout(rows, { width: 9, height: 4 })).toThrow(
      /3 panes do not fit into 9x4 cells: they need 1x5/,
    );
    expect(rescaleLayout(rows, { width: 1, height: 5 })).toMatchObject({ width: 1, height: 5 });
  });

  test('shares are whole, exact, and respect the minima', () => {
    const parts = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 5 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(parts, fc.nat(300), (weighted, more) => {
        const minima = weighted.map(([, least]) => least);
        const total = minima.reduce((sum, each) => sum + each, 0) + more;
        const shares = share(
          total,
          weighted.map(([weight]) => weight),
          minima,
        );
        expect(shares.reduce((sum, each) => sum + each, 0)).toBe(total);
        expect(shares.every((each, at) => Number.isInteger(each) && each >= minima[at]!)).toBe(true);
      }),
    );
  });
});

test('tmux takes printed layouts and gives them back', () => {
  const box = sandbox();
  box.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '240', '-y', '80', 'sleep', '100000');
  const ids = [box.tmux('display-message', '-p', '#{pane_id}').trim()];
  const someSize = fc.tuple(arbitrarySize(), fc.integer({ min: 1, max: 8 }));
  fc.assert(
    fc.property(someSize, fc.gen(), ([size, wanted], gen) => {
      // The window only grows: splitting it anew for each layout would take long.
      while (ids.length < wanted) {
        const split = ['split-window', '-P', '-F', '#{pane_id}', '-t', ids.at(-1)!, 'sleep', '100000'];
        box.tmux('select-layout', 'tiled');
        ids.push(box.tmux(...split).trim());
      }
      const numbers = ids.map((id) => Number(id.slice(1)));
      const text = printLayout(gen(arbitraryLayout, size, ids.length), numbers);
      box.tmux('select-layout', text);
      expect(box.tmux('display-message', '-p', '#{window_layout}').trim()).toBe(text);
    }),
    { numRuns: 15 },
  );
});
