import { spawnSync } from 'node:child_process';

export interface Sample {
  /** Milliseconds, one a run. */
  readonly times: readonly number[];
}

/** One thing to time, as a process or inside this one. */
export type Work = () => void | Promise<void>;

/** Runs a program to its end. Throws when it fails: a benchmark of an error is none. */
export function process(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Work {
  return () => {
    const done = spawnSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    if (done.status !== 0)
      throw new Error(`${program} ${args.join(' ')} failed (${done.status}): ${done.stderr}${done.stdout}`);
  };
}

/**
 * Times two works in turn (A B A B ...), so that a drift of the machine's speed meets both, after one run of each
 * that is not counted. `between` runs before each, untimed.
 */
export async function inTurn(
  a: Work,
  b: Work,
  runs: number,
  between: Work = () => {},
): Promise<[Sample, Sample]> {
  const times: [number[], number[]] = [[], []];
  for (let run = -1; run < runs; run++) {
    for (const [index, work] of [a, b].entries()) {
      await between();
      const start = performance.now();
      await work();
      if (run >= 0) times[index as 0 | 1].push(performance.now() - start);
    }
  }
  return [{ times: times[0] }, { times: times[1] }];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The value below which this share of the values lies, 0.99 for the 99th percentile; of few values the highest. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export interface Row {
  readonly what: string;
  readonly ours: number;
  /** What it is measured against, in the same run; for a row without `theirs`, how it was measured. */
  readonly against: string;
  /** null: the limit is one for `ours` itself. */
  readonly theirs: number | null;
  /** The median of the ratios of all pairs; that of the two medians when it is not given. */
  readonly ratio?: number;
  /** What must not be exceeded, by the ratio or by `ours` itself; null for a row that only informs. */
  readonly limit: number | null;
  /** Of `ours` and `theirs`; milliseconds when it is not given. */
  readonly unit?: 'ms' | 'MB' | '% of a core' | 'files' | 'times';
}

/** The row of two works that were timed in turn. */
export function comparison(
  what: string,
  against: string,
  limit: number | null,
  [ours, theirs]: readonly [Sample, Sample],
): Row {
  const ratios = ours.times.map((time, run) => time / (theirs.times[run] ?? Number.NaN));
  return {
    what,
    ours: median(ours.times),
    against,
    theirs: median(theirs.times),
    ratio: median(ratios),
    limit,
  };
}

const columns = ['work', 'ours', 'against', 'theirs', 'ratio', 'limit', ''];

export const tableHead = [columns, columns.map(() => '---')]
  .map((line) => `| ${line.join(' | ')} |`)
  .join('\n');

/** The rows of a Markdown table, each with its verdict. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const { what, ours, against, theirs, limit, unit = 'ms' } = row;
    const ratio = theirs === null ? null : (row.ratio ?? ours / theirs);
    return [
      what,
      quantity(ours, unit),
      against,
      theirs === null ? '' : quantity(theirs, unit),
      ratio === null ? '' : `${ratio.toFixed(2)}x`,
      limit === null ? '' : ratio === null ? `<= ${limit} ${unit}` : `<= ${limit}x`,
      limit === null ? '' : (ratio ?? ours) <= limit ? 'met' : 'NOT MET',
    ];
  });
  return cells.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function quantity(value: number, unit: NonNullable<Row['unit']>): string {
  const digits = unit === 'files' || unit === 'times' || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
