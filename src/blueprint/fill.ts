import { CwError } from '../errors.js';
import { nearest } from './suggest.js';

/** What stands for a hole. */
export interface Value {
  readonly text: string;
  /**
   * True for text of the template's author or the user's own (`vars`, `--set`, `$EDITOR`): in a command it may be
   * several words, and holes of its own are filled. Anything else (a project's name, a folder) is foreign: in a
   * command it is one word, whatever it holds.
   */
  readonly trusted: boolean;
}

export type Values = Readonly<Record<string, Value>>;

const hole = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Fills `${name}` where no shell reads the text.
 *
 * @param where names the place in a message: `the title of a pane in window "code"`.
 * @throws CwError `usage` for a hole that nothing is known for.
 */
export function fillText(text: string, values: Values, where: string): string {
  return replaceTwice(text, values, (whole, name) => {
    const near = nearest(name, Object.keys(values));
    throw new CwError('usage', `Nothing is known for ${whole} in ${where}.`, {
      hint: `${near ? `Did you mean \${${near}}? ` : ''}Known are: ${Object.keys(values).join(', ')}.`,
    });
  });
}

/** Fills the value of a variable: what is not known stays as it is. */
export function fillVariable(text: string, values: Values): string {
  return replaceTwice(text, values, (whole) => whole);
}

/**
 * Fills a command line. A hole stands for one word or a part of one, bare or in quotes: foreign text is quoted so
 * that no shell (sh, bash, zsh, fish) takes any of it for more. Holes that are not known are the shell's own
 * variables and stay. Text that the command hands to another shell (`sh -c "cd ${root}"`) is out of reach of
 * this.
 *
 * @throws CwError `usage` where foreign text with special characters would stand in a place that has no safe
 *   quoting: backticks, `$'...'`, `${x:-...}`, `$((...))`, a comment, or after `<<`.
 */
export function fillCommand(text: string, values: Values, where: string): string {
  const trusted = replaceTwice(text, values, (whole) => whole, true);
  return new CommandFiller(trusted, values, where).fill();
}

/** A word for any shell. Within single quotes fish knows `\\` and `\'`, so these stand outside of them. */
export function quoteWord(text: string): string {
  if (plain.test(text)) return text;
  const quoted = text.replace(/[\\']|[^\\']+/g, (part) => (/^[\\']$/.test(part) ? `\\${part}` : `'${part}'`));
  return quoted || "''";
}

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Trusted values may hold holes themselves: a second pass fills those, and a third is not made. */
function replaceTwice(
  text: string,
  values: Values,
  unknown: (whole: string, name: string) => string,
  trustedOnly = false,
): string {
  const once = (within: string, inner: (whole: string, name: string) => string) =>
    within.replace(hole, (whole, name: string) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (!value) return unknown(whole, name);
      if (!value.trusted) return trustedOnly ? whole : value.text;
      return inner(value.text, name);
    });
  return once(text, (value) => once(value, (deeper) => deeper));
}

/** Nothing foreign goes into `opaque` and `raw` ones; in a `raw` one there is no quoting to follow either. */
type Context = 'plain' | 'single' | 'double' | 'parentheses' | 'opaque' | 'raw';

interface Open {
  readonly context: Context;
  /** The text that ends it. */
  readonly end: string;
  /** For messages. */
  readonly name: string;
}

/** Follows the quoting of a command, as far as it must to know how to quote at each hole. */
class CommandFiller {
  private readonly stack: Open[] = [];
  private at = 0;
  private out = '';

  constructor(
    private readonly text: string,
    private readonly values: Values,
    private readonly where: string,
  ) {
    // The unmatched `)` of its patterns would mislead us.
    if (/\bcase\b[\s\S]*\bin\b/.test(text)) this.stack.push({ context: 'opaque', end: '\0', name: '`case`' });
  }

  fill(): string {
    while (this.at < this.text.length) {
      if (!this.hole() && !this.end() && !this.open()) this.take(this.escaped() ? 2 : 1);
    }
    return this.out;
  }

  private get context(): Context {
    return this.stack.at(-1)?.context ?? 'plain';
  }

  private take(count: number): void {
    this.out += this.text.slice(this.at, this.at + count);
    this.at += count;
  }

  private sees(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  private escaped(): boolean {
    return this.sees('\\') && this.context !== 'single' && this.stack.at(-1)?.end !== '\n';
  }

  private hole(): boolean {
    const here = new RegExp(hole.source, 'y');
    here.lastIndex = this.at;
    const found = here.exec(this.text);
    const value = found && Object.hasOwn(this.values, found[1]!) ? this.values[found[1]!] : undefined;
    if (!found || !value) return false;
    this.at = here.lastIndex;
    this.out += this.quoted(value.text, found[0]);
    return true;
  }

  private quoted(text: string, whole: string): string {
    const opaque = this.stack.find(({ context }) => context === 'opaque' || context === 'raw');
    if (opaque) {
      if (plain.test(text)) return text;
      throw new CwError(
        'usage',
        `${whole} stands inside ${opaque.name} in ${this.where}, where ${JSON.stringify(text)} cannot be quoted.`,
        { hint: `Put ${whole} outside of it, bare or in quotes.` },
      );
    }
    if (this.context === 'plain' || this.context === 'parentheses') return quoteWord(text);
    if (plain.test(text)) return text;
    const quote = this.context === 'single' ? "'" : '"';
    return `${quote}${quoteWord(text)}${quote}`; // leaves the quotes, and enters them again
  }

  private end(): boolean {
    const open = this.stack.at(-1);
    if (!open || !this.sees(open.end)) return false;
    this.stack.pop();
    this.take(open.end.length);
    return true;
  }

  private open(): boolean {
    if (this.context === 'single' || this.context === 'raw' || this.escaped()) return false;
    const push = (start: string, context: Context, end: string, name = `${start}...${end}`): boolean => {
      this.stack.push({ context, end, name });
      this.take(start.length);
      return true;
    };
    if (this.sees('$((')) {
      this.stack.push({ context: 'opaque', end: ')', name: '$((...))' });
      return push('$((', 'opaque', ')');
    }
    if (this.sees('$(')) return push('$(', 'parentheses', ')');
    if (this.sees('${')) return push('${', 'opaque', '}');
    if (this.sees('`')) return push('`', 'opaque', '`', 'backticks');
    if (this.sees('"')) return push('"', 'double', '"');
    if (this.inDouble()) return false;
    if (this.sees("$'")) return push("$'", 'raw', "'");
    if (this.sees("'")) return push("'", 'single', "'");
    if (this.sees('(')) return push('(', 'parentheses', ')');
    const before = this.text[this.at - 1] ?? ' ';
    if (this.sees('#') && /[\s;&|()]/.test(before)) return push('#', 'raw', '\n', 'a comment');
    if (this.sees('<<<')) {
      this.take(3);
      return true;
    }
    // Where a here-document ends is not worth following: from here on nothing foreign goes in.
    return this.sees('<<') && push('<<', 'raw', '\0', 'a here-document');
  }

  /** In double quotes, also within a `${...}` of theirs: single quotes and the like are plain characters there. */
  private inDouble(): boolean {
    const inner = this.stack.slice(this.stack.findLastIndex(({ context }) => context === 'parentheses') + 1);
    return inner.some(({ context }) => context === 'double');
  }
}
