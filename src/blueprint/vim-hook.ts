/** The variables of a pane whose vim listens: the script that has it do so, and the named pipe. */
export const vimScriptVariable = 'CW_VIM';
export const vimPipeVariable = 'CW_VIM_ASK';

/**
 * What stands between `vim` and its own words, so that it reads our script before its user's files, and also with `-u
 * NONE`. (There is no variable that would do so beside the user's vimrc.) One without `+eval`, and one without the
 * variable, skips it.
 */
const option = '--cmd';
const command = `if filereadable($${vimScriptVariable})|exe "so" fnameescape($${vimScriptVariable})|endif`;
const hook = ` ${option} '${command}'`;

/** Only where vim is plainly the program of a line: `grep vim notes` and `cd x; vim` stay as they are. */
const program = /^\s*(?:[A-Za-z_]\w*=[\w@%+:,./-]*\s+)*(?:[\w@%+=:,./~-]*\/)?vim(?=\s|$)/;

/** A command line whose vim reads our script; null for one that starts no vim, or none that can be told from it. */
export function hookVim(line: string): string | null {
  const start = program.exec(line)?.[0];
  return start === undefined || line.includes(hook) ? null : `${start}${hook}${line.slice(start.length)}`;
}

export function isHookedVim(line: string): boolean {
  return line.includes(hook);
}

/** The line as people know it. */
export function withoutVimHook(line: string): string {
  return line.replace(hook, '');
}

/** The same for the words that a process shows. */
export function argvWithoutVimHook(argv: readonly string[]): readonly string[] {
  return argv[1] === option && argv[2] === command ? [argv[0]!, ...argv.slice(3)] : argv;
}
