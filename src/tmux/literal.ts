import type { Word } from '../blueprint/step.js';
import type { Command } from './connection.js';

/**
 * The words of commands as tmux takes them.
 *
 * A `{ref}` becomes the id that a create step printed. A `{literal}` stands where tmux expands formats, and a
 * `#(...)` in it would run: text with a `#` is therefore put into a server option first, just before its
 * command, and the command names that option, whose value tmux does not expand again. (Doubling each `#` does
 * not do: `##[` stays doubled.) The option is unset right after its command; where a chain stops at that very
 * command it stays behind, which `leftovers` takes away.
 *
 * @param nonce makes the options' names unique among the callers of one server; letters and digits.
 * @throws Error for a ref without an id: a step that acts on something that was never made.
 */
export function encodeWords(
  commands: readonly (readonly Word[])[],
  ids: ReadonlyMap<string, string>,
  nonce: string,
): Command[] {
  if (!/^[A-Za-z0-9]+$/.test(nonce)) throw new Error(`not a nonce: ${nonce}`);
  const encoded: Command[] = [];
  let count = 0;
  for (const command of commands) {
    const names: string[] = [];
    const words = command.map((word) => {
      if (typeof word === 'string') return word;
      if ('ref' in word) {
        const id = ids.get(word.ref);
        if (id === undefined) throw new Error(`no id is known for ${word.ref} in: ${describe(command)}`);
        return id;
      }
      // A leading `-` would be read as a flag where the text is an argument by itself (`rename-window TEXT`).
      if (!word.literal.includes('#') && !word.literal.startsWith('-')) return word.literal;
      const name = `@cw_v${nonce}_${count++}`;
      names.push(name);
      encoded.push(['set-option', '-s', '--', name, word.literal]);
      return `#{${name}}`;
    });
    encoded.push(words, ...names.map((name) => ['set-option', '-su', name]));
  }
  return encoded;
}

/** The commands that unset what a stopped batch of `encodeWords` may have left on the server. */
export function leftovers(encoded: readonly Command[], nonce: string): Command[] {
  return encoded.filter((command) => command[1] === '-su' && command[2]?.startsWith(`@cw_v${nonce}_`));
}

function describe(command: readonly Word[]): string {
  return command.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' ');
}
