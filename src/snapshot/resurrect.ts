/**
 * Reads the save files of tmux-resurrect: lines of TAB-separated fields, `pane`, `window`, `grouped_session` and
 * `state`, as its `save.sh` writes them. From v4 on a pane's line holds its title, and the window's line the window's
 * name; before, the pane's line held the name.
 *
 * That script passes each line through the shell's `read` with TAB as separator, which drops empty fields and so
 * moves all that follows; what could be empty has a `:` before it, but for the title.
 */

export interface SavedPane {
  readonly index: number;
  /** null: saved before titles were. */
  readonly title: string | null;
  readonly folder: string;
  readonly active: boolean;
  /** The name of what ran in the foreground; empty where that is not known. */
  readonly command: string;
  /**
   * Its command line, and after it lines that were saved with it: arguments that hold newlines, or other processes
   * (`ps | grep ^PID` also finds those of longer numbers). null: it is lost. Empty: nothing ran below the shell.
   */
  readonly lines: readonly string[] | null;
}

export interface SavedWindow {
  /** As it was, with the user's base-index in it. */
  readonly index: number;
  /** null: the line of the window is missing, and no pane's line has a name. */
  readonly name: string | null;
  readonly active: boolean;
  /** The one before the active one. */
  readonly last: boolean;
  readonly zoomed: boolean;
  /** tmux's layout string; null: the line of the window is missing. */
  readonly layout: string | null;
  /** The window's own option; null: it had none. `unknown`: saved before v4. */
  readonly automaticRename: string | null | 'unknown';
  /** In the order of their indexes. */
  readonly panes: readonly SavedPane[];
}

export interface SavedSession {
  readonly name: string;
  /** In the order of their indexes. */
  readonly windows: readonly SavedWindow[];
}

/** A session that shows the windows of another one. */
export interface SavedGroupMember {
  readonly name: string;
  readonly original: string;
  /** Indexes of windows; null where there was none. */
  readonly lastWindow: number | null;
  readonly activeWindow: number | null;
}

export interface ResurrectSave {
  /** In the order of the file. */
  readonly sessions: readonly SavedSession[];
  readonly members: readonly SavedGroupMember[];
  /** What the client showed, and before that; null: none was attached. */
  readonly activeSession: string | null;
  readonly lastSession: string | null;
  /** What could not be read as it was meant, for people, each with the number of its line. */
  readonly problems: readonly string[];
}

/** Reads a save; never throws: what cannot be read is a problem, and the rest stands. */
export function parseResurrect(text: string): ResurrectSave {
  const reader = new SaveReader();
  for (const [at, line] of text.split('\n').entries()) reader.line(line, at + 1);
  return reader.save();
}

