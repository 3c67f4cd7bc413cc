import { join } from 'node:path';
import type { Cell, TemplatePane, TemplateWindow } from '../../blueprint/template.js';
import { CwError } from '../../errors.js';
import { Draft } from './draft.js';
import type { ForeignFacts, Imported } from './model.js';

/**
 * tmuxifier's layouts are shell scripts. None is run: the commands that its documentation names are read
 * (lib/layout-helpers.sh of jimeh/tmuxifier), and every other line is named in a warning.
 *
 * @throws CwError `failed` when no window is made.
 */
export function readTmuxifier(source: string, facts: ForeignFacts): Imported {
  const reader = new ScriptReader(new Draft('tmuxifier', facts));
  reader.read(source, facts.label, []);
  return reader.finish();
}

interface ScriptPane {
  root: string | null;
  readonly lines: string[];
  typed: string;
  program: string | null;
}

interface ScriptWindow {
  readonly name: string;
  /** In the order of the layout's cells. */
  readonly panes: ScriptPane[];
  tree: Tree;
  layout: string | null;
  active: number;
  synchronize: boolean;
}

type Tree = ScriptPane | { readonly split: 'rows' | 'columns'; readonly parts: [Sized, Sized] };
interface Sized {
  readonly tree: Tree;
  readonly size: string | number | undefined;
}

class ScriptReader {
  private session: string | null = null;
  private sessionRoot: string | null = null;
  private windowRoot: string | null = null;
  private readonly windows: ScriptWindow[] = [];
  private current: ScriptWindow | null = null;
  private selected: string | null = null;

  constructor(private readonly draft: Draft) {}

  read(source: string, label: string, above: readonly string[]): void {
    const lines = source.replace(/\\\r?\n/g, ' ').split(/\r?\n/);
    for (const [at, line] of lines.entries()) {
      const words = wordsOf(line);
      if (words?.length === 0) continue;
      const [name, ...args] = words ?? [];
      const isIf = name === 'if' && args[0] === 'initialize_session';
      const known =
        isIf || ['fi', 'finalize_and_go_to_session', 'clock'].includes(name ?? '')
          ? this.frame(name ?? '', args)
          : name !== undefined && this.command(name, args, above);
      if (!known)
        this.draft.warn(`Line ${at + 1} of ${label} is not carried over: ${line.trim().slice(0, 200)}`);
    }
  }

  private frame(name: string, args: readonly string[]): boolean {
    if (name === 'clock') return false;
    if (name === 'if') this.session = args.slice(1).find((word) => word !== ';' && word !== 'then') ?? null;
    return true;
  }

  private command(name: string, args: readonly string[], above: readonly string[]): boolean {
    const [first = '', second] = args;
    const window = this.current;
    switch (name) {
      case 'initialize_session':
        this.session = first || null;
        return true;
      case 'session_root':
        this.sessionRoot = this.folder(args.join(' '));
        return true;
      case 'window_root':
        this.windowRoot = this.folder(args.join(' '));
        return true;
      case 'new_window':
        this.newWindow(first, second ?? null);
        return true;
      case 'load_window':
        return this.load(first, second ?? null, above);
      case 'split_v':
      case 'split_h':
        return this.split(
          name === 'split_v' ? 'rows' : 'columns',
          first === '' ? undefined : `${first}%`,
          second,
        );
      case 'split_vl':
      case 'split_hl':
        return this.split(
          name === 'split_vl' ? 'rows' : 'columns',
          first === '' ? undefined : Number(first),
          second,
        );
      case 'run_cmd':
      case 'send_keys':
        return this.send(first, second, name === 'run_cmd');
      case 'select_window':
        this.selected = first;
        this.current = this.windowCalled(first) ?? window;
        return true;
      case 'select_pane': {
        const place = this.place(first);
        if (window && place !== null) window.active = place;
        return window !== null && place !== null;
      }
      case 'balance_windows_vertical':
      case 'balance_windows_horizontal':
      case 'synchronize_on':
      case 'synchronize_off': {
        const meant = first === '' ? window : this.windowCalled(first);
        if (!meant) return false;
        if (name.startsWith('balance'))
          meant.layout = name.endsWith('vertical') ? 'even-vertical' : 'even-horizontal';
        else meant.synchronize = name === 'synchronize_on';
        return true;
      }
      default:
        return false;
    }
  }

  private folder(text: string): string {
    return text
      .replace(/^\$(HOME\b|\{HOME\})/, '~')
      .replace(/\$(?:(\w+)|\{(\w+)\})/g, (_, bare?: string, braced?: string) =>
        this.draft.texts.environment(bare ?? braced ?? ''),
      );
  }

  private newWindow(name: string, program: string | null): void {
    const pane = this.newPane(program);
    const made: ScriptWindow = {
      name,
      panes: [pane],
      tree: pane,
      layout: null,
      active: 0,
      synchronize: false,
    };
    this.windows.push(made);
    this.current = made;
    this.selected = null;
  }

  private newPane(program: string | null = null): ScriptPane {
    return { root: this.windowRoot, lines: [], typed: '', program };
  }

  private load(name: string, other: string | null, above: readonly string[]): boolean {
    const { facts } = this.draft;
    const file = name.endsWith('.sh') ? name : `${name}.window.sh`;
    const path = file.startsWith('/') ? file : join(facts.folder, file);
    if (above.includes(path) || above.length > 20) {
      this.draft.warn(`The window ${name} is not loaded: it loads itself.`);
      return true;
    }
    const text = facts.readFile(path);
    if (text === null) return false;
    if (other !== null)
      this.draft.warn(`The name ${other} for the window ${name} counts only where its file names no window.`);
    this.read(text, file, [...above, path]);
    this.windowRoot = null;
    return true;
  }

