import { type HealthFinding, worstLevel } from '../health/finding.js';
import { fold, indent, type Style, visible, width } from './output.js';

/** The report of health: a mark a line, worst first, grouped by workspace. */

type Level = HealthFinding['level'];

const marks: Readonly<Record<Level, readonly [mark: string, format: 'red' | 'yellow' | 'green']>> = {
  error: ['✗', 'red'],
  unknown: ['?', 'yellow'],
  warning: ['!', 'yellow'],
  ok: ['✓', 'green'],
};

const levels: readonly Level[] = ['error', 'unknown', 'warning', 'ok'];

export interface PictureOptions {
  /** Cells of a line. */
  readonly columns: number;
  readonly style: Style;
  /** Show also what is well. */
  readonly all: boolean;
}

export function healthPicture(findings: readonly HealthFinding[], options: PictureOptions): string {
  const groups = new Map<string | null, HealthFinding[]>();
  for (const finding of findings)
    groups.set(finding.workspace, [...(groups.get(finding.workspace) ?? []), finding]);
  const rank = (group: readonly HealthFinding[]) => levels.indexOf(worstLevel(group));
  const sorted = [...groups].sort(
    ([a, one], [b, other]) => rank(one) - rank(other) || compare(a ?? '', b ?? ''),
  );
  const isWell = (group: readonly HealthFinding[]) => worstLevel(group) === 'ok';
  const shown = sorted.filter(([, group]) => options.all || !isWell(group));
  const well = sorted.filter(([, group]) => isWell(group)).map(([name]) => name ?? 'tmux and disk');
  const lines = shown.map(([name, group]) => groupPicture(name, group, options));
  const also =
    well.length > 0 && !options.all ? [fold(`✓ well: ${well.join(', ')}`, options.columns).join('\n  ')] : [];
  return [...lines, ...also, sumOf(findings)].join('\n');
}

function groupPicture(
  name: string | null,
  group: readonly HealthFinding[],
  { columns, style, all }: PictureOptions,
): string {
  const head = style('bold', visible(name ?? 'tmux, disk, daemon'));
  const told = joined(group.filter(({ level }) => all || level !== 'ok'));
  const room = Math.min(20, Math.max(...told.map(({ subject }) => width(subject))));
  const lines = told.flatMap((finding) => {
    const [mark, format] = marks[finding.level];
    const start = `${style(format, mark)} ${pad(visible(finding.subject), room)}  `;
    const left = room + 4;
    const text = fold(visible(finding.message), Math.max(20, columns - left - 2));
    const body = `${start}${text.join(`\n${' '.repeat(left)}`)}`;
    if (finding.fix === null) return [body];
    const fix = finding.fix.split('\n').map((line) => visible(line));
    // To be copied, so it is not folded; and begins far left, to have room on one line.
    return [body, ...fix.map((line) => `    ${style('dim', line)}`)];
  });
  return `${head}\n${indent(lines.join('\n'))}`;
}

/** Those of one subject and level on one line, with the first one's cure; worst first, equals in their order. */
function joined(findings: readonly HealthFinding[]): HealthFinding[] {
  const found = new Map<string, HealthFinding>();
  for (const finding of findings) {
    const key = `${finding.level} ${finding.subject}`;
    const other = found.get(key);
    found.set(
      key,
      other
        ? { ...other, message: `${other.message} · ${finding.message}`, fix: other.fix ?? finding.fix }
        : finding,
    );
  }
  return [...found.values()].sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

function sumOf(findings: readonly HealthFinding[]): string {
  const workspaces = new Set(findings.flatMap(({ workspace }) => workspace ?? [])).size;
  const parts = (['error', 'unknown', 'warning'] as const).flatMap((level) => {
    const number = findings.filter((finding) => finding.level === level).length;
    return number === 0 ? [] : [`${number} ${level}${number > 1 && level !== 'unknown' ? 's' : ''}`];
  });
  const open = `${workspaces} ${workspaces === 1 ? 'workspace' : 'workspaces'}`;
  return `${open}: ${parts.length === 0 ? 'all is well' : parts.join(', ')}.`;
}

function pad(text: string, room: number): string {
  return text + ' '.repeat(Math.max(0, room - width(text)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
