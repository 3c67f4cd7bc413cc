import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  applyEdits,
  createScanner,
  findNodeAtLocation,
  type JSONPath,
  modify,
  type Node,
  type ParseError,
  parse,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { CwError, systemCode } from '../errors.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { homeFolder, stateFolder, tildePath } from '../system/paths.js';
import { hookEntry, isOwnHook } from './hook-settings.js';
import { hookEvents } from './model.js';

/**
 * Our hooks in the user's own `settings.json`: put in and taken out by the smallest edit that does it, so that
 * comments, order and form stay as they are.
 */

export type SettingsScope = 'user' | 'project';

/** A settings file and what stands in it now. */
export interface SettingsFile {
  /** As Claude Code looks for it. */
  readonly path: string;
  /** The file itself, behind links: it is written, the links stay. */
  readonly target: string;
  /** null: there is none. */
  readonly text: string | null;
  readonly mode: number;
}

/** What is to become of a settings file. */
export interface SettingsChange {
  readonly file: SettingsFile;
  /** null: the file goes away. The same as `file.text`: nothing is to be done. */
  readonly after: string | null;
}

/** The path of Claude Code's settings: the user's, or those of the project's folder (not of its parents). */
export function settingsPath(scope: SettingsScope, env: NodeJS.ProcessEnv, folder: string): string {
  if (scope === 'project') return join(folder, '.claude', 'settings.json');
  return join(env.CLAUDE_CONFIG_DIR || join(homeFolder(env), '.claude'), 'settings.json');
}

/** @throws CwError where it is there and cannot be read. */
export function readSettingsFile(path: string): SettingsFile {
  const target = behindLinks(path);
  try {
    const stat = statSync(target);
    if (!stat.isFile()) throw new CwError('refused', `${path} is no file.`);
    return { path, target, text: decode(readFileSync(target), path), mode: stat.mode & 0o777 };
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ENOENT') return { path, target, text: null, mode: 0o600 };
    if (code === undefined) throw cause;
    throw new CwError('failed', `${path} cannot be read (${code}).`, { cause });
  }
}

/** What puts our hooks in. @throws CwError `refused` where the file is no JSON, or says something else with `hooks`. */
export function planInstall(file: SettingsFile): SettingsChange {
  const { path } = file;
  let after = file.text === null || file.text.trim() === '' ? '{}\n' : file.text;
  check(after, path);
  // Those of another installation, or of events that are not listened to any more.
  const stale = ownHooks(after).filter(({ hook, event }) => !isCurrent(hook, event));
  for (const { at, event } of stale.reverse()) {
    after = isListened(event) ? replaced(after, at, hookEntry(event)) : withoutHook(after, at, null);
  }
  const known = new Set(ownHooks(after).map(({ event }) => event));
  const fresh: string[] = [];
  for (const event of hookEvents) {
    if (known.has(event)) continue;
    const group = oneLine({ hooks: [hookEntry(event)] });
    const at = ['hooks', event];
    if (findNodeAtLocation(rootOf(after), at)) after = inserted(after, at, [group]);
    else fresh.push(`"${event}": [${group}]`);
  }
  if (fresh.length > 0) {
    if (!findNodeAtLocation(rootOf(after), ['hooks'])) after = inserted(after, [], ['"hooks": {}']);
    after = inserted(after, ['hooks'], fresh);
  }
  // A key that stands twice: Claude reads the last one, an edit changes the first.
  const read = ownHooksOf(parse(after, [], tolerant));
  if (hookEvents.some((event) => !read.has(event)))
    throw new CwError('refused', `${path} has a key twice, so what is added to it may not count.`, {
      hint: 'Nothing was written. Leave one of them, then try again.',
    });
  return { file, after };
}

/**
 * What takes our hooks out. A file that is as we left it becomes what it was, byte for byte; in one that was changed
 * since, only our entries go.
 */
