import { countPanes, isNamedLayout, namedLayouts, parseLayout } from '../../blueprint/layout.js';
import type { Cell, Template, TemplatePane, TemplateWindow } from '../../blueprint/template.js';
import { messageOf } from '../../errors.js';
import type { ForeignFacts, ForeignFormat, Imported } from './model.js';
import { type Data, type DataMap, isDataMap } from './read-yaml.js';
import { Texts } from './texts.js';

/** What all readers of foreign files share: warnings, texts, and the template that grows. */
export class Draft {
  readonly warnings: string[] = [];
  readonly texts: Texts;
  readonly warn = (sentence: string): void => {
    if (!this.warnings.includes(sentence)) this.warnings.push(sentence);
  };

  constructor(
    readonly format: ForeignFormat,
    readonly facts: ForeignFacts,
  ) {
    this.texts = new Texts(facts, this.warn);
  }

  /** Reads the keys of a map; those that nobody asked for are named at its end. */
  keys(map: DataMap, where: string): Keys {
    return new Keys(map, where, this);
  }

  /** The finished template. */
  imported(session: string, root: string | null, rest: Omit<Template, 'description'>): Imported {
    const { vars } = this.texts;
    return {
      format: this.format,
      session: this.texts.value(session),
      root: root === null ? null : this.texts.value(root),
      template: {
        description: `${this.texts.value(session).replace(/[\x00-\x1f\x7f]/g, ' ')}, from ${this.format}`,
        ...(root !== null && { root: this.texts.text(root) }),
        check_commands: false,
        ...(Object.keys(vars).length > 0 && { vars }),
        ...rest,
      },
      warnings: this.warnings,
    };
  }

  /**
   * A layout by its name (or the beginning of one, as tmux takes it) or as a string; undefined, with a warning, for
   * one that tmux would not take for so many panes.
   */
  layout(text: string, panes: number, where: string): string | undefined {
    const layout = this.texts.value(text);
    if (isNamedLayout(layout)) return layout;
    const meant = namedLayouts.filter((name) => name.startsWith(layout) && !name.endsWith('-mirrored'));
    if (meant.length === 1) return meant[0];
    try {
      if (countPanes(parseLayout(layout)) === panes) return layout;
      this.warn(`The layout of ${where} is not carried over: it has other cells than the ${panes} panes.`);
    } catch (error) {
      this.warn(`The layout of ${where} is not carried over: ${messageOf(error)}`);
    }
    return undefined;
  }

  /** What a pane runs: lines, which the other manager types one after another. */
  pane(lines: readonly string[], rest: TemplatePane = {}): TemplatePane {
    const commands = lines.filter((line) => line.trim() !== '').map((line) => this.texts.command(line));
    for (const line of commands.slice(0, -1)) {
      if (talks.test(line))
        this.warn(
          `What follows "${line}" in its pane runs when that has ended here, and is not typed into it.`,
        );
    }
    return { ...(commands.length > 0 && { run: commands.join('\n') }), ...rest };
  }

  /** Window options that stand among those of the session go to each window, as tmux would look them up. */
  options(options: DataMap): { session: Record<string, string>; window: Record<string, string> } {
    const session: Record<string, string> = {};
    const window: Record<string, string> = {};
    for (const [name, value] of Object.entries(options)) {
      const text = typeof value === 'string' ? optionValue(value) : '';
      if (value !== null && typeof value === 'object')
        this.warn(`The option ${name} is not carried over: its value is a list or a map.`);
      else (windowOptions.test(name) ? window : session)[name] = this.texts.text(text);
    }
    return { session, window };
  }
}

/** Programs that would read the lines that follow. */
const talks =
  /^\s*(ssh|mosh|telnet|su|sudo\s+-[is]|bash|zsh|fish|sh|python3?|irb|node|psql|mysql|sqlite3|redis-cli|nix-shell|poetry shell|pipenv shell|(docker|podman)\s.*-[a-z]*t[a-z]*\s.*)(\s+[^;&|]*)?$/;

