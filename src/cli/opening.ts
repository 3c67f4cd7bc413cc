import { CwError } from '../errors.js';
import type { Opened } from '../workspace/open.js';
import type { Context, Outcome } from './command.js';

/** What the verbs that open and attach have in common. */

/** How the terminal gets into a session: attached outside tmux, switched inside it. */
export function attachArguments(sessionId: string, context: Context): readonly string[] {
  const inside = context.env.TMUX?.split(',')[0];
  const { socketPath, args } = context.tmux().address;
  if (!inside) return ['-u', ...args, 'attach-session', '-t', sessionId];
  if (inside !== socketPath) {
    throw new CwError('refused', `This terminal is inside another tmux server (${inside}).`, {
      hint: `Leave it first (prefix d), or open a terminal outside it. The workspace is on ${socketPath}.`,
    });
  }
  return ['-u', ...args, 'switch-client', '-t', sessionId];
}

/** The cells that a workspace is made for: the terminal less tmux's status line, or the setting. */
export function workspaceSize(context: Context): { width: number; height: number } {
  if (!context.terminal.interactive) return context.settings().size;
  const { columns, rows } = context.terminal;
  return { width: Math.max(20, columns), height: Math.max(6, rows - 1) };
}

/** What is printed, or done, once a workspace is open. */
export function outcomeOf(opened: Opened, context: Context, detach: boolean): Outcome {
  const data = {
    name: opened.name,
    session: opened.session,
    id: opened.id,
    path: opened.path,
    template: opened.template,
    reason: opened.reason,
    created: opened.created,
    windows: opened.windows,
    panes: opened.panes,
    notes: opened.notes,
  };
  if (!context.json) for (const note of opened.notes) context.note(note);
  if (opened.sessionId !== null && context.terminal.interactive && !detach && !context.json) {
    return { data, attach: attachArguments(opened.sessionId, context) };
  }
  return { data, text: sentences(opened, context) };
}

function sentences(opened: Opened, context: Context): string {
  const isSaved = context.settings().daemonAutostart && context.env.CW_DAEMON !== 'off';
  const holds = `${count(opened.windows, 'window')}, ${count(opened.panes, 'pane')}`;
  const first = opened.created
    ? `Opened ${opened.name} (${holds}) from the template ${opened.template}${opened.reason ? `: ${opened.reason}` : ''}.`
    : `${opened.name} is open already (${holds}).`;
  const attach = `claude-switch ${opened.name}`;
  const next = [
    ['attach', attach, 'from inside tmux too'],
    ['hop', 'claude-switch', 'a list to pick from; claude-switch - goes back'],
    ['leave', 'your tmux prefix, then d', '(Ctrl-b d): it stays open'],
    ['close', `cw kill ${opened.name}`, 'it is saved first'],
    ...(isSaved ? [['log', 'cw daemon logs', 'of the daemon, which saves every change'] as const] : []),
  ] as const;
  const widest = Math.max(...next.map(([, how]) => how.length));
  return [
    first,
    ...next.map(([what, how, more]) => `  ${what.padEnd(6)}  ${how.padEnd(widest)}  ${more}`),
  ].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