export function planRemove(file: SettingsFile, env: NodeJS.ProcessEnv): SettingsChange {
  const { text, path } = file;
  if (text === null) return { file, after: null };
  const memory = recall(file.target, env);
  if (memory && memory.after === hashOf(text)) return { file, after: memory.before };
  if (text.trim() === '') return { file, after: text };
  check(text, path);
  let after = text;
  const before = memory?.before ? rootIfAny(memory.before) : null;
  for (const { at } of ownHooks(text).reverse()) after = withoutHook(after, at, before);
  return { file, after };
}

/**
 * Writes a change, and remembers what was there before for its undo.
 *
 * @returns false when the file is not any more what the change was made of: nothing was written.
 * @throws CwError `refused` for a file that its owner made read-only, `failed` where it cannot be written.
 */
export function applyChange(change: SettingsChange, env: NodeJS.ProcessEnv): boolean {
  const { file, after } = change;
  const now = readSettingsFile(file.path);
  if (now.text !== file.text || now.target !== file.target) return false;
  if (after === file.text) return true;
  refuseReadOnly(file, env);
  const removes = after === null || ownHooks(after).length === 0;
  const memory = recall(file.target, env);
  // Where hooks of ours stand already (of another installation), an undo gives what it would have given before.
  const before = planRemove(file, env).after;
  const hadFolder = memory?.hadFolder ?? isThere(dirname(file.target));
  try {
    if (!removes) remember(file.target, { before, after: hashOf(after), hadFolder }, env);
    if (after === null) {
      rmSync(file.target);
      if (!hadFolder) removeEmpty(dirname(file.target));
    } else {
      ensurePrivateFolder(dirname(file.target));
      writeFileAtomic(file.target, after, file.mode);
    }
    if (removes) rmSync(memoryPath(file.target, env), { force: true });
  } catch (cause) {
    const code = systemCode(cause);
    throw new CwError('failed', `${tildePath(file.target, env)} cannot be written (${code ?? cause}).`, {
      hint: 'It is as it was.',
      cause,
    });
  }
  return true;
}

/** A change as lines for people: `+` and `-` with two lines around each place. */
export function previewLines(change: SettingsChange): string[] {
  const before = linesOf(change.file.text);
  const marked = compare(before, linesOf(change.after));
  const near = marked.map((_, at) =>
    marked.slice(Math.max(0, at - 2), at + 3).some(([sign]) => sign !== ' '),
  );
  const shown: string[] = [];
  for (const [at, [sign, line]] of marked.entries()) {
    if (near[at]) shown.push(`${sign} ${line}`);
    else if (near[at - 1]) shown.push('  ...');
  }
  if (shown.at(-1) === '  ...') shown.pop();
  return shown;
}

// --- JSON ---

const tolerant = { allowTrailingComma: true, disallowComments: false };

function check(text: string, path: string): void {
  const errors: ParseError[] = [];
  const root = parseTree(withoutMark(text), errors, tolerant);
  const [error] = errors;
  if (error || !root) {
    const { line, column } = positionOf(text, error?.offset ?? 0);
    const what = error ? printParseErrorCode(error.error) : 'nothing in it';
    throw new CwError('refused', `${path}:${line}:${column} is no JSON (${what}).`, {
      hint: 'Nothing was written. Mend it, then try again.',
    });
  }
  const wrong = misfit(root);
  if (!wrong) return;
  const { line, column } = positionOf(text, wrong.node.offset);
  throw new CwError('refused', `${path}:${line}:${column}: ${wrong.what}.`, {
    hint: 'Nothing was written. Mend it, then try again.',
  });
}

/** The first thing that stands where our hooks would go and is no place for them. */
function misfit(root: Node): { node: Node; what: string } | null {
  if (root.type !== 'object') return { node: root, what: 'settings are an object' };
  const hooks = findNodeAtLocation(root, ['hooks']);
  if (!hooks) return null;
  if (hooks.type !== 'object') return { node: hooks, what: '"hooks" is to be an object' };
  for (const property of hooks.children ?? []) {
    const [key, value] = property.children ?? [];
    if (value && value.type !== 'array')
      return { node: value, what: `"hooks.${String(key?.value)}" is to be a list` };
  }
  return null;
}

