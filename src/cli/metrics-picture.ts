import { type DaySum, plus, type WorkspaceMetrics } from '../metrics/report.js';
import { sparkline, topOf } from './dashboard/sparkline.js';
import { type Style, table, truncate, visible, width } from './output.js';

/** The metrics for people: a line a workspace, and a plot of each day. */

export interface PictureOptions {
  readonly columns: number;
  readonly style: Style;
}

export function metricsPicture(all: readonly WorkspaceMetrics[], options: PictureOptions): string {
  const [first] = all;
  if (!first) return '';
  const days = first.days.map((_, at) => all.map((one) => one.days[at]!).reduce(plus));
  const title = all.length === 1 ? visible(first.name) : `all ${all.length} workspaces`;
  return [...(all.length > 1 ? [overview(all, options), ''] : []), plot(title, days, options)].join('\n');
}

/** Cells that a name has at least. */
const leastName = 9;

type Total = WorkspaceMetrics['total'];

function overview(all: readonly WorkspaceMetrics[], { columns }: PictureOptions): string {
  const heads = ['WORKSPACE', 'ATTACHED', 'WORKING', 'WAITING', 'TURNS', 'TOKENS', 'COST', 'SAVES', 'WELL'];
  const rows = all.map(({ name, total }) => [
    name,
    span(total.attached),
    span(total.working),
    span(total.waiting),
    `${total.turns}`,
    big(total.tokens),
    money(total),
    big(total.saves),
    well(total),
  ]);
  // Where a line is too short for all, what counts less is left out whole.
  const widths = heads.map((_, at) => Math.max(...[heads, ...rows].map((row) => width(row[at] ?? ''))));
  const cells = (count: number) => widths.slice(1, count).reduce((sum, one) => sum + one + 2, leastName);
  const kept = heads.findLastIndex((_, at) => at < 2 || cells(at + 1) <= columns) + 1;
  const align = heads.map((_, at) => (at === 0 ? {} : { align: 'right' as const, fixed: true }));
  return table(
    [heads, ...rows].map((row) => row.slice(0, kept)),
    columns,
    align,
  );
}

interface Line {
  readonly label: string;
  readonly of: (day: DaySum) => number;
  /** The sum over all days, for people. */
  readonly sum: string;
  /** A day, for people. */
  readonly text: (value: number) => string;
}

const labelCells = 12;

/** Each figure as bars, one a day (or one for several days, where there are more than cells). */
function plot(title: string, days: readonly DaySum[], { columns, style }: PictureOptions): string {
  const total = days.reduce(plus);
  const all: readonly Line[] = [
    { label: 'attached', of: (day) => day.attached, sum: span(total.attached), text: span },
    { label: 'working', of: (day) => day.working, sum: span(total.working), text: span },
    { label: 'waiting', of: (day) => day.waiting, sum: span(total.waiting), text: span },
    { label: 'turns', of: (day) => day.turns, sum: `${total.turns}`, text: String },
    { label: 'tokens', of: (day) => day.tokens, sum: big(total.tokens), text: big },
    {
      label: 'cost',
      of: (day) => day.dollars,
      sum: money(total),
      text: (value) => `$${value.toFixed(2)}`,
    },
    { label: 'saves', of: (day) => day.saves, sum: `${total.saves}`, text: String },
    { label: 'restores', of: (day) => day.restores, sum: `${total.restores}`, text: String },
    { label: 'not well', of: notWell, sum: span(notWell(total)), text: span },
  ];
  const room = Math.max(7, columns - labelCells - 26);
  const perBar = Math.ceil(days.length / room);
  // Two cells a day where there is room: bars that touch are hard to count.
  const wide = perBar === 1 && days.length * 2 <= room ? 2 : 1;
  const head = `${title}, ${days.length} ${days.length === 1 ? 'day' : 'days'}`;
  const ends = `${day(days[0]!.day)} to ${day(days.at(-1)!.day)}${perBar > 1 ? `, a bar is ${perBar} days` : ''}`;
  const lines = all.flatMap((line) => {
    const values = barsOf(days.map(line.of), perBar);
    const most = Math.max(...values);
    if (most === 0) return [];
    const bars = sparkline(values, values.length, topOf(values, 0));
    const drawn = [...bars].map((bar) => bar.repeat(wide)).join('');
    const label = `  ${line.label.padEnd(labelCells - 2)}`;
    const end = `  ${line.sum}${values.length > 1 ? `, at most ${line.text(most)}${perBar === 1 ? ' a day' : ''}` : ''}`;
    const cut = truncate(end, Math.max(0, columns - labelCells - drawn.length));
    return [`${label}${style('cyan', drawn)}${cut}`];
  });
  const none = lines.length === 0 ? ['  nothing was seen in this time'] : [];
  return [style('bold', truncate(`${head} (${ends})`, columns)), ...lines, ...none].join('\n');
}

function barsOf(values: readonly number[], perBar: number): number[] {
  // The last bar ends today; the first one may be of fewer days.
  const bars: number[] = [];
  for (let end = values.length; end > 0; end -= perBar)
    bars.unshift(values.slice(Math.max(0, end - perBar), end).reduce((sum, value) => sum + value, 0));
  return bars;
}

function notWell({ health }: Pick<DaySum, 'health'>): number {
  return health.warning + health.error;
}

/** The share of the time that was looked at in which all was well. */
function well({ health }: Total): string {
  const all = health.ok + notWell({ health });
  return all === 0 ? '-' : `${Math.floor((health.ok / all) * 100)}%`;
}

/** `01-31` */
function day(name: string): string {
  return name.slice(5);
}

/** Milliseconds as `-`, `12 min`, `3.4 h`. */
function span(milliseconds: number): string {
  const minutes = milliseconds / 60_000;
  if (minutes === 0) return '-';
  if (minutes < 1) return '<1 min';
  return minutes < 60 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}

function big(number: number): string {
  if (number < 1000) return `${Math.round(number)}`;
  if (number < 1_000_000) return `${(number / 1000).toFixed(number < 10_000 ? 1 : 0)}k`;
  return `${(number / 1_000_000).toFixed(1)}M`;
}

/** What has no known price is told by a `+`. */
function money({ dollars, unpriced }: Pick<Total, 'dollars' | 'unpriced'>): string {
  return `$${dollars.toFixed(2)}${unpriced ? '+' : ''}`;
}