  private split(
    split: 'rows' | 'columns',
    size: string | number | undefined,
    target: string | undefined,
  ): boolean {
    const window = this.current;
    const place = target === undefined ? window?.active : this.place(target);
    const old = window && place != null ? window.panes[place] : undefined;
    const isGood =
      size === undefined || (typeof size === 'number' ? size > 0 : /^([1-9]\d?|100)%$/.test(size));
    if (!window || place == null || !old || !isGood) return false;
    const pane = this.newPane();
    const replaced = (tree: Tree): Tree => {
      if (tree === old)
        return {
          split,
          parts: [
            { tree, size: undefined },
            { tree: pane, size },
          ],
        };
      if (!('split' in tree)) return tree;
      const [a, b] = tree.parts;
      return {
        ...tree,
        parts: [
          { ...a, tree: replaced(a.tree) },
          { ...b, tree: replaced(b.tree) },
        ],
      };
    };
    window.tree = replaced(window.tree);
    window.panes.splice(place + 1, 0, pane);
    window.active = place + 1;
    window.layout = null;
    return true;
  }

  private send(text: string, target: string | undefined, enter: boolean): boolean {
    const window = this.current;
    const place = target === undefined ? window?.active : this.place(target);
    const pane = window && place != null ? window.panes[place] : undefined;
    if (!pane) return false;
    const isEnter = !enter && /^(C-m|Enter)$/.test(text);
    if (!isEnter) pane.typed += text;
    if (enter || isEnter) {
      if (pane.typed !== '') pane.lines.push(pane.typed);
      pane.typed = '';
    }
    return true;
  }

  private place(word: string): number | null {
    const place = Number(word) - this.draft.facts.paneBaseIndex;
    return /^\d+$/.test(word) && this.current?.panes[place] ? place : null;
  }

  private windowCalled(word: string): ScriptWindow | undefined {
    const { baseIndex } = this.draft.facts;
    return (
      this.windows.find((one) => one.name === word) ??
      this.windows[/^\d+$/.test(word) ? Number(word) - baseIndex : -1]
    );
  }

  finish(): Imported {
    const { draft } = this;
    const { label, name } = draft.facts;
    if (this.windows.length === 0) throw new CwError('failed', `${label} makes no window that can be read.`);
    // The last window that was made is the active one, unless another one is selected.
    const chosen = this.selected === null ? this.windows.at(-1) : this.windowCalled(this.selected);
    if (!chosen) draft.warn(`select_window ${this.selected} is not carried over: there is no such window.`);
    const session = this.session ?? name.replace(/\.(session|window)$/, '');
    const windows = this.windows.map((window, at) => ({
      ...this.window(window, at),
      ...(window === chosen && { focus: true }),
    }));
    return draft.imported(session, this.sessionRoot, { windows });
  }

  private window(window: ScriptWindow, at: number): TemplateWindow {
    const { draft } = this;
    const numbers = new Map(window.panes.map((pane, place) => [pane, place + 1]));
    const cell = (tree: Tree, size: Sized['size']): Cell => {
      const sized = size === undefined ? {} : { size };
      if (!('split' in tree)) return { pane: numbers.get(tree)!, ...sized };
      const parts = tree.parts.map((part) => cell(part.tree, part.size));
      return tree.split === 'rows' ? { rows: parts, ...sized } : { columns: parts, ...sized };
    };
    const tree = cell(window.tree, undefined);
    const layout = window.layout ?? (typeof tree !== 'number' && !('pane' in tree) ? tree : undefined);
    return {
      name: draft.texts.text(window.name === '' ? `window ${at + 1}` : window.name),
      ...(window.name === '' && { options: { 'automatic-rename': 'on' } }),
      ...(layout !== undefined && { layout }),
      ...(window.synchronize && { synchronize: true }),
      panes: window.panes.map((pane, place) => this.pane(pane, place === window.active && place > 0)),
    };
  }

  private pane(pane: ScriptPane, focus: boolean): TemplatePane {
    const { draft } = this;
    const rest: TemplatePane = {
      ...(pane.root !== null && { root: draft.texts.text(pane.root) }),
      ...(focus && { focus: true }),
    };
    if (pane.program !== null) {
      for (const line of pane.lines)
        draft.warn(`"${line}" is not carried over: it is typed into ${pane.program}.`);
      return { ...rest, start_command: draft.texts.command(pane.program) };
    }
    if (pane.typed === '') return draft.pane(pane.lines, rest);
    if (pane.lines.length === 0) return { typed: draft.texts.command(pane.typed), ...rest };
    draft.warn(`send_keys "${pane.typed}" is not carried over: its pane runs commands, too.`);
    return draft.pane(pane.lines, rest);
  }
}

/** The words of a line without its comment; null for one that a shell would have to work out. */
function wordsOf(line: string): string[] | null {
  const words: string[] = [];
  const word =
    /\s*(?:(#.*)$|(;)|((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;#&|<>()`][^\s'"\\;&|<>()`]*|(?<=\S)#)+))/y;
  let at = 0;
  while (line.slice(at).trim() !== '') {
    word.lastIndex = at;
    const found = word.exec(line);
    if (!found) return null;
    at = word.lastIndex;
    if (found[1] !== undefined) break;
    if (found[2] !== undefined) continue;
    const text = found[3] ?? '';
    if (/\$\(|`/.test(text)) return null;
    words.push(
      text.replace(
        /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
        (_, single?: string, double?: string, escaped?: string) =>
          single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
      ),
    );
  }
  return words;
}
