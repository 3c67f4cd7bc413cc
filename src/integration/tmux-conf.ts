import { dirname, join } from 'node:path';
import { isFolder } from '../system/files.js';
import { homeFolder, packageFolder } from '../system/paths.js';
import { findBlock } from './block.js';
import { readUserFile, type UserEdit } from './user-file.js';

/** The block that `cw init tmux` puts into the user's tmux.conf: a part of the status line, and keys. */

type Env = NodeJS.ProcessEnv;

const marks = {
  begin: '# >>> cw: put here by "cw init tmux", taken out by "cw init tmux --remove"',
  end: '# <<< cw',
};
/** What an undo must know, at the end of the first line. */
const variants = { plain: '', joined: ' (no newline before)', alone: ' (new file)' } as const;

/** The keys behind the prefix that the block binds; none of them is one of tmux's own. */
export const boundKeys = { next: 'N', pick: 'S', dashboard: 'A', synchronize: 'Y', menu: 'W' } as const;

/**
 * The part of the status line: who waits and for how many minutes, how many work and are idle. The daemon keeps the
 * options; the minutes are told by the clock that tmux puts into the status line (`%s`), so no process is started.
 */
export const statusPart =
  // Reversed it is seen on a background of any colour.
  '#{?@cw_waiting,#[reverse] ● #{@cw_waiting} #{e|/:#{e|-:%s,#{@cw_waiting_since}},60}m #[noreverse] ,}' +
  '#{?@cw_working,#{@cw_working} work ,}#{?@cw_idle,#{@cw_idle} idle ,}';

/** A mark at the name of a window in which an agent waits. */
const windowPart = '#{?#{m:*waiting*,#{P:#{@cw_state} }},●,}';

