/** A key as the picker knows it; `text` is what was typed. */
export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: Exclude<(typeof names)[keyof typeof names], undefined> };

const names = {
  '\r': 'enter',
  '\n': 'enter',
  '\x7f': 'erase',
  '\b': 'erase',
  '\x03': 'leave',
  '\x04': 'leave',
  '\x07': 'leave',
  '\x0e': 'down',
  '\x10': 'up',
  '\t': 'down',
  '\x13': 'save',
  '\x14': 'pin',
  '\x15': 'clear',
  '\x17': 'erase-word',
  '\x18': 'kill',
  '\x1b': 'leave',
  '\x1b[A': 'up',
  '\x1b[B': 'down',
  '\x1bOA': 'up',
  '\x1bOB': 'down',
  '\x1b[Z': 'up',
  '\x1b[5~': 'page-up',
  '\x1b[6~': 'page-down',
  '\x1b[H': 'first',
  '\x1b[F': 'last',
  '\x1b[1~': 'first',
  '\x1b[4~': 'last',
  '\x1bOP': 'help',
  '\x1b[11~': 'help',
} as const;

// An escape sequence: CSI with its parameters and final byte, SS3 with one, or Meta with a key.
const one = /\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[A-Za-z]|\x1b[^\x1b]|\x1b|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+/gu;

/**
 * The keys in what a terminal sent. `rest` is the beginning of a sequence whose end has not come yet: an Escape alone
 * is one until a moment has passed.
 */
export function keysIn(input: string): { readonly keys: readonly Key[]; readonly rest: string } {
  const partial = /\x1b(\[[0-?]*[ -/]*|O)?$/.exec(input);
  const whole = partial ? input.slice(0, partial.index) : input;
  const keys = (whole.match(one) ?? []).flatMap((part): Key[] => {
    const kind = Object.hasOwn(names, part) ? names[part as keyof typeof names] : undefined;
    if (kind) return [{ kind }];
    return /^[\x00-\x1f\x7f]/.test(part) ? [] : [{ kind: 'text', text: part }]; // a key that has no meaning here
  });
  return { keys, rest: partial?.[0] ?? '' };
}
