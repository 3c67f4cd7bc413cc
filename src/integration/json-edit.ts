import {
  createScanner,
  findNodeAtLocation,
  type JSONPath,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { CwError } from '../errors.js';

/**
 * Edits of JSON that people write: comments, trailing commas, order, indents, line ends and a byte order mark stay as
 * they are. Pure.
 */

/** How such files are read: as VS Code, Zed and Claude Code do. */
export const tolerant = { allowTrailingComma: true, disallowComments: false };

/** Something that stands where it does not fit. */
export interface Misfit {
  readonly node: Node;
  readonly what: string;
}

/**
 * @param misfit what else must hold of it.
 * @throws CwError `refused` with file, line and column, where the text is no JSON or does not fit.
 */
export function checkJson(text: string, path: string, misfit: (root: Node) => Misfit | null): void {
  const errors: ParseError[] = [];
  const root = parseTree(withoutMark(text), errors, tolerant);
  const [error] = errors;
  const wrong =
    error || !root
      ? {
          offset: error?.offset ?? 0,
          what: ` is no JSON (${error ? printParseErrorCode(error.error) : 'nothing in it'})`,
        }
      : fitted(misfit(root));
  if (!wrong) return;
  const { line, column } = positionOf(text, wrong.offset);
  throw new CwError('refused', `${path}:${line}:${column}${wrong.what}.`, {
    hint: 'Nothing was written. Mend it, then try again.',
  });
}

function fitted(wrong: Misfit | null): { offset: number; what: string } | null {
  return wrong && { offset: wrong.node.offset, what: `: ${wrong.what}` };
}

/**
 * Takes one entry out, and what held nothing else.
 *
 * @param isOurs whether what holds it may go with it when it is empty then.
 */
export function without(text: string, at: JSONPath, isOurs: (holder: JSONPath) => boolean): string {
  let cut = at;
  while (cut.length > 1) {
    const holder = cut.slice(0, -1);
    if (findNodeAtLocation(rootOf(text), holder)?.children?.length !== 1 || !isOurs(holder)) break;
    cut = holder;
  }
  const body = withoutMark(text);
  return markOf(text) + cutOut(body, findNodeAtLocation(rootOf(text), cut)!);
}

/**
 * (The library's own `modify` takes too little of a list whose last entry stands before the bracket, and comments with
 * it: jsonc-parser 3.3.)
 */
function cutOut(body: string, value: Node): string {
  const node = value.parent?.type === 'property' ? value.parent : value;
  const siblings = node.parent?.children ?? [];
  const close = node.parent ? node.parent.offset + node.parent.length - 1 : body.length;
  const start = node.offset - /\s*$/.exec(body.slice(0, node.offset))![0].length;
  const end = node.offset + node.length;
  const { comma } = lookBehind(body, end, close);
  if (comma !== null) return body.slice(0, start) + body.slice(comma);
  const before = siblings[siblings.indexOf(node) - 1];
  if (!before) return body.slice(0, start) + body.slice(end).replace(/^\s+(?=[\]}])/, '');
  const separator = lookBehind(body, before.offset + before.length, node.offset).comma!;
  return body.slice(0, separator - 1) + body.slice(separator, start) + body.slice(end);
}

/**
 * Puts entries behind the last one of an object or a list, and touches nothing else: each gets a line of its own with
 * the indent of those that are there, or, in a list on one line, a place on that. What is said beside the last entry
 * stays beside it. Entries on several lines (`pretty`) are indented as the file is.
 */
export function inserted(text: string, at: JSONPath, entries: readonly string[]): string {
  const body = withoutMark(text);
  const node = findNodeAtLocation(rootOf(text), at)!;
  const { unit, eol } = formOf(body);
  const last = node.children?.at(-1);
  const close = node.offset + node.length - 1;
  const behind = last ? last.offset + last.length : node.offset + 1;
  const { comma, lineEnd } = lookBehind(body, behind, close);
  const put: [offset: number, text: string][] = [];
  const isOneLine = entries.every((entry) => !entry.includes('\n'));
  if (node.type === 'array' && lineEnd === null && isOneLine) {
    put.push([comma ?? behind, `${last && comma === null ? ', ' : last ? ' ' : ''}${entries.join(', ')}`]);
  } else {
    const outer = indentAt(body, node.offset);
    const indent = last && isFirstOfLine(body, last.offset) ? indentAt(body, last.offset) : outer + unit;
    const lines = entries.map((entry) => `${eol}${indent}${indented(entry, indent, unit, eol)}`).join(',');
    if (last && comma === null) put.push([behind, ',']);
    put.push([lineEnd ?? comma ?? behind, lines + (last || lineEnd !== null ? '' : `${eol}${outer}`)]);
  }
  let made = body;
  for (const [offset, more] of put.reverse()) made = made.slice(0, offset) + more + made.slice(offset);
  return markOf(text) + made;
}

/** What is between the last entry and the end of what holds it: behind its comma, and the end of its line. */
function lookBehind(
  text: string,
  from: number,
  to: number,
): { comma: number | null; lineEnd: number | null } {
  const scanner = createScanner(text.slice(0, to), false);
  scanner.setPosition(from);
  let comma: number | null = null;
  for (;;) {
    const token = scanner.scan();
    if (token === commaToken) comma = scanner.getPosition();
    if (token === lineBreakToken) return { comma, lineEnd: scanner.getTokenOffset() };
    if (token === endToken) return { comma, lineEnd: null };
  }
}

// SyntaxKind of the library is a const enum, which its module does not have at run time.
const [commaToken, lineBreakToken, endToken] = [5, 14, 17];

function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))![0];
}

function isFirstOfLine(text: string, offset: number): boolean {
  return /(^|\n)[ \t]*$/.test(text.slice(0, offset));
}

/** The text with another entry in one place (`oneLine`, `pretty`). */
export function replaced(text: string, at: JSONPath, entry: string): string {
  const body = withoutMark(text);
  const { offset, length } = findNodeAtLocation(rootOf(text), at)!;
  const { unit, eol } = formOf(body);
  const made = indented(entry, indentAt(body, offset), unit, eol);
  return markOf(text) + body.slice(0, offset) + made + body.slice(offset + length);
}

/** JSON on several lines, as `inserted` and `replaced` take it. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, null, '\t');
}

function indented(entry: string, indent: string, unit: string, eol: string): string {
  return entry.replace(/\n(\t*)/g, (_, tabs: string) => eol + indent + unit.repeat(tabs.length));
}

/** JSON on one line, with blanks: `[{ "hooks": [{ "type": "command" }] }]` */
export function oneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${oneLine(field)}`);
  return `{ ${fields.join(', ')} }`;
}

/** How the file is written: its own line ends, and blanks or tabs as its first inner line has them. */
function formOf(text: string): { unit: string; eol: string } {
  return { unit: /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ', eol: text.includes('\r\n') ? '\r\n' : '\n' };
}

/** @throws where it is no JSON. */
export function rootOf(text: string): Node {
  const root = parseTree(withoutMark(text), [], tolerant);
  if (!root) throw new Error('not JSON');
  return root;
}

export function rootIfAny(text: string): Node | null {
  return parseTree(withoutMark(text), [], tolerant) ?? null;
}

/** The byte order mark that some editors put first. */
function markOf(text: string): string {
  return text.startsWith('\ufeff') ? '\ufeff' : '';
}

export function withoutMark(text: string): string {
  return text.slice(markOf(text).length);
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = withoutMark(text).slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
