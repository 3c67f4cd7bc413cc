import type { CommandData, ProgramData } from './completing.js';

/** The manual page, from the commands as data. Pure. */

/** In roff, with the macros of man(7). The build keeps it as `dist/cw.1`. */
export function manPage({ version, commands: verbs }: ProgramData): string {
  const commands = verbs.flatMap(({ name, command, subcommands }) =>
    command
      ? [[name, command] as const]
      : Object.entries(subcommands ?? {}).map(([sub, data]) => [`${name} ${sub}`, data] as const),
  );
  return `${[
    `.TH CW 1 "" "claude-workspaces ${plain(version)}" "User Commands"`,
    '.SH NAME',
    'cw, claude\\-switch \\- Claude Code workspaces in tmux',
    '.SH SYNOPSIS',
    '.B cw',
    '.I COMMAND',
    '[\\fIOPTIONS\\fR]',
    '.br',
    '.B claude\\-switch',
    '[\\fINAME\\fR]',
    '.SH DESCRIPTION',
    'cw keeps a developer\\(aqs Claude Code workspaces: one tmux session for each project, opened from a template,',
    'saved all the time by a small daemon, and brought back as it was.',
    '.SH COMMANDS',
    ...commands.flatMap(([name, data]) => entry(name, data)),
    '.SH ENVIRONMENT',
    ...item(
      '\\fBCW_TMUX_SOCKET\\fR',
      'The tmux server, by a name or an absolute path; then $TMUX, then the default one.',
    ),
    ...item('\\fBCW_DAEMON\\fR', 'off: no daemon is started.'),
    '.SH FILES',
    ...item('\\fI~/.config/cw/config.json\\fR', 'The settings (cw config list).'),
    ...item('\\fI~/.config/cw/templates/\\fR', 'Your own templates.'),
    '.SH EXIT STATUS',
    '0 done; 1 failed; 2 wrong usage; 3 not found; 4 refused to protect something; 5 tmux not usable; 6 partly done.',
    '.SH SEE ALSO',
    '.BR tmux (1)',
  ].join('\n')}\n`;
}

function entry(name: string, { summary, positionals, isVariadic, options }: CommandData): string[] {
  const words = positionals.map(
    (word, at) => `[\\fI${plain(word.name)}\\fR${isVariadic && at === positionals.length - 1 ? '...' : ''}]`,
  );
  const own = options.filter((option) => option.name !== 'json' && option.name !== 'help');
  return [
    '.TP',
    [`\\fBcw ${plain(name)}\\fR`, ...words].join(' '),
    text(summary),
    ...own.flatMap((option) => [
      '.RS',
      '.TP',
      `\\fB\\-\\-${plain(option.name)}\\fR${option.short ? `, \\fB\\-${option.short}\\fR` : ''}`,
      text(option.describe),
      '.RE',
    ]),
  ];
}

function item(head: string, body: string): string[] {
  return ['.TP', head, text(body)];
}

/** Text where a line could begin with a sign that means something to roff. */
function text(words: string): string {
  return plain(words).replace(/^(?=['.])/, '\\&');
}

function plain(words: string): string {
  return words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/\s+/g, ' ').trim();
}
