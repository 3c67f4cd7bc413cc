import { findNodeAtLocation, type JSONPath, parse } from 'jsonc-parser';
import { CwError } from '../errors.js';
import {
  checkJson,
  inserted,
  pretty,
  replaced,
  rootIfAny,
  rootOf,
  tolerant,
  without,
  withoutMark,
} from './json-edit.js';
import type { UserEdit } from './user-file.js';

/** A task of an editor's; the label is its name. */
export interface Labelled {
  readonly label: string;
}

export interface LabelledList {
  /** Where the list is; `[]`: the file is the list. */
  readonly at: JSONPath;
  /** The text of a file that has no list yet, with an empty one in it. */
  readonly empty: string;
  /** Those that are to stand in it, in their order. */
  readonly entries: readonly Labelled[];
  /** The labels of all that ever are ours. */
  readonly labels: readonly string[];
  /** What else makes a file one that is not understood, in words. */
  readonly misfit?: (value: unknown) => string | null;
}

/** Entries of ours in a list of JSON, known by their labels. */
export function labelledList({ at, empty, entries, labels, misfit }: LabelledList): UserEdit {
  const check = (text: string, path: string) =>
    checkJson(text, path, (root) => {
      const [kind, name] = at.length === 0 ? ['array', 'a list'] : ['object', 'an object'];
      if (root.type !== kind) return { node: root, what: `the file is to be ${name}` };
      const list = findNodeAtLocation(root, at);
      if (list && list.type !== 'array') return { node: list, what: `"${at.join('.')}" is to be a list` };
      const what = misfit?.(parse(withoutMark(text), [], tolerant));
      return what ? { node: root, what } : null;
    });
  const own = (text: string) => {
    const list = rootIfAny(text) && findNodeAtLocation(rootOf(text), at);
    return (list?.type === 'array' ? (list.children ?? []) : []).flatMap((node, place) => {
      const label = findNodeAtLocation(node, ['label'])?.value as unknown;
      if (typeof label !== 'string' || !labels.includes(label)) return [];
      const source = withoutMark(text).slice(node.offset, node.offset + node.length);
      return [{ label, at: [...at, place], value: parse(source, [], tolerant) as unknown }];
    });
  };
  return {
    put(text, path) {
      let after = text === null || text.trim() === '' ? empty : text;
      check(after, path);
      const key = at[0];
      if (key !== undefined && !findNodeAtLocation(rootOf(after), at))
        after = inserted(after, [], [`"${key}": []`]);
      for (const one of own(after).reverse()) {
        const wanted = entries.find(({ label }) => label === one.label);
        if (!wanted) after = without(after, one.at, () => false);
        else if (JSON.stringify(wanted) !== JSON.stringify(one.value))
          after = replaced(after, one.at, pretty(wanted));
      }
      const known = new Set(own(after).map(({ label }) => label));
      const fresh = entries.filter(({ label }) => !known.has(label));
      if (fresh.length > 0) after = inserted(after, at, fresh.map(pretty));
      // A key that stands twice: an editor reads the last one, an edit changes the first.
      const read = key === undefined ? [] : valueAt(parse(withoutMark(after), [], tolerant), key);
      if (key !== undefined && entries.some(({ label }) => !read.some((one) => one?.label === label)))
        throw new CwError('refused', `${path} has "${key}" twice, so what is added to it may not count.`, {
          hint: 'Nothing was written. Leave one of them, then try again.',
        });
      return after;
    },
    take(text, path, before) {
      check(text, path);
      const known = before === null ? null : rootIfAny(before);
      return own(text).reduceRight(
        (after, one) => without(after, one.at, (holder) => !known || !findNodeAtLocation(known, holder)),
        text,
      );
    },
    isIn: (text) => own(text).length > 0,
  };
}

function valueAt(value: unknown, key: string | number): (Labelled | null)[] {
  const list = (value as Record<string, unknown>)[key];
  return Array.isArray(list) ? list : [];
}
