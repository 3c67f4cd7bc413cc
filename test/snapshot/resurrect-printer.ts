import type { ResurrectSave, SavedPane, SavedSession, SavedWindow } from '../../src/snapshot/resurrect.js';

/**
 * Prints a save as tmux-resurrect's script does: each line has gone through the shell's `read` with TAB as separator,
 * which drops empty fields, and through `sed`, which escapes the first blank of a folder.
 */
export function printSave(save: ResurrectSave, version: 'v4' | 'before'): string {
  const each = (line: (session: SavedSession, window: SavedWindow) => string[]) =>
    save.sessions.flatMap((session) => session.windows.flatMap((window) => line(session, window)));
  return [
    ...save.members.map(
      ({ name, original, lastWindow, activeWindow }) =>
        `grouped_session\t${name}\t${original}\t:${lastWindow ?? ''}\t:${activeWindow ?? ''}`,
    ),
    ...each((session, window) => window.panes.map((pane) => paneLine(session, window, pane, version))),
    ...each((session, window) => [windowLine(session, window, version)]),
    `state\t${save.activeSession ?? ''}\t${save.lastSession ?? ''}`,
    '',
  ].join('\n');
}

function paneLine(
  session: SavedSession,
  window: SavedWindow,
  pane: SavedPane,
  version: 'v4' | 'before',
): string {
  const read = (fields: readonly string[], count: number): string[] => {
    const full = fields.filter((field) => field !== '');
    return Array.from({ length: count }, (_, at) => full[at] ?? '');
  };
  // What `list-panes` printed; the last two are the process and the length of the history.
  const place = ['pane', session.name, String(window.index)];
  const flags = [flag(window.active), flagsOf(window), String(pane.index)];
  const end = [`:${pane.folder}`, flag(pane.active), pane.command, '4711', '99'];
  const fields =
    version === 'v4'
      ? read([...place, ...flags, pane.title ?? '', ...end], 12)
      : read([...place, `:${window.name}`, ...flags, ...end], 12);
  fields[7] = (fields[7] ?? '').replace(' ', '\\ ');
  // Where a field was dropped the history's length stands for the process, and has no command.
  const command = fields[10] === '4711' ? `:${(pane.lines ?? []).join('\n')}` : ':';
  return [...fields.slice(0, 10), command].join('\t');
}

function windowLine(session: SavedSession, window: SavedWindow, version: 'v4' | 'before'): string {
  const fields = ['window', session.name, String(window.index)];
  if (version === 'v4') fields.push(`:${window.name}`);
  fields.push(flag(window.active), flagsOf(window), window.layout ?? '');
  if (version === 'v4') fields.push(window.automaticRename ?? ':');
  return fields.join('\t');
}

function flag(value: boolean): string {
  return value ? '1' : '0';
}

function flagsOf({ active, last, zoomed }: SavedWindow): string {
  return `:${active ? '*' : ''}${last ? '-' : ''}${zoomed ? 'Z' : ''}`;
}
