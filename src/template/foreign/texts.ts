import { looksSecret } from '../../blueprint/secrets.js';
import type { ForeignFacts } from './model.js';

/** Names that a template fills by itself: in a foreign command they are the shell's. */
const ownHoles = /\$\{(project|root|home|editor|package_manager|folder|dollar)\}/g;

const begin = '\ue000';
const end = '\ue001';
const mark = /\ue000([ev])(\w+)\ue001/g;

/**
 * Foreign text in a template. What the other manager fills in while it reads its file becomes a hole; what only
 * looks like a hole is kept from being filled.
 *
 * A file is marked before its YAML is read (`mark`), since a value may stand anywhere in it; the marks are private
 * characters, which no file holds.
 */
export class Texts {
  /** The variables of the template. */
  readonly vars: Record<string, string> = {};
  private readonly defaults = new Map<string, string>();

  constructor(
    private readonly facts: Pick<ForeignFacts, 'env'>,
    private readonly warn: (sentence: string) => void,
  ) {}

  /** Stands for a variable of the environment. */
  environment(name: string, fallback?: string): string {
    if (fallback !== undefined) this.defaults.set(name, fallback);
    return `${begin}e${name}${end}`;
  }

  /** Stands for a value that is given when a session is started. */
  setting(name: string, fallback: string): string {
    if (!this.defaults.has(name)) this.defaults.set(name, fallback);
    return `${begin}v${name}${end}`;
  }

  /** A command line. A variable of the environment is the shell's to fill. */
  command(text: string): string {
    const kept = text.replace(ownHoles, (whole, name: string) => {
      if (isInSingleQuotes(text, whole))
        this.warn(`${whole} in '${text}' stands in single quotes; there it reads $\{${name}-}.`);
      return `\${${name}-}`;
    });
    return kept.replace(mark, (_, kind: string, name: string) => {
      if (kind === 'v' || this.defaults.has(name)) this.declare(name);
      return `\${${name}}`;
    });
  }

  /** Text that no shell reads: names, titles, folders, options, values of variables. */
  text(text: string): string {
    const kept = text.replaceAll('${', () => {
      this.vars.dollar = '$';
      return '${dollar}{';
    });
    return kept.replace(mark, (_, _kind: string, name: string) => {
      this.declare(name);
      return `\${${name}}`;
    });
  }

  /** The text as it is now, for what becomes no part of the template (the name of the session). */
  value(text: string): string {
    return text.replace(
      mark,
      (_, _kind: string, name: string) => this.facts.env[name] ?? this.defaults.get(name) ?? '',
    );
  }

  private declare(name: string): void {
    if (Object.hasOwn(this.vars, name)) return;
    const value = this.facts.env[name] ?? this.defaults.get(name) ?? '';
    const secret = looksSecret(name, value);
    this.vars[name] = secret ? '' : value;
    if (secret)
      this.warn(`The value of ${name} looks secret and is left out: give it by --set ${name}=VALUE.`);
    else if (this.facts.env[name] !== undefined)
      this.warn(`${name} is a variable of the template now, with its value of today (--set ${name}=VALUE).`);
    else this.warn(`${name} is a variable of the template now: --set ${name}=VALUE.`);
  }
}

function isInSingleQuotes(text: string, part: string): boolean {
  return (text.slice(0, text.indexOf(part)).match(/'/g)?.length ?? 0) % 2 === 1;
}
