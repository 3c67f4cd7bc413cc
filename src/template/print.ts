import { stringify } from 'yaml';
import { Template, TemplatePane, TemplateWindow } from '../blueprint/template.js';

/** A template as YAML that reads back as the same one, its keys in the schema's order. */
export function printTemplate(template: Template): string {
  const windows = template.windows?.map((window) => {
    const panes = window.panes?.map((pane) =>
      typeof pane === 'object' && pane !== null ? inOrder(pane, TemplatePane.shape) : pane,
    );
    return inOrder({ ...window, ...(panes ? { panes } : {}) }, TemplateWindow.shape);
  });
  return stringify(inOrder({ ...template, ...(windows ? { windows } : {}) }, Template.shape), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

function inOrder(value: object, shape: object): object {
  const entries = new Map(Object.entries(value));
  return Object.fromEntries(
    Object.keys(shape).flatMap((key) => (entries.get(key) === undefined ? [] : [[key, entries.get(key)]])),
  );
}
