import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countPanes, type LayoutCell, parseLayout } from '../../src/blueprint/layout.js';
import { drawWindow, fitLine, fitPanes, type Line } from '../../src/cli/drawing.js';
import { width } from '../../src/cli/output.js';
import { arbitraryLayout, arbitrarySize, hostileText } from '../support/arbitraries.js';

const someLayout = fc
  .tuple(arbitrarySize(), fc.integer({ min: 1, max: 9 }))
  .chain(([size, panes]) => arbitraryLayout(size, panes));

const someTexts = fc.array(fc.array(hostileText(), { maxLength: 3 }), { minLength: 9, maxLength: 9 });

/** The arms of each box character: right, left, down, up. */
const armsOf: Record<string, string> = {
  '─': 'rl',
  '│': 'du',
  '┌': 'rd',
  '┐': 'ld',
  '└': 'ru',
  '┘': 'lu',
  '├': 'rdu',
  '┤': 'ldu',
  '┬': 'rld',
  '┴': 'rlu',
  '┼': 'rldu',
};

const steps = [
  ['r', 'l', 1, 0],
  ['l', 'r', -1, 0],
  ['d', 'u', 0, 1],
  ['u', 'd', 0, -1],
] as const;

const linesOf = (texts: readonly string[]): Line[] => texts.map((text) => [{ text }]);

const three = parseLayout('21be,200x50,0,0{100x50,0,0,0,99x50,101,0[99x25,101,0,1,99x24,101,26,2]}');

describe('the drawing of a window', () => {
  test('panes stand to each other as they do in tmux', () => {
    const texts = [['1 claude', '  working'], ['2 nvim'], ['3 git']];
    const lines = drawWindow(three, (_, place) => linesOf(texts[place]!), {
      width: 40,
      title: [{ text: '1 code' }],
    });
    expect(lines.join('\n')).toBe(
      [
        '┌ 1 code ───────────┬──────────────────┐',
        '│ 1 claude          │ 2 nvim           │',
        '│   working         ├──────────────────┤',
        '│                   │ 3 git            │',
        '└───────────────────┴──────────────────┘',
      ].join('\n'),
    );
  });

  test('the numbers of the panes are told by the layout', () => {
    const asked: (number | null)[] = [];
    drawWindow(
      three,
      (pane) => {
        asked.push(pane);
        return [];
      },
      { width: 40 },
    );
    expect(new Set(asked)).toEqual(new Set([0, 1, 2]));
  });

  test('where they do not fit, panes are listed one below the other', () => {
    const lines = drawWindow(three, (_, place) => [[{ text: `pane ${place} of a window` }]], {
      width: 16,
      title: [{ text: '1 code' }],
    });
    expect(lines).toEqual(['1 code          ', '  pane 0 of a w…', '  pane 1 of a w…', '  pane 2 of a w…']);
  });

  test('each line has the width of the drawing, and there are as many as were asked for', () => {
    fc.assert(
      fc.property(
        someLayout,
        someTexts,
        hostileText(),
        fc.integer({ min: 1, max: 140 }),
        fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
        (layout, texts, title, cells, height) => {
          const options = {
            width: cells,
            title: [{ text: title }],
            ...(height !== undefined && { height }),
          };
          const textOf = (_: unknown, place: number) => linesOf(texts[place]!);
          const lines = drawWindow(layout, textOf, options);
          expect(lines.filter((line) => width(line) !== cells)).toEqual([]);
          const isDrawn = fitPanes(layout, textOf, options) !== null;
          if (height !== undefined && isDrawn) expect(lines).toHaveLength(height);
          else if (height !== undefined) expect(lines.length).toBeLessThanOrEqual(height);
        },
      ),
    );
  });

  test('panes never overlap, keep their place, and fill the frame', () => {
    fc.assert(
      fc.property(
        someLayout,
        fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }),
        fc.integer({ min: 20, max: 100 }),
        fc.integer({ min: 3, max: 40 }),
        (layout, counts, cells, height) => {
          const options = { width: cells, height };
          const textOf = (_: unknown, place: number) => Array.from({ length: counts[place]! }, () => []);
          const panes = fitPanes(layout, textOf, options);
          if (panes === null) return;
          expect(panes).toHaveLength(countPanes(layout));
          const lines = drawWindow(layout, textOf, options);
          const isInside = (x: number, y: number) =>
            panes.filter(
              (pane) => x >= pane.x && x < pane.x + pane.width && y >= pane.y && y < pane.y + pane.height,
            ).length;
          const wrong: unknown[] = [];
          for (let y = 0; y < height; y++)
            for (let x = 0; x < cells; x++) {
              // What no pane has is frame, and each piece of that goes on in its neighbours.
              const arms = armsOf[lines[y]![x]!] ?? '';
              if (isInside(x, y) !== (arms === '' ? 1 : 0)) wrong.push([x, y, arms]);
              for (const [arm, other, dx, dy] of steps)
                if (arms.includes(arm) && !armsOf[lines[y + dy]?.[x + dx] ?? '']?.includes(other))
                  wrong.push([x, y, arm]);
            }
          expect(wrong).toEqual([]);
          // As they stand to each other in tmux.
          for (const [a, b, kind] of pairsOf(layout)) {
            const [one, other] = [panes[a]!, panes[b]!];
            if (kind === 'columns') expect(one.x + one.width).toBeLessThan(other.x);
            else expect(one.y + one.height).toBeLessThan(other.y);
          }
        },
      ),
    );
  });

  test('a text is only ever in its own pane', () => {
    fc.assert(
      fc.property(someLayout, fc.integer({ min: 30, max: 140 }), (layout, cells) => {
        const textOf = (_: unknown, place: number) => linesOf([String(place).repeat(200)]);
        const panes = fitPanes(layout, textOf, { width: cells });
        if (panes === null) return;
        const lines = drawWindow(layout, textOf, { width: cells });
        for (const [place, pane] of panes.entries()) {
          const inside = lines[pane.y]!.slice(pane.x, pane.x + pane.width);
          expect(inside).toBe(` ${String(place).repeat(pane.width - 3)}… `);
        }
        const digits = lines.join('').replace(/\D/g, '').length;
        expect(digits).toBe(panes.reduce((sum, pane) => sum + pane.width - 3, 0));
      }),
    );
  });
});