interface OwnHook {
  readonly at: JSONPath;
  readonly event: string;
  readonly hook: unknown;
}

/** Our entries in a text that is JSON, or blank, in their order. */
function ownHooks(text: string): OwnHook[] {
  const found: OwnHook[] = [];
  const root = rootIfAny(text);
  const hooks = root && findNodeAtLocation(root, ['hooks']);
  for (const property of hooks?.children ?? []) {
    const [key, groups] = property.children ?? [];
    for (const [place, group] of (groups?.children ?? []).entries()) {
      const entries = findNodeAtLocation(group, ['hooks']);
      for (const [at, entry] of (entries?.type === 'array' ? (entries.children ?? []) : []).entries()) {
        const command = findNodeAtLocation(entry, ['command']);
        if (!isOwnHook(command?.value)) continue;
        const event = String(key?.value);
        const hook: unknown = parse(withoutMark(text).slice(entry.offset, entry.offset + entry.length));
        found.push({ at: ['hooks', event, place, 'hooks', at], event, hook });
      }
    }
  }
  return found;
}

/** The events that have a current hook of ours in settings as Claude reads them. */
function ownHooksOf(settings: unknown): Set<string> {
  const { hooks } = settings as { hooks?: Record<string, { hooks?: unknown[] }[]> };
  const entries = Object.entries(hooks ?? {});
  return new Set(
    entries
      .filter(([event, groups]) =>
        groups.some((group) => group?.hooks?.some((hook) => isCurrent(hook, event))),
      )
      .map(([event]) => event),
  );
}

function isCurrent(hook: unknown, event: string): boolean {
  if (!isListened(event)) return false;
  const { type, command, timeout } = hookEntry(event);
  const one = hook as Record<string, unknown>;
  return one.type === type && one.command === command && one.timeout === timeout;
}

function isListened(event: string): event is (typeof hookEvents)[number] {
  return (hookEvents as readonly string[]).includes(event);
}

/** Takes one hook out, and what held nothing else, unless that stood in `before` already. */
function withoutHook(text: string, at: JSONPath, before: Node | null): string {
  let cut = at;
  // The hook, its list, its group, the event's list, the event, all hooks: up to where something else stands.
  while (cut.length > 1) {
    const parent = cut.slice(0, -1);
    // A group is known by no key of its own, and one with only our hook in it is ours.
    const isOurs = parent.length > 2 || !before || !findNodeAtLocation(before, parent);
    const node = findNodeAtLocation(rootOf(text), parent);
    const isAlone = node?.children?.length === 1;
    if (!isAlone || !isOurs) break;
    cut = parent;
  }
  const body = withoutMark(text);
  return markOf(text) + applyEdits(body, modify(body, cut, undefined, {}));
}

/**
 * Puts entries behind the last one of an object or a list, and touches nothing else: each gets a line of its own with
 * the indent of those that are there, or, in a list on one line, a place on that. What is said beside the last entry
 * stays beside it.
 */
