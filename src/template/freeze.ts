import { isAbsolute, join } from 'node:path';
import type { Blueprint, Pane, Window } from '../blueprint/model.js';
import { looksSecret, tokenShapes } from '../blueprint/secrets.js';
import type { Template, TemplatePane, TemplateWindow } from '../blueprint/template.js';
import { Texts } from './foreign/texts.js';

export interface FreezeFacts {
  /** The folder that others are told relative to, absolute. */
  readonly root: string;
  readonly home: string;
  /** tmux gives it to panes as their title. */
  readonly hostName: string;
  /** What each opening of the project sets by itself. */
  readonly given: Readonly<Record<string, string>>;
  /** The line of what runs in a pane and was not declared, by the pane's key. */
  readonly running: ReadonlyMap<string, string>;
}

export interface Frozen {
  readonly template: Template;
  /** Sentences on what is left out. */
  readonly warnings: readonly string[];
}

/** The template by which a living session can be opened again, in its project or in another one. */
export function freeze(blueprint: Blueprint, facts: FreezeFacts): Frozen {
  const warnings: string[] = [];
  const warn = (sentence: string) => void warnings.push(sentence);
  const texts = new Texts({ env: {} }, warn);
  const freezer = new Freezer(facts, texts, warn);
  const { 'history-limit': limit, ...options } = blueprint.options;
  const env: Record<string, string> = {};
  for (const { name, value, hidden } of blueprint.environment) {
    if (value === null || hidden)
      warn(`The variable ${name} is left out: it is ${hidden ? 'hidden' : 'removed'}.`);
    else if (facts.given[name] !== value) Object.assign(env, freezer.variable(name, value));
  }
  if (blueprint.group !== null) warn(`The session group "${blueprint.group}" is left out.`);
  const hooks = Object.fromEntries(
    Object.entries(blueprint.hooks).flatMap(([name, line]) => {
      const command = freezer.command(line, `the hook ${name}`);
      return command === undefined ? [] : [[name, command]];
    }),
  );
  const windows = blueprint.windows.map((window) => freezer.window(window, blueprint));
  return {
    template: {
      check_commands: false,
      ...(Object.keys(texts.vars).length > 0 && { vars: texts.vars }),
      ...filled({ env, options: freezer.options(options), hooks }),
      ...(limit !== undefined && { history_limit: Number(limit) }),
      windows,
    },
    warnings,
  };
}

class Freezer {
  constructor(
    private readonly facts: FreezeFacts,
    private readonly texts: Texts,
    private readonly warn: (sentence: string) => void,
  ) {}

  options(options: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, this.texts.text(value)]));
  }

  /** None for a secret. */
  variable(name: string, value: string): Record<string, string> {
    if (looksSecret(name, value) || holdsSecret(value)) {
      this.warn(`The variable ${name} is left out: it looks secret.`);
      return {};
    }
    return { [name]: this.texts.text(value) };
  }

  command(line: string, where: string): string | undefined {
    if (!holdsSecret(line)) return this.texts.command(line);
    this.warn(`The command of ${where} is left out: it holds what looks like a secret.`);
    return undefined;
  }

  window(window: Window, { activeWindow, windows }: Blueprint): TemplateWindow {
    const where = `window "${window.name}"`;
    if (window.link !== null)
      this.warn(`${where} is shared with another workspace: here it is one of its own.`);
    const { 'automatic-rename': renames, ...rest } = window.options;
    // A template names its windows; one that tmux names has to say so.
    const options = {
      ...(renames !== 'off' && { 'automatic-rename': renames ?? 'on' }),
      ...this.options(rest),
    };
    const isNext = window.index === (windows[windows.indexOf(window) - 1]?.index ?? -1) + 1;
    return {
      name: this.texts.text(window.name),
      ...(!isNext && { index: window.index }),
      ...(window.panes.length > 1 && { layout: window.layout }),
      ...filled({ options }),
      ...(window.zoomed && { zoom: true }),
      ...(window.key === activeWindow && windows[0] !== window && { focus: true }),
      panes: window.panes.map((pane, at) => this.pane(pane, at, window, where)),
    };
  }

  private pane(pane: Pane, at: number, window: Window, inWindow: string): TemplatePane {
    const where = `pane ${at + 1} of ${inWindow}`;
    const line = pane.startCommand === null ? (pane.run ?? this.facts.running.get(pane.key)) : undefined;
    const run = line === undefined ? undefined : this.command(line, where);
    const start = pane.startCommand === null ? undefined : this.command(pane.startCommand, where);
    const env = Object.assign({}, ...Object.entries(pane.environment).map((pair) => this.variable(...pair)));
    if (pane.historyLimit !== null)
      this.warn(`The scrollback of ${where} (${pane.historyLimit} lines) is left out.`);
    const root = this.folder(pane.cwd);
    const named = pane.title !== (pane.role ?? '') && pane.title !== this.facts.hostName;
    return {
      ...(pane.role !== null && { role: pane.role }),
      ...(named && { title: this.texts.text(pane.title) }),
      ...(run !== undefined && { run }),
      ...(start !== undefined && { start_command: start }),
      ...(root !== '.' && { root: this.texts.text(root) }),
      ...(pane.shell !== null && { shell: this.texts.text(pane.shell) }),
      ...filled({ env, options: this.options(pane.options) }),
      ...(at > 0 && pane.key === window.activePane && { focus: true }),
      ...(pane.restart !== 'never' && { restart: pane.restart }),
    };
  }

  /** As a template says it: below the project's folder, below home, or absolute. */
  private folder(path: string): string {
    const { root, home } = this.facts;
    if (path === root) return '.';
    if (isBelow(path, root)) {
      const inside = path.slice(join(root, '/').length);
      return inside.startsWith('~') || isAbsolute(inside) ? `./${inside}` : inside;
    }
    if (path === home) return '~';
    return isBelow(path, home) ? `~/${path.slice(join(home, '/').length)}` : path;
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(join(folder, '/'));
}

/** A token, or a word that gives a secret by its name (`API_KEY=...`, `--password=...`). */
function holdsSecret(text: string): boolean {
  if (tokenShapes.some(({ pattern }) => new RegExp(pattern.source).test(text))) return true;
  return text.split(/[\s'"]+/).some((word) => {
    const [, name = '', value = ''] = /^-{0,2}([A-Za-z_][\w-]*)=(.+)$/.exec(word) ?? [];
    return looksSecret('', word) || (name !== '' && looksSecret(name.replaceAll('-', '_'), value));
  });
}

/** Without the maps that hold nothing. */
function filled<T extends Record<string, object>>(maps: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(maps).filter(([, map]) => Object.keys(map).length > 0),
  ) as Partial<T>;
}
