import { isAlias, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { CwError } from '../../errors.js';

/** A foreign file's data: every scalar is its text as it stands (`1.0`, `yes`), or null. */
export type Data = string | null | readonly Data[] | { readonly [key: string]: Data };
export type DataMap = { readonly [key: string]: Data };

/**
 * Reads YAML (and so JSON) as the peers' own parsers do: anchors and merge keys are put in; what is a number or a
 * truth to YAML stays text, since nearly all of it is typed into a shell.
 *
 * @throws CwError `failed` with line and column for what is no YAML, no map, or grows by its aliases without end.
 */
export function readYaml(text: string, label: string): DataMap {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: false,
  });
  const fail = (at: number, why: string) => {
    const { line, col } = lines.linePos(at);
    return new CwError('failed', `${label}:${line}:${col}  ${why}`, {
      hint: 'Nothing was imported from it.',
    });
  };
  const error = document.errors[0];
  if (error) throw fail(error.pos[0], `broken YAML: ${error.message.replace(/\s+/g, ' ')}`);
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && node.value.includes('\0'))
        throw fail(node.range?.[0] ?? 0, 'a text holds a NUL byte, which no program can be given');
      if (node.value !== null && typeof node.value !== 'string')
        node.value = node.source ?? String(node.value);
    },
    Alias(_, node) {
      if (node.resolve(document) === undefined)
        throw fail(node.range?.[0] ?? 0, `no anchor "&${node.source}" stands before this alias`);
    },
    Pair(_, pair) {
      const key = isAlias(pair.key) ? pair.key.resolve(document) : pair.key;
      if (key === null || isScalar(key)) return;
      throw fail((isMap(key) && key.range?.[0]) || 0, 'a key is a map or a list');
    },
  });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
    if (holdsItself(value, [])) throw new Error('an anchor holds itself');
  } catch (error) {
    throw new CwError('failed', `${label} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as DataMap;
  throw new CwError('failed', `${label} holds no map of keys: no manager of tmux sessions has such a file.`);
}

function holdsItself(value: unknown, above: readonly unknown[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (above.includes(value)) return true;
  return Object.values(value).some((inner) => holdsItself(inner, [...above, value]));
}

export function isDataMap(value: Data | undefined): value is DataMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
