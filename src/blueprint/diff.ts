import type { Blueprint, Pane, Window } from './model.js';

export interface Difference {
  /** `windows[code].panes[1].cwd`; panes count from 1. */
  readonly path: string;
  /** undefined: the thing is only in the other one. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * What differs between two blueprints, field by field. Windows are matched by their index and panes by their
 * place; keys are only names within one blueprint and do not count, nor does the order of variables.
 */
export function diff(before: Blueprint, after: Blueprint): Difference[] {
  const found: Difference[] = [];
  compare('', fieldsOf(before), fieldsOf(after), found);
  const indexes = new Set([...before.windows, ...after.windows].map((window) => window.index));
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const old = before.windows.find((window) => window.index === index);
    const now = after.windows.find((window) => window.index === index);
    const path = `windows[${labelOf((old ?? now)!, old ? before : after)}]`;
    if (old && now) compareWindows(path, old, now, found);
    else found.push({ path, before: old, after: now });
  }
  return found;
}

function compareWindows(path: string, before: Window, after: Window, found: Difference[]): void {
  compare(path, windowFields(before), windowFields(after), found);
  for (let at = 0; at < Math.max(before.panes.length, after.panes.length); at += 1) {
    const old = before.panes[at];
    const now = after.panes[at];
    const panePath = `${path}.panes[${at + 1}]`;
    if (old && now) compare(panePath, paneFields(old), paneFields(now), found);
    else found.push({ path: panePath, before: old, after: now });
  }
}

function fieldsOf(blueprint: Blueprint): object {
  const { windows, activeWindow, lastWindow, environment, ...fields } = blueprint;
  const indexOf = (key: string | null) => windows.find((window) => window.key === key)?.index ?? null;
  return {
    ...fields,
    environment: Object.fromEntries(environment.map(({ name, ...variable }) => [name, variable])),
    activeWindow: indexOf(activeWindow),
    lastWindow: indexOf(lastWindow),
  };
}

function windowFields(window: Window): object {
  const { key: _key, panes, activePane, lastPane, ...fields } = window;
  const placeOf = (key: string | null) => panes.findIndex((pane) => pane.key === key) + 1 || null;
  return { ...fields, activePane: placeOf(activePane), lastPane: placeOf(lastPane) };
}

function paneFields({ key: _key, ...fields }: Pane): object {
  return fields;
}

/** By its name, unless another window has the same one. */
function labelOf(window: Window, { windows }: Blueprint): string {
  const same = windows.filter((other) => other.name === window.name);
  return same.length === 1 ? window.name : `${window.index}:${window.name}`;
}

function compare(path: string, before: object, after: object, found: Difference[]): void {
  const old = new Map(Object.entries(before));
  const now = new Map(Object.entries(after));
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    compareValues(`${path}${step(name, path)}`, old.get(name), now.get(name), found);
  }
}

function compareValues(path: string, before: unknown, after: unknown, found: Difference[]): void {
  if (isRecord(before) && isRecord(after)) compare(path, before, after, found);
  else if (before !== after) found.push({ path, before, after });
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function step(name: string, path: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `[${name}]`;
  return path === '' ? name : `.${name}`;
}