describe('a line', () => {
  test.each([
    [['ab', 'cd'], 4, 'abcd'],
    [['ab', 'cd'], 3, 'ab…'],
    [['ab', 'cd'], 2, 'a…'],
    [['漢字', 'x'], 4, '漢…'],
    [['漢字', 'x'], 3, '漢…'],
    [['a\x1b[2J'], 20, 'a\\x1b[2J'],
    [['ab'], 0, ''],
  ])('%j in %d cells', (texts, room, drawn) => {
    const line = fitLine(
      texts.map((text) => ({ text })),
      room,
    );
    expect(line).toEqual({ drawn, cells: width(drawn) });
  });

  test('styles are put on what is left of each piece', () => {
    const style = (text: string) => `<${text}>`;
    expect(fitLine([{ text: 'ab', style }, { text: 'cdef' }], 5).drawn).toBe('<ab>cd…');
  });
});

/** For each two panes, by their places, how tmux has them to each other: side by side, or one above the other. */
function pairsOf(cell: LayoutCell, first = 0): [number, number, 'columns' | 'rows'][] {
  if (cell.kind === 'pane') return [];
  const { kind } = cell;
  let at = first;
  const parts = cell.children.map((child) => {
    const places = Array.from({ length: countPanes(child) }, (_, place) => at + place);
    const inner = pairsOf(child, at);
    at += places.length;
    return { places, inner };
  });
  return parts.flatMap(({ places, inner }, part) => [
    ...inner,
    ...parts
      .slice(part + 1)
      .flatMap((later) =>
        places.flatMap((a) => later.places.map((b): [number, number, typeof kind] => [a, b, kind])),
      ),
  ]);
}
