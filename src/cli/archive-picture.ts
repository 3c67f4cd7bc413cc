import type { FoundCommand, Inspection } from '../archive/inspect.js';
import { sizeText } from '../archive/limits.js';
import { isNamedLayout, type LayoutCell, parseLayout } from '../blueprint/layout.js';
import type { Window } from '../blueprint/model.js';
import type { ObservedPane } from '../snapshot/model.js';
import { drawWindow, type Line } from './drawing.js';
import { type Style, styler, table, visible, width } from './output.js';

/** What `cw inspect` prints. All of it is foreign: each text is made visible before it is printed. */

const kindNames: Readonly<Record<string, string>> = {
  snapshot: 'snapshot',
  scrollback: 'text of panes',
  editor: 'sessions of editors',
  transcript: 'conversations',
  subagent: 'conversations of subagents',
  origin: 'origins of conversations',
  repository: 'state of git',
  commits: 'commits',
  patch: 'work that is not committed',
  journal: 'journal',
};

export function archivePicture(inspection: Inspection, columns: number, color: boolean): string {
  const { manifest, snapshot, commands, tamed, warnings, remotes } = inspection;
  const style = styler(color);
  const tmux = manifest.tmux === null ? '' : `, tmux ${manifest.tmux}`;
  const git = snapshot.git
    ? `, on ${snapshot.git.branch ?? 'no branch'}${snapshot.git.dirty ? ' with changes' : ''}`
    : '';
  const parts = [
    [
      `${style('bold', visible(manifest.workspace))}  of ${visible(manifest.host)}, ${visible(manifest.at)}`,
      visible(`${manifest.project}${git}`),
      visible(`Written by cw ${manifest.cw}${tmux}; ${sizeText(inspection.bytes)}. All checksums are right.`),
    ],
    snapshot.blueprint.windows.flatMap((window, at) =>
      windowPicture(window, at, snapshot.panes, columns, style),
    ),
    section('It holds', [
      ...lines(
        inspection.holds.map(({ kind, count, bytes }) => [
          kindNames[kind] ?? kind,
          `${count}`,
          sizeText(bytes),
        ]),
        columns,
      ),
    ]),
    section(
      'An import could run this, with --run; without, each line waits for Enter',
      commandLines(commands, columns),
    ),
    section(
      'A clone would come from',
      remotes.map((url) => `  ${visible(url)}`),
    ),
    section(
      'What an import leaves out without --run',
      lines(
        tamed.map(({ what, why }) => [what, why]),
        columns,
      ),
    ),
    section(
      'What was left out when it was written',
      lines(
        manifest.leftOut.map(({ what, why }) => [what, why]),
        columns,
      ),
    ),
    section(
      'Made unreadable when it was written',
      manifest.redacted.map((name) => `  ${visible(name)}`),
    ),
    section(
      'Mind',
      warnings.map((warning) => `  ${visible(warning)}`),
    ),
  ];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n');
}

function section(title: string, body: readonly string[]): string[] {
  return body.length === 0 ? [] : [`${title}:`, ...body];
}

function lines(rows: readonly (readonly string[])[], columns: number): string[] {
  if (rows.length === 0) return [];
  return table(rows, columns - 2)
    .split('\n')
    .map((line) => `  ${line}`);
}

/** Commands are never cut: what is not seen would be run all the same. */
function commandLines(commands: readonly FoundCommand[], columns: number): string[] {
  const heads = commands.map(({ where, what }) => [where, visible(what)] as const);
  const first = Math.max(0, ...heads.map(([where]) => where.length));
  const second = Math.min(30, Math.max(0, ...heads.map(([, what]) => width(what))));
  return commands.map(({ line }, at) => {
    const [where, what] = heads[at]!;
    const head = `  ${where.padEnd(first)}  ${what}${' '.repeat(Math.max(0, second - width(what)))}`;
    const shown = visible(line);
    return width(head) + 2 + width(shown) <= columns ? `${head}  ${shown}` : `${head}\n      ${shown}`;
  });
}

function windowPicture(
  window: Window,
  at: number,
  panes: Readonly<Record<string, ObservedPane>>,
  columns: number,
  style: Style,
): string[] {
  const title: Line = [
    { text: `${at + 1} ${window.name}`, style: (text) => style('bold', text) },
    { text: `  ${window.size.width}x${window.size.height}` },
  ];
  const textOf = (_number: number | null, place: number): readonly Line[] => {
    const pane = window.panes[place];
    if (!pane) return [];
    const observed = panes[pane.key];
    return [
      [{ text: `${place + 1} ${pane.role ?? 'shell'}  ${runs(pane.run ?? pane.startCommand, observed)}` }],
      [{ text: `  ${pane.cwd}`, style: (text) => style('dim', text) }],
    ];
  };
  const frame = (text: string) => style('dim', text);
  return drawWindow(layoutOf(window), textOf, { width: columns, title, frame }).map((line) => line.trimEnd());
}

/** The cells as they were; below each other where that is not told. */
function layoutOf(window: Window): LayoutCell {
  const { layout, size, panes } = window;
  if (layout.includes(',') && !isNamedLayout(layout)) return parseLayout(layout);
  const cell = { ...size, x: 0, y: 0, kind: 'pane', pane: null } as const;
  return panes.length === 1
    ? cell
    : { ...size, x: 0, y: 0, kind: 'rows', children: panes.map(() => ({ ...cell, height: 1 })) };
}

function runs(declared: string | null, observed: ObservedPane | undefined): string {
  if (observed?.conversation) return 'claude';
  switch (observed?.program.kind) {
    case 'group':
      return observed.program.processes.map(({ argv }) => argv.join(' ')).join(' | ');
    case 'dead':
      return 'ended';
    case 'declared':
      return declared ?? '';
    default:
      return observed?.typed ?? '';
  }
}
