import { spawnSync } from 'node:child_process';

export interface Sample {
  /** Milliseconds, one a run. */
  readonly times: readonly number[];
}

/** One thing to time: whole milliseconds of work, as a process or inside this one. */
export type Work = () => void | Promise<void>;

/** Runs a program to its end. Throws when it fails: a benchmark of an error is none. */
export function process(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Work {
  return () => {
    const done = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
    if (done.status !== 0)
      throw new Error(`${program} ${args.join(' ')} failed (${done.status}): ${done.stderr}`);
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

export interface Row {
  readonly what: string;
  readonly ours: number;
  readonly against: string;
  readonly theirs: number;
  /** The ratio that must not be exceeded; null for a row that only informs. */
  readonly limit: number | null;
}

/** Prints the rows as a Markdown table, each with its verdict. */
export function printTable(rows: readonly Row[]): void {
  const cells = rows.map((row) => {
    const ratio = row.ours / row.theirs;
    const verdict = row.limit === null ? '' : ratio <= row.limit ? 'met' : 'NOT MET';
    return [
      row.what,
      ms(row.ours),
      row.against,
      ms(row.theirs),
      `${ratio.toFixed(2)}x`,
      row.limit === null ? '' : `<= ${row.limit}x`,
      verdict,
    ];
  });
  const table = [['work', 'ours', 'against', 'theirs', 'ratio', 'limit', ''], ...cells];
  for (const [index, line] of table.entries()) {
    console.log(`| ${line.join(' | ')} |`);
    if (index === 0) console.log(`|${line.map(() => '---').join('|')}|`);
  }
}

function ms(value: number): string {
  return value >= 100 ? `${value.toFixed(0)} ms` : `${value.toFixed(1)} ms`;
}
