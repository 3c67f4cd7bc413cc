import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLParseError,
} from 'yaml';
import type { z } from 'zod';
import { nearest } from '../blueprint/suggest.js';
import { Candidate, Hooks, Marker, Template, TemplatePane, TemplateWindow } from '../blueprint/template.js';
import { CwError } from '../errors.js';

/**
 * Reads a template's YAML. The one file that loads the YAML parser and the schema: it is imported dynamically, and
 * only for templates that were not compiled at build.
 */

interface Fault {
  /** Offset in the text. */
  readonly at: number;
  readonly length: number;
  readonly message: string;
  /** An unknown key explains a missing one beside it. */
  readonly kind?: 'unknown' | 'missing';
}

/**
 * @param label the file's name as people shall see it.
 * @throws CwError `failed` with file, line, column, the lines in question, and how many more faults there are.
 */
export function parseTemplate(text: string, label: string): Template {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  if (document.errors.length > 0) {
    throw report(
      text,
      label,
      lines,
      document.errors.map((error) => ({
        at: error.pos[0],
        length: Math.max(1, error.pos[1] - error.pos[0]),
        message: `broken YAML: ${yamlMessage(error)}`,
      })),
    );
  }
  const faults = nodeFaults(document);
  if (faults.length > 0) throw report(text, label, lines, faults);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // So many aliases of aliases that they would fill the memory.
    throw new CwError('failed', `${label} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (value === null || value === undefined) {
    throw new CwError('failed', `${label} holds no template: it is empty.`, {
      hint: 'A starter with comments: cw template new NAME',
    });
  }
  const result = Template.safeParse(value);
  if (!result.success) {
    const found = result.error.issues.flatMap((issue) => faultsOf(issue, document, value));
    throw report(
      text,
      label,
      lines,
      found.filter((fault) => !isExplained(fault, found)),
    );
  }
  return result.data;
}

/** A window without a name that has a "nmae" is one fault, not two. */
function isExplained({ kind, at, length }: Fault, faults: readonly Fault[]): boolean {
  return (
    kind === 'missing' &&
    faults.some((other) => other.kind === 'unknown' && other.at >= at && other.at < at + length)
  );
}

/** The first fault with its lines, and the number of the others. */
function report(text: string, label: string, lines: LineCounter, faults: readonly Fault[]): CwError {
  const [first, ...others] = [...faults].sort((a, b) => a.at - b.at);
  const { line, col } = lines.linePos(first?.at ?? 0);
  const source = text.split('\n').map((entry) => printable(entry.replace(/\r$/, '')));
  const shown = source[line - 1] ?? '';
  const gutter = String(line).length;
  const row = (number: number) => `  ${String(number).padStart(gutter)} | ${source[number - 1] ?? ''}`;
  const carets = '^'.repeat(Math.max(1, Math.min(first?.length ?? 1, shown.length - col + 1)));
  const more =
    others.length === 0
      ? []
      : [`and ${others.length} more ${others.length === 1 ? 'fault' : 'faults'} in this file`];
  const message = [
    `${label}:${line}:${col}  ${first?.message ?? 'not a template'}`,
    ...(line > 1 ? [row(line - 1)] : []),
    row(line),
    `  ${' '.repeat(gutter)} | ${' '.repeat(col - 1)}${carets}`,
    ...more,
  ].join('\n');
  return new CwError('failed', message);
}

// A control character of a foreign file must not reach the terminal; a tab would move the carets.
function printable(line: string): string {
  return line.replace(/\t/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

function faultsOf(issue: Issue, document: Document, root: unknown, base: Path = []): Fault[] {
  const path = [...base, ...issue.path];
  const value = valueAt(root, path);
  if (issue.code === 'invalid_union') {
    const branch = fittingBranch(issue.errors);
    if (branch) return branch.flatMap((inner) => faultsOf(inner as Issue, document, root, path));
    return [misfit(document, path, value)];
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...fault(document, [...path, key], unknownKey(key, path), true),
      kind: 'unknown',
    }));
  }
  if (issue.code === 'invalid_type' && value === undefined) {
    const parent = path.slice(0, -1);
    const message = `${placeOf(parent)} needs "${String(path.at(-1))}"`;
    return [{ ...fault(document, parent, message), kind: 'missing' }];
  }
  if (issue.code === 'invalid_key') {
    return [
      fault(
        document,
        path,
        `"${printable(String(path.at(-1)))}" is not a name for a variable: letters, digits and _, no digit first`,
        true,
      ),
    ];
  }
  if (issue.code === 'too_small' && Array.isArray(value)) {
    return [fault(document, path, `${placeOf(path)} is empty: give it an entry, or leave the key out`)];
  }
  if (issue.code === 'invalid_value') {
    return [fault(document, path, `${placeOf(path)} must be one of ${issue.values.join(', ')}`)];
  }
  return [misfit(document, path, value)];
}

function unknownKey(key: string, path: Path): string {
  const known = knownKeys(path);
  // A cell is a pane, rows or columns: each of these keys is unknown beside another.
  if (known.includes(key)) return `${placeOf(path)} has "${key}" beside another of pane, rows and columns`;
  const near = nearest(key, known);
  const advice = near ? `; did you mean "${near}"?` : `; known ones: ${known.join(', ')}`;
  return `unknown key "${printable(key)}" in ${placeOf(path)}${advice}`;
}

/** Of a union's branches the one that was meant: not refused for the value's own kind; with the fewest faults. */
function fittingBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  return branches
    .filter(
      (issues) =>
        issues.length > 0 &&
        !issues.some((issue) => issue.path.length === 0 && issue.code !== 'unrecognized_keys'),
    )
    .sort((a, b) => a.length - b.length)[0];
}

/** Texts with a NUL byte, which no program's argument and no variable can hold; aliases of nothing. */
function nodeFaults(document: Document): Fault[] {
  const faults: Fault[] = [];
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && node.value.includes('\0')) {
        faults.push({ ...span(node), message: 'a text holds a NUL byte, which no program can be given' });
      }
    },
    Alias(_, node) {
      if (node.resolve(document) === undefined) {
        faults.push({
          ...span(node),
          message: `no anchor "&${printable(node.source)}" stands before this alias`,
        });
      }
    },
  });
  return faults;
}

function misfit(document: Document, path: Path, value: unknown): Fault {
  const want = wanted(path);
  const cure =
    typeof value !== 'string' && typeof value !== 'object' && want === 'a text' ? ': put it in quotes' : '';
  return fault(document, path, `${placeOf(path)} must be ${want}, not ${kindOf(value)}${cure}`);
}

function fault(document: Document, path: Path, message: string, atKey = false): Fault {
  return { ...locate(document, path, atKey), message };
}

/** Where a path of the value stands in the text: its node, or the nearest one above (merge keys have none). */
function locate(document: Document, path: Path, atKey: boolean): { at: number; length: number } {
  let found = span(document.contents);
  let node: unknown = document.contents;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) return found;
      const { key, value } = pair;
      found = last && !atKey && value !== null ? span(value) : span(key);
      node = value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (node === undefined) return found;
      found = span(node);
    } else return found;
  }
  return found;
}

function span(node: unknown): { at: number; length: number } {
  const range = (node as Node | null)?.range;
  return range ? { at: range[0], length: Math.max(1, range[1] - range[0]) } : { at: 0, length: 1 };
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
}

/** The path with its numbers and free names as `*`. */
function shapeOf(path: Path): string {
  return path.map((step) => (typeof step === 'number' ? '*' : String(step))).join('.');
}

const cell = { pane: 0, size: 0, rows: 0, columns: 0 };

function knownKeys(path: Path): string[] {
  const shape = shapeOf(path);
  if (shape === '') return Object.keys(Template.shape);
  if (shape === 'windows.*') return Object.keys(TemplateWindow.shape);
  if (shape === 'windows.*.panes.*') return Object.keys(TemplatePane.shape);
  if (shape.startsWith('windows.*.panes.*.run')) return Object.keys(Candidate.options[1].shape);
  if (shape.startsWith('windows.*.layout')) return Object.keys(cell);
  if (shape === 'hooks') return Object.keys(Hooks.shape);
  if (shape === 'detect.any.*') return Object.keys(Marker.shape);
  if (shape === 'detect') return ['priority', 'any'];
  return [];
}

function placeOf(path: Path): string {
  const shape = shapeOf(path);
  if (shape === '') return 'a template';
  if (shape === 'windows.*') return 'a window';
  if (shape === 'windows.*.panes.*') return 'a pane';
  if (shape === 'detect.any.*') return 'a marker of "detect"';
  if (shape.startsWith('windows.*.panes.*.run.')) return 'a command of "run"';
  if (shape.startsWith('windows.*.layout.') && typeof path.at(-1) === 'number') return 'a cell of "layout"';
  return `"${printable(String(path.at(-1)))}"`;
}

function wanted(path: Path): string {
  const shape = shapeOf(path);
  const last = String(path.at(-1) ?? '');
  if (shape === '') return 'a map of keys (description, windows, ...)';
  if (shape === 'windows.*') return 'a map with a name';
  if (shape === 'windows' || ['panes', 'rows', 'columns'].includes(last) || shape === 'detect.any')
    return 'a list';
  if (shape === 'windows.*.panes.*') return 'a command line, a map, or nothing';
  if (/^(vars|env|options)\./.test(shape) || /\.(env|options)\.[^.]+$/.test(shape)) {
    return 'a text, a number, or true or false (in quotes when it is empty)';
  }
  if (/(^|\.)(vars|env|options)$/.test(shape) || shape === 'hooks' || shape === 'detect') return 'a map';
  if (last === 'size') return 'a number of cells, or a percentage such as 40%';
  if (shape.startsWith('windows.*.layout.'))
    return 'the number of a pane, or a map with pane, rows or columns';
  if (last === 'layout')
    return 'a name of tmux (main-vertical, tiled, ...), a layout string, or rows or columns';
  if (last === 'worktree') return "a worktree's name, or its number from 1";
  if (last === 'run' || last === 'file' || (last === 'root' && shape.includes('panes')))
    return 'a text or a list of them';
  if (['focus', 'manual', 'synchronize', 'zoom', 'check_commands'].includes(last)) return 'true or false';
  if (last === 'priority') return 'a number';
  if (last === 'index') return 'a number, 0 or more';
  if (last === 'history_limit') return 'a number of lines, 0 or more';
  return 'a text';
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? `"${printable(value)}"` : String(value);
}

function yamlMessage(error: YAMLParseError): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here (---); a template is one';
  const message = error.message.replace(/\s+/g, ' ');
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