/** True for a save that something can be made of again. One of a dying server holds at most its state. */
export function holdsSessions(save: ResurrectSave): boolean {
  return save.sessions.length > 0;
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type PaneDraft = Omit<Writable<SavedPane>, 'lines'> & { lines: string[] | null };
type WindowDraft = Omit<Writable<SavedWindow>, 'panes'> & { panes: PaneDraft[] };

class SaveReader {
  private readonly sessions = new Map<string, Map<number, WindowDraft>>();
  private readonly members: SavedGroupMember[] = [];
  private readonly problems: string[] = [];
  private activeSession: string | null = null;
  private lastSession: string | null = null;
  /** Lines of a command that goes on are those of the pane before. */
  private pane: PaneDraft | null = null;
  private withoutTabs = false;

  line(text: string, number: number): void {
    const fields = text.split('\t');
    const wrong = (why: string) => this.problems.push(`Line ${number} ${why}.`);
    switch (fields[0]) {
      case 'pane':
        this.pane = this.paneLine(fields, wrong);
        return;
      case 'window':
        this.pane = null;
        this.windowLine(fields, wrong);
        return;
      case 'grouped_session':
        this.pane = null;
        this.memberLine(fields, wrong);
        return;
      case 'state':
        this.pane = null;
        this.activeSession = fields[1] || null;
        this.lastSession = fields[2] || null;
        return;
    }
    if (/^(pane|window|state|grouped_session)_[^\t]*\t*:*$/.test(text)) {
      if (!this.withoutTabs) {
        wrong(
          'was saved without a UTF-8 locale: tmux wrote "_" for the TABs, and its fields cannot be told apart',
        );
      }
      this.withoutTabs = true;
      this.pane = null;
    } else if (this.pane) {
      this.pane.lines?.push(text);
    } else if (text !== '') {
      wrong('is none that tmux-resurrect writes');
    }
  }

  save(): ResurrectSave {
    const sessions = [...this.sessions].map(([name, windows]): SavedSession => {
      const sorted = [...windows.values()].sort((a, b) => a.index - b.index);
      for (const { panes } of sorted) panes.sort((a, b) => a.index - b.index);
      // What is left of blank lines, or a command that ends in a newline, says nothing.
      for (const pane of sorted.flatMap(({ panes }) => panes)) {
        if (pane.lines) pane.lines = pane.lines.map((line) => line.trimEnd()).filter((line) => line !== '');
      }
      return { name, windows: sorted };
    });
    const { members, activeSession, lastSession, problems } = this;
    return { sessions, members, activeSession, lastSession, problems };
  }

  private paneLine(fields: readonly string[], wrong: (why: string) => void): PaneDraft | null {
    // v4: ... window_active :flags pane_index; before: ... :name window_active :flags pane_index.
    const named = fields[3]?.startsWith(':') === true && isFlag(fields[4]);
    const [active, flags, paneIndex] = fields.slice(named ? 4 : 3);
    const session = fields[1];
    const index = numberOf(fields[2]);
    const place = numberOf(paneIndex);
    const rest = restOf(fields.slice(named ? 7 : 6));
    if (!session || index === null || place === null || !isFlag(active) || !flags?.startsWith(':') || !rest) {
      wrong('names a pane, and its fields are not those that tmux-resurrect writes');
      return null;
    }
    const window = this.window(session, index);
    if (window.panes.some((other) => other.index === place)) {
      wrong(`names the pane ${session}:${index}.${place} a second time`);
      return null;
    }
    window.active = active === '1';
    takeFlags(window, flags);
    if (named) {
      window.name = fields[3]!.slice(1);
      window.automaticRename = 'unknown';
    }
    const title = named || !rest.hasTitle ? null : rest.title;
    const pane: PaneDraft = { index: place, title, ...rest.pane };
    window.panes.push(pane);
    return pane;
  }

  private windowLine(fields: readonly string[], wrong: (why: string) => void): void {
    // v4: ... :name active :flags layout automatic-rename; before: ... active :flags layout [automatic-rename].
    const named = fields[3]?.startsWith(':') === true;
    const [active, flags, layout, automaticRename] = fields.slice(named ? 4 : 3);
    const session = fields[1];
    const index = numberOf(fields[2]);
    if (!session || index === null || !isFlag(active) || !flags?.startsWith(':') || !layout) {
      wrong('names a window, and its fields are not those that tmux-resurrect writes');
      return;
    }
    const window = this.window(session, index);
    window.active = active === '1';
    takeFlags(window, flags);
    window.layout = layout;
    if (named) window.name = fields[3]!.slice(1);
    // `:` stands for an option that the window did not have itself.
    if (automaticRename !== undefined) window.automaticRename = automaticRename.replace(/^:$/, '') || null;
    else window.automaticRename = named ? null : 'unknown';
  }

  private memberLine(fields: readonly string[], wrong: (why: string) => void): void {
    const [, name, original, last, active] = fields;
    if (!name || !original) {
      wrong('names no session of a group');
      return;
    }
    const indexIn = (field: string | undefined) => numberOf(field?.replace(/^:/, ''));
    this.members.push({ name, original, lastWindow: indexIn(last), activeWindow: indexIn(active) });
  }

  private window(session: string, index: number): WindowDraft {
    const windows = this.sessions.get(session) ?? new Map<number, WindowDraft>();
    this.sessions.set(session, windows);
    const known = windows.get(index);
    if (known) return known;
    const made: WindowDraft = {
      index,
      name: null,
      active: false,
      last: false,
      zoomed: false,
      layout: null,
      automaticRename: 'unknown',
      panes: [],
    };
    windows.set(index, made);
    return made;
  }
}

/**
 * What follows a pane's index: `[title] :folder active command :command line`. Where it should stand is not where it
 * must be: an empty title is not there at all, and a TAB in a title or a folder makes one field two. The folder is the
 * field with a colon before the first flag.
 */
function restOf(
  fields: readonly string[],
): { hasTitle: boolean; title: string; pane: Omit<PaneDraft, 'index' | 'title'> } | null {
  for (let flag = 1; flag < fields.length; flag += 1) {
    if (!isFlag(fields[flag])) continue;
    let start = flag - 1;
    while (start >= 0 && !fields[start]!.startsWith(':')) start -= 1;
    if (start < 0) continue; // a title that is itself "0" or "1"
    const [command = '', full, ...more] = fields.slice(flag + 1);
    // Behind fields that have moved stands the command of another process: one whose number is our history's length.
    const kept = full?.startsWith(':') === true && !/^\d+$/.test(command);
    return {
      // Ten fields before v4's titles and after v3's names, as a version in between wrote them.
      hasTitle: start > 0 || !kept,
      title: fields.slice(0, start).join('\t'),
      pane: {
        // The shell's `sed` escapes the first blank.
        folder: fields.slice(start, flag).join('\t').slice(1).replaceAll('\\ ', ' '),
        active: fields[flag] === '1',
        command: /^\d+$|^:/.test(command) ? '' : command,
        lines: kept ? [[full.slice(1), ...more].join('\t')] : null,
      },
    };
  }
  return null;
}

function takeFlags(window: WindowDraft, flags: string): void {
  window.last = flags.includes('-');
  window.zoomed = flags.includes('Z');
}

function isFlag(field: string | undefined): boolean {
  return field === '0' || field === '1';
}

function numberOf(field: string | undefined): number | null {
  return field !== undefined && /^\d{1,9}$/.test(field) ? Number(field) : null;
}
