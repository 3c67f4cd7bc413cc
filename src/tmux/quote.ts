import type { Command } from './connection.js';

function checkWord(word: string): void {
  if (word.includes('\0')) throw new Error(`tmux takes no NUL byte: ${JSON.stringify(word.slice(0, 80))}`);
}

function checkCommand(command: Command): void {
  if (!command[0]) throw new Error('a tmux command without a name');
}

/**
 * A word for tmux's own parser (`source-file`, control mode), in double quotes: there a backslash, a quote, `$`
 * and a leading `~` are special, and a newline would begin the next command. Control bytes go as octal.
 */
export function quoteWord(word: string): string {
  checkWord(word);
  const body = word.replace(/[\\"$~`\x01-\x1f\x7f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 || code === 0x7f ? `\\${code.toString(8).padStart(3, '0')}` : `\\${character}`;
  });
  return `"${body}"`;
}

/** A command as one line, without the final newline, for `source-file -` and for control mode. */
export function commandLine(command: Command): string {
  checkCommand(command);
  return command.map(quoteWord).join(' ');
}

/** Commands as one line that stops at the first one that fails. */
export function chainLine(commands: readonly Command[]): string {
  return commands.map(commandLine).join(' ; ');
}

/**
 * Commands as arguments of one tmux client. tmux takes an argument that ends in `;` for a separator, however it
 * was given to it, unless a backslash stands before that `;`.
 */
export function chainArguments(commands: readonly Command[]): string[] {
  const words: string[] = [];
  for (const command of commands) {
    checkCommand(command);
    if (words.length > 0) words.push(';');
    for (const word of command) {
      checkWord(word);
      words.push(word.endsWith(';') ? `${word.slice(0, -1)}\\;` : word);
    }
  }
  return words;
}
