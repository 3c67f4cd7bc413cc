import type { Template, TemplateWindow } from '../blueprint/template.js';

/**
 * Lays one template over the one that it extends:
 *
 * - a scalar or a list replaces the one below (`history_limit`, `panes`, `layout`, `root`, ...);
 * - maps merge, key by key (`vars`, `env`, `options`, `hooks`);
 * - windows merge by name, by these same rules. A window of the base keeps its place; new ones follow;
 * - `description` and `detect` say what a template itself is: they are not inherited, nor is `extends`.
 */
export function mergeTemplates(base: Template, over: Template): Template {
  const { description: _description, detect: _detect, extends: _baseExtends, ...inherited } = base;
  const { extends: _extends, ...own } = over;
  const merged: Template = { ...inherited, ...own };
  for (const key of ['vars', 'env', 'options'] as const) {
    if (base[key] && over[key]) merged[key] = { ...base[key], ...over[key] };
  }
  if (base.hooks && over.hooks) merged.hooks = { ...base.hooks, ...over.hooks };
  if (base.windows && over.windows) merged.windows = mergeWindows(base.windows, over.windows);
  return merged;
}

function mergeWindows(base: readonly TemplateWindow[], over: readonly TemplateWindow[]): TemplateWindow[] {
  const left = [...over];
  const merged = base.map((window) => {
    // Two windows may share a name: they pair off in order.
    const at = left.findIndex((candidate) => candidate.name === window.name);
    if (at < 0) return window;
    const [mine] = left.splice(at, 1);
    return mergeWindow(window, mine!);
  });
  return [...merged, ...left];
}

function mergeWindow(base: TemplateWindow, over: TemplateWindow): TemplateWindow {
  const merged: TemplateWindow = { ...base, ...over };
  if (base.options && over.options) merged.options = { ...base.options, ...over.options };
  // A layout is made for its panes: other panes do not take the base's.
  if (over.panes && !over.layout && over.panes.length !== base.panes?.length) delete merged.layout;
  return merged;
}