/** The commands, without the marks around them. Sourced twice they change nothing more. */
export function tmuxCommands(): string {
  const [cw, claudeSwitch] = ['cw', 'claude-switch'].map(programWord);
  const lines = [
    '# Who waits for you and who works. cw keeps the options: no process is started for it.',
    `set-option -g @cw_status "${statusPart}"`,
    `if-shell -F "${unless('status-right')}" {`,
    // With -F, #{status-right} is what the user has there, and ## becomes #. (It would not in ##[, hence the option.)
    '  set-option -gF status-right "##{T:@cw_status}#{status-right}"',
    '  set-option -gF status-right-length "#{?#{e|<:#{status-right-length},80},80,#{status-right-length}}"',
    '}',
    '# A mark at the windows in which a Claude waits.',
    ...['window-status-format', 'window-status-current-format'].flatMap((name) => [
      `if-shell -F "${unless(name)}" {`,
      `  set-option -gwa ${name} "${windowPart}"`,
      '}',
    ]),
    '# To the Claude that has waited for you longest.',
    `bind-key ${boundKeys.next} run-shell -b 'TMUX_PANE="#{pane_id}" ${claudeSwitch} --next >/dev/null 2>&1; case $? in 0) ;; 3) tmux display-message "No Claude waits for you." ;; *) tmux display-message "claude-switch --next failed; run it in a shell to see why." ;; esac'`,
    // -EE: what goes wrong stays to be read.
    '# A list of all workspaces to pick from.',
    `bind-key ${boundKeys.pick} display-popup -EE -w 80% -h 60% '${claudeSwitch}'`,
    '# All of them at one glance.',
    `bind-key ${boundKeys.dashboard} display-popup -EE -w 90% -h 90% '${cw} dashboard'`,
    '# What is typed goes to all panes of the window, or to one again.',
    `bind-key ${boundKeys.synchronize} ${synchronize}`,
    '# All that cw does from a key.',
    `bind-key ${boundKeys.menu} display-menu -T "#[align=centre] cw " ${menu(cw!, claudeSwitch!)}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

const synchronize =
  'set-option -w synchronize-panes \\; display-message "#{?pane_synchronized,What is typed goes to all panes of this window.,What is typed goes to this pane alone.}"';

/** The entries of the menu, as words of tmux: what it is called, its key, what it does. */
function menu(cw: string, claudeSwitch: string): string {
  const told = (line: string, done: string) =>
    `run-shell -b '${cw} ${line} >/dev/null 2>&1 && tmux display-message "${done}" || tmux display-message "cw ${line} failed; run it in a shell to see why."'`;
  const entries: readonly (readonly [name: string, key: string, command: string])[] = [
    ['Go to ...', 'g', `display-popup -EE -w 80% -h 60% '${claudeSwitch}'`],
    ['Dashboard', 'd', `display-popup -EE -w 90% -h 90% '${cw} dashboard'`],
    ['Health', 'h', `display-popup -w 90% -h 80% '${cw} health'`],
    ['Save all', 's', told('save', 'Saved.')],
    // Without -E the report stays to be read.
    ['Bring back what ended', 'r', `display-popup -w 90% -h 80% '${cw} restore --all'`],
    // A menu expands its commands when it opens: ## leaves the message to be expanded when it is shown.
    ['Synchronize panes', 'y', synchronize.replace('\\;', ';').replace('#{', '##{')],
  ];
  return entries.map(([name, key, command]) => `"${name}" ${key} { ${command} }`).join(' ');
}

/** True, for if-shell, as long as an option has nothing of ours. */
function unless(option: string): string {
  return `#{?#{m:*@cw_*,#{${option}}},0,1}`;
}

/**
 * A program of ours for sh in single quotes of tmux, by its path, since tmux's server may have another PATH. A path with
 * signs that mean something there is left to the PATH.
 */
function programWord(name: string): string {
  const path = join(packageFolder(), 'bin', name);
  return /^[A-Za-z0-9_@%+=:,./ -]+$/.test(path) ? `"${path}"` : name;
}

function blockOf(variant: keyof typeof variants): string {
  return `${marks.begin}${variants[variant]}\n${tmuxCommands()}${marks.end}\n`;
}

/** The text with our block at its end, or in the place where it stands already. @param text null: there is no file. */
export function withBlock(text: string | null): string {
  const found = text === null ? null : findOwn(text);
  if (text !== null && found)
    return text.slice(0, found.start) + blockOf(found.variant) + text.slice(found.end);
  if (text === null) return blockOf('alone');
  if (text === '' || text.endsWith('\n')) return text + blockOf('plain');
  return `${text}\n${blockOf('joined')}`;
}

/** The text without our block: byte for byte as it was. null: the file was ours alone, and goes. */
export function withoutBlock(text: string): string | null {
  const found = findOwn(text);
  if (!found) return text;
  const [before, after] = [text.slice(0, found.start), text.slice(found.end)];
  if (found.variant === 'alone' && before + after === '') return null;
  // What the user wrote below needs the line's end.
  return found.variant === 'joined' && after === '' ? before.slice(0, -1) : before + after;
}

function findOwn(text: string): { start: number; end: number; variant: keyof typeof variants } | null {
  const found = findBlock(text, marks);
  const named = (['joined', 'alone'] as const).find((name) => found?.note === variants[name]);
  return found && { start: found.start, end: found.end, variant: named ?? 'plain' };
}

/** The block as an edit of a file. */
export const tmuxConf: UserEdit = {
  put: (text) => withBlock(text),
  take: (text) => withoutBlock(text),
  isIn: (text) => findOwn(text) !== null,
};

/**
 * The path of the user's configuration of tmux. tmux reads all of these that there are, in this order, so the last one
 * has the last word. A file that has our block already is the one.
 *
 * @throws CwError where one is there and cannot be read.
 */
export function userConf(env: Env): string {
  const home = homeFolder(env);
  const xdg = env.XDG_CONFIG_HOME?.startsWith('/') ? [join(env.XDG_CONFIG_HOME, 'tmux/tmux.conf')] : [];
  const paths = [...new Set([join(home, '.tmux.conf'), ...xdg, join(home, '.config/tmux/tmux.conf')])];
  const files = paths.map((path) => readUserFile(path));
  const there = files.filter(({ text }) => text !== null);
  const file =
    there.find(({ text }) => text !== null && findOwn(text) !== null) ??
    there.at(-1) ??
    files.slice(1).find(({ path }) => isFolder(dirname(path))) ??
    files[0]!;
  return file.path;
}