function inserted(text: string, at: JSONPath, entries: readonly string[]): string {
  const body = withoutMark(text);
  const node = findNodeAtLocation(rootOf(text), at)!;
  const { unit, eol } = formOf(body);
  const last = node.children?.at(-1);
  const close = node.offset + node.length - 1;
  const behind = last ? last.offset + last.length : node.offset + 1;
  const { comma, lineEnd } = lookBehind(body, behind, close);
  const put: [offset: number, text: string][] = [];
  if (node.type === 'array' && lineEnd === null) {
    put.push([comma ?? behind, `${last && comma === null ? ', ' : last ? ' ' : ''}${entries.join(', ')}`]);
  } else {
    const outer = indentAt(body, node.offset);
    const indent = last && isFirstOfLine(body, last.offset) ? indentAt(body, last.offset) : outer + unit;
    const lines = entries.map((entry) => `${eol}${indent}${entry}`).join(',');
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

function replaced(text: string, at: JSONPath, value: unknown): string {
  const body = withoutMark(text);
  const { offset, length } = findNodeAtLocation(rootOf(text), at)!;
  return markOf(text) + body.slice(0, offset) + oneLine(value) + body.slice(offset + length);
}

/** `[{ "hooks": [{ "type": "command" }] }]` */
function oneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${oneLine(field)}`);
  return `{ ${fields.join(', ')} }`;
}

/** How the file is written: its own line ends, and blanks or tabs as its first inner line has them. */
function formOf(text: string): { unit: string; eol: string } {
  return { unit: /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ', eol: text.includes('\r\n') ? '\r\n' : '\n' };
}

function rootOf(text: string): Node {
  const root = parseTree(withoutMark(text), [], tolerant);
  if (!root) throw new Error('not JSON');
  return root;
}

function rootIfAny(text: string): Node | null {
  return parseTree(withoutMark(text), [], tolerant) ?? null;
}

/** The byte order mark that some editors put first. */
function markOf(text: string): string {
  return text.startsWith('\ufeff') ? '\ufeff' : '';
}

function withoutMark(text: string): string {
  return text.slice(markOf(text).length);
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = withoutMark(text).slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

// --- files ---

function behindLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT')
      throw new CwError('failed', `${path} cannot be read (${systemCode(cause)}).`, { cause });
  }
  // Nothing there, or a link to nothing yet.
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink()) return resolve(dirname(path), readlinkSync(path));
  return isThere(dirname(path)) ? join(realpathSync(dirname(path)), 'settings.json') : path;
}

function decode(bytes: Buffer, path: string): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  throw new CwError('refused', `${path} is not in UTF-8.`, { hint: 'Nothing was written.' });
}

function refuseReadOnly(file: SettingsFile, env: NodeJS.ProcessEnv): void {
  const isReadOnly = file.text !== null && ((file.mode & 0o200) === 0 || !mayWrite(file.target));
  const folder = dirname(file.target);
  if (!isReadOnly && (!isThere(folder) || mayWrite(folder))) return;
  const what = tildePath(isReadOnly ? file.target : folder, env);
  throw new CwError('refused', `${what} is read-only.`, {
    hint: 'Nothing was written. Something else may keep that file: put into it what this prints: cw init claude --print',
  });
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // EACCES, EROFS
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error;
  }
}

interface Memory {
  /** The file's text before ours was put in; null: there was none. */
  readonly before: string | null;
  /** The hash of what we made of it. */
  readonly after: string;
  readonly hadFolder: boolean;
}

function memoryPath(target: string, env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'claude-hooks', `${hashOf(target).slice(0, 16)}.json`);
}

function remember(target: string, memory: Memory, env: NodeJS.ProcessEnv): void {
  const path = memoryPath(target, env);
  ensurePrivateFolder(dirname(path));
  writeFileAtomic(path, `${JSON.stringify({ file: target, ...memory }, null, 2)}\n`);
}

function recall(target: string, env: NodeJS.ProcessEnv): Memory | null {
  const text = readTextIfAny(memoryPath(target, env));
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as Partial<Memory>;
    const { before, after, hadFolder } = value;
    if ((before !== null && typeof before !== 'string') || typeof after !== 'string') return null;
    return { before, after, hadFolder: hadFolder !== false };
  } catch {
    return null; // damaged: then only our entries are taken out
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

// --- preview ---

type Marked = readonly [sign: ' ' | '+' | '-', line: string];

function linesOf(text: string | null): string[] {
  if (text === null || text === '') return [];
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** The lines of both, by their longest common subsequence; only the part that differs is looked at that closely. */
function compare(before: readonly string[], after: readonly string[]): Marked[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail))
    tail += 1;
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  // common[i][j]: how many lines a from i on and b from j on have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i]![j] =
        a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const same = (line: string): Marked => [' ', line];
  const marked: Marked[] = before.slice(0, head).map(same);
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      marked.push([' ', a[i]!]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      marked.push(['-', a[i]!]);
      i += 1;
    } else {
      marked.push(['+', b[j]!]);
      j += 1;
    }
  }
  return [...marked, ...before.slice(before.length - tail).map(same)];
}
