import { watch } from 'node:fs';
import { ContextReader, nearlyFull } from '../../claude/context.js';
import { withDialogs } from '../../claude/dialogs.js';
import { claudeFacts } from '../../claude/facts.js';
import { drain, spoolFolder } from '../../claude/intake.js';
import { type AgentRow, agentRows } from '../../claude/overview.js';
import type { ContextShare } from '../../claude/usage.js';
import { systemCode } from '../../errors.js';
import { sessionPrefix } from '../../workspace/find.js';
import { Registry } from '../../workspace/registry.js';
import type { Command, Context, Outcome } from '../command.js';
import { age, type Cell, harmless, type Style, styler, table } from '../output.js';
import { writeAll } from '../terminal.js';

export const verb: Command = {
  name: 'agents',
  summary: 'What each Claude is doing, and who waits for you.',
  description:
    'Those that wait come first, the longest wait at the top. EVIDENCE says what told the state: a hook of Claude, ' +
    'the file that it keeps of itself, its process, or, before it has told anything, its screen. CONTEXT is how full the context of the model is, by the newest answer in the transcript. With --json --watch each change is one line, the whole list.',
  options: {
    watch: { type: 'boolean', describe: 'Go on, and show each change, until Ctrl-C.' },
  },
  examples: [
    { line: 'cw agents', does: 'All agents in open workspaces.' },
    { line: 'cw agents --watch', does: 'The same, kept up to date.', endless: true },
    { line: 'cw agents --json', does: 'For programs.' },
  ],
  async run(args, context) {
    if (args.options.watch) return watchAgents(context, (text) => void writeAll(1, text));
    const rows = await read(context);
    return { data: rows, text: picture(rows, context) };
  },
};

interface Row extends AgentRow {
  /** How full its context is; null: nothing tells that. */
  readonly context: ContextShare | null;
}

function readerOf(context: Context): ContextReader {
  return new ContextReader(() => context.settings().context.windows);
}

async function read(context: Context, reader = readerOf(context)): Promise<Row[]> {
  const connection = context.tmux();
  const { folder } = new Registry(connection.address, context.env);
  const drained = await drain(folder, () => claudeFacts(connection, context.env));
  const rows = await withDialogs(connection, drained.facts, agentRows(drained.facts, drained));
  const shares = await reader.read(rows, drained);
  return rows.map((row) => ({
    ...row,
    workspace: nameOf(row.session),
    context: shares.get(row.conversation) ?? null,
  }));
}

/** People know a workspace by its name, not by its id. */
function nameOf(session: string): string {
  return session.startsWith(sessionPrefix) ? session.slice(sessionPrefix.length) : session;
}

function picture(rows: readonly Row[], context: Context): string {
  if (rows.length === 0) return 'No Claude runs in a workspace. Open one with: cw up PATH';
  const style = styler(context.terminal.color);
  const lines = rows.map((row): Cell[] => [
    row.workspace,
    row.window,
    row.pane,
    { text: row.detail === null ? row.state : `${row.state} (${row.detail})`, style: colour(row, style) },
    // Short, since it is read at a glance: 4m.
    age(row.since).replace(/ (\w)\w*$/, '$1'),
    row.context === null
      ? '-'
      : { text: `${Math.floor(row.context.share * 100)}%`, style: fullness(row.context.share, style) },
    row.conversation.slice(0, 8),
    row.evidence,
  ]);
  const head = ['WORKSPACE', 'WINDOW', 'PANE', 'STATE', 'FOR', 'CONTEXT', 'CONVERSATION', 'EVIDENCE'];
  return table([head, ...lines], context.terminal.columns, [
    {},
    {},
    { fixed: true },
    { fixed: true },
    { align: 'right', fixed: true },
    { align: 'right', fixed: true },
    { fixed: true },
  ]);
}

function fullness(share: number, style: Style): (text: string) => string {
  return (text) => (share >= nearlyFull ? style(['bold', 'yellow'], text) : text);
}

function colour({ state, detail }: AgentRow, style: Style): (text: string) => string {
  if (state === 'waiting') return (text) => style(['bold', 'yellow'], text);
  if (state === 'idle' && detail !== null) return (text) => style('red', text);
  return state === 'working' ? (text) => style('green', text) : (text) => style('dim', text);
}

/** Milliseconds between two looks when no hook tells of anything: a process can go, and a state grow stale. */
const tick = 2000;

/** Shows the agents at each change, until SIGINT or SIGTERM. */
export async function watchAgents(context: Context, write: (text: string) => void): Promise<Outcome> {
  const { folder } = new Registry(context.tmux().address, context.env);
  const changes = new Changes(spoolFolder(folder));
  const reader = readerOf(context);
  let shown = '';
  try {
    while (!changes.isOver) {
      const rows = await read(context, reader);
      const text = context.json ? JSON.stringify(rows) : harmless(picture(rows, context));
      if (text !== shown) write(drawn(text, context));
      shown = text;
      await changes.next();
    }
  } finally {
    changes.close();
  }
  return { data: await read(context) };
}

function drawn(text: string, context: Context): string {
  if (context.json || !context.terminal.interactive) return `${text}\n`;
  // Each line is cleared behind its end, and what was below: nothing flickers.
  return `\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[K\n\x1b[J`;
}

/** Tells when it is time to look again: something was published, or nothing was for a while; and when to end. */
class Changes {
  isOver = false;
  private isDue = false;
  private wake: () => void = () => {};
  private readonly end = () => {
    this.isOver = true;
    this.wake();
  };
  private readonly stop: () => void;

  constructor(spool: string) {
    process.on('SIGINT', this.end).on('SIGTERM', this.end);
    this.stop = watchFolder(spool, () => {
      this.isDue = true;
      this.wake();
    });
  }

  /** Resolves at a change since the last call, after a tick, or at the end. */
  async next(): Promise<void> {
    if (!this.isDue && !this.isOver) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, tick);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    // Hooks come in bursts: one look serves them all.
    if (!this.isOver) await new Promise((done) => setTimeout(done, 50));
    this.isDue = false;
  }

  close(): void {
    process.off('SIGINT', this.end).off('SIGTERM', this.end);
    this.stop();
  }
}

/** Where there is no folder yet, the tick alone has to do. */
function watchFolder(folder: string, changed: () => void): () => void {
  try {
    const watcher = watch(folder, changed);
    watcher.on('error', () => watcher.close()); // the folder was removed
    return () => watcher.close();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return () => {};
  }
}
