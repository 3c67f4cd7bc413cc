import fc from 'fast-check';
import type { Row, RowAgent } from '../../../src/cli/dashboard/rows.js';

/** A row, open and quiet, with what is said. */
export function row(name: string, parts: Partial<Row> = {}): Row {
  return {
    id: `id-${name}`,
    name,
    state: 'open',
    attached: false,
    pinned: false,
    session: '$1',
    agents: [],
    health: { errors: 0, unknown: 0, warnings: 0 },
    use: { cpu: 1, memory: 60 * 1024 * 1024 },
    savedAt: 0,
    panes: [{ id: '%1', place: '0.0', what: 'shell', active: true, dead: false }],
    pids: [1],
    ...parts,
  };
}

export function agent(state: RowAgent['state'], since = 0, pane = '%1'): RowAgent {
  return { pane, state, detail: null, since };
}

const states = ['waiting', 'failed', 'idle', 'working', 'unknown'] as const;

export const anyRow: fc.Arbitrary<Row> = fc
  .record({
    name: fc.oneof(
      fc.stringMatching(/^[a-z-]{1,40}$/),
      fc.constantFrom('日本語のプロジェクト', 'emoji 🎉 x', 'esc\x1b[31m', 'line\nbreak'),
    ),
    id: fc.uuid(),
    state: fc.constantFrom('open', 'open', 'closed', 'ended'),
    attached: fc.boolean(),
    pinned: fc.boolean(),
    agents: fc.array(
      fc.record({ state: fc.constantFrom(...states), since: fc.nat(1e9), pane: fc.constantFrom('%1', '%2') }),
      { maxLength: 3 },
    ),
    health: fc.option(fc.record({ errors: fc.nat(200), unknown: fc.nat(3), warnings: fc.nat(200) })),
    cpu: fc.option(fc.double({ min: 0, max: 6400, noNaN: true })),
    memory: fc.option(fc.nat(2 ** 31)),
    savedAt: fc.option(fc.nat(2e9)),
  })
  .map(({ cpu, memory, agents, ...rest }) =>
    row(rest.name, {
      ...rest,
      agents: agents.map((one) => ({ ...one, detail: null })),
      use: { cpu, memory },
      panes: ['%1', '%2'].map((id, at) => ({
        id,
        place: `0.${at}`,
        what: 'shell',
        active: at === 0,
        dead: false,
      })),
    }),
  );