const windowOptions =
  /^(aggressive-resize|allow-(passthrough|rename|set-title)|alternate-screen|automatic-rename(-format)?|clock-mode-.*|cursor-(colour|style)|copy-mode-.*|fill-character|main-pane-(height|width)|mode-(keys|style)|monitor-(activity|bell|silence)|other-pane-(height|width)|pane-(active-border-style|base-index|border-.*|colours|scrollbars.*)|popup-.*|remain-on-exit(-format)?|scroll-on-clear|synchronize-panes|tiled-layout-max-columns|window-(active-style|size|status-.*|style)|wrap-search)(\[\d+\])?$/;

/** YAML's truths, as tmux has them. */
export function optionValue(text: string): string {
  if (/^(true|yes)$/i.test(text)) return 'on';
  return /^(false|no)$/i.test(text) ? 'off' : text;
}

/**
 * Cells as splitting makes them where no layout is chosen: each new pane takes the lower half of the one before.
 */
export function halved(panes: number): TemplateWindow['layout'] {
  if (panes < 2) return undefined;
  const rest = (from: number): Cell => (from === panes ? from : { rows: [from, rest(from + 1)] });
  return { rows: [1, rest(2)] };
}

/**
 * What each pane of a window is sent whose panes are synchronized from the start: the lines for a new pane go to all
 * that are there by then.
 */
export function sentToAll(panes: readonly (readonly string[])[]): string[][] {
  return panes.map((_, at) => panes.slice(at).flat());
}

/** The keys of one map. */
export class Keys {
  private readonly left: Set<string>;

  constructor(
    private readonly map: DataMap,
    readonly where: string,
    private readonly draft: Draft,
  ) {
    this.left = new Set(Object.keys(map));
  }

  has(key: string): boolean {
    return this.map[key] !== undefined && this.map[key] !== null;
  }

  take(key: string): Data | undefined {
    this.left.delete(key);
    return Object.hasOwn(this.map, key) ? this.map[key] : undefined;
  }

  text(key: string): string | null {
    const value = this.take(key);
    if (value === undefined || value === null || typeof value === 'string') return value ?? null;
    this.misfit(key, 'a text');
    return null;
  }

  /** One text, or a list of them; null entries are left out. */
  texts(key: string): string[] {
    const value = this.take(key);
    const list = Array.isArray(value) ? (value as readonly Data[]) : [value ?? null];
    if (list.some((one) => typeof one === 'object' && one !== null))
      this.misfit(key, 'a text or a list of texts');
    return list.filter((one): one is string => typeof one === 'string');
  }

  flag(key: string): boolean {
    return /^(true|yes|on|1)$/i.test(this.text(key) ?? '');
  }

  maps(key: string): DataMap {
    const value = this.take(key);
    if (isDataMap(value)) return value;
    if (value !== undefined && value !== null) this.misfit(key, 'a map');
    return {};
  }

  list(key: string): readonly Data[] {
    const value = this.take(key);
    if (Array.isArray(value)) return value as readonly Data[];
    if (value !== undefined && value !== null) this.misfit(key, 'a list');
    return [];
  }

  /** Variables: their values as text. */
  variables(key: string): Record<string, string> {
    const found: Record<string, string> = {};
    for (const [name, value] of Object.entries(this.maps(key))) {
      if (!/^[A-Za-z_]\w*$/.test(name) || (value !== null && typeof value !== 'string'))
        this.draft.warn(
          `The variable ${JSON.stringify(name)} of ${this.where} is not carried over: tmux cannot hold it.`,
        );
      else found[name] = value ?? '';
    }
    return found;
  }

  /** Names a key that has no counterpart, where the file has it. */
  leave(key: string, why: string): void {
    const there = this.has(key);
    this.left.delete(key);
    if (there) this.draft.warn(`${key} of ${this.where} is not carried over: ${why}`);
  }

  /** Names the keys that nobody asked for. */
  end(): void {
    for (const key of this.left)
      this.draft.warn(
        `${JSON.stringify(key)} of ${this.where} is not carried over: ${this.draft.format} has no such key.`,
      );
  }

  private misfit(key: string, want: string): void {
    this.draft.warn(`${key} of ${this.where} is not carried over: it is not ${want}.`);
  }
}
