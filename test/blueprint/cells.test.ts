import { describe, expect, test } from 'vitest';
import { type Cells, layoutFromCells } from '../../src/blueprint/cells.js';
import { parseLayout } from '../../src/blueprint/layout.js';

const size = { width: 121, height: 40 };

function lengths(cells: Cells, along: 'width' | 'height', panes = 3, within = size): number[] {
  const cell = parseLayout(layoutFromCells(cells, within, panes).layout);
  return cell.kind === 'pane' ? [] : cell.children.map((child) => child[along]);
}

describe('nested rows and columns', () => {
  test('become a layout string, and panes follow its cells', () => {
    const cells = { columns: [{ rows: [2, 1], size: '50%' }, { rows: [3, { pane: 4, size: 10 }] }] };
    expect(layoutFromCells(cells, size, 4)).toEqual({
      layout: expect.stringMatching(
        /^[0-9a-f]{4},121x40,0,0\{60x40,0,0\[60x20,0,0,0,60x19,0,21,1\],60x40,61,0\[60x29,61,0,2,60x10,61,30,3\]\}$/,
      ),
      order: [2, 1, 3, 4],
    });
  });

  test('cells without a size share the rest evenly', () => {
    expect(lengths({ columns: [1, 2, 3] }, 'width')).toEqual([40, 40, 39]);
    expect(lengths({ columns: [{ pane: 1, size: 80 }, 2, 3] }, 'width')).toEqual([80, 20, 19]);
    expect(lengths({ columns: [{ pane: 1, size: '50%' }, 2, 3] }, 'width')).toEqual([60, 30, 29]);
    expect(lengths({ rows: [1, 2, { pane: 3, size: '25%' }] }, 'height')).toEqual([14, 14, 10]);
  });

  test('when all have a size, sizes are proportions', () => {
    expect(
      lengths(
        {
          columns: [
            { pane: 1, size: '60%' },
            { pane: 2, size: '40%' },
          ],
        },
        'width',
        2,
      ),
    ).toEqual([72, 48]);
    expect(
      lengths(
        {
          columns: [
            { pane: 1, size: 20 },
            { pane: 2, size: 10 },
          ],
        },
        'width',
        2,
      ),
    ).toEqual([80, 40]);
  });

  test('sizes for a wide terminal give way in a narrow one', () => {
    const cells = { columns: [{ pane: 1, size: 150 }, { pane: 2, size: 50 }, 3] };
    expect(lengths(cells, 'width', 3, { width: 83, height: 24 })).toEqual([60, 20, 1]);
  });

  test('a row of one cell is that cell', () => {
    expect(layoutFromCells({ rows: [{ columns: [{ rows: [1] }] }] }, size, 1).layout).toMatch(
      /,121x40,0,0,0$/,
    );
    expect(lengths({ rows: [{ columns: [{ rows: [1, 2] }] }] }, 'height', 2)).toEqual([20, 19]);
  });

  test.each([
    [{ rows: [1, 2] }, 3, /no cell for pane 3/],
    [{ rows: [1, { columns: [2, 1] }] }, 2, /pane 1 twice/],
    [{ rows: [1, 2, 4] }, 3, /pane 4, but the window has 3/],
    [
      {
        rows: [
          { pane: 1, size: '60%' },
          { pane: 2, size: '50%' },
        ],
      },
      2,
      /come to 110%/,
    ],
    [
      { rows: Array.from({ length: 21 }, (_, at) => at + 1) },
      21,
      /21 panes do not fit into 121x40 cells this way: they need 1x41/,
    ],
  ])('%j for %i panes is refused', (cells, panes, why) => {
    expect(() => layoutFromCells(cells, size, panes)).toThrow(why);
    expect(() => layoutFromCells(cells, size, panes)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});

test('a row that is split again is one list of rows with its neighbours, each half of what was there', () => {
  const rows = { rows: [1, { rows: [2, { rows: [3, 4] }] }] };
  expect(lengths(rows, 'height', 4)).toEqual([20, 9, 4, 4]);
  const cell = parseLayout(layoutFromCells(rows, size, 4).layout);
  expect(cell.kind === 'rows' && cell.children.every(({ kind }) => kind === 'pane')).toBe(true);
});
