import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { CwError } from '../../errors.js';
import type { RpcClient } from '../../rpc/client.js';
import { plainLine, readLogLine } from '../../rpc/log-line.js';
import { LogTail, tailOf } from '../../rpc/log-tail.js';
import { type DaemonStatus, protocolNumber, type ScheduleStatus } from '../../rpc/protocol.js';
import { awaitDaemon, ensureDaemon, logFile, silent } from '../../rpc/start.js';
import { packageFolder, tildePath } from '../../system/paths.js';
import { isAlive, processStart } from '../../system/process.js';
import type { Command, Context, Outcome, Verb } from '../command.js';
import { age, table } from '../output.js';
import { writeAll } from '../terminal.js';

/** Milliseconds for which a daemon that was started just now is waited for. */
const startLimit = 5_000;

/**
 * `cw daemon ...`.
 *
 * @param run is the daemon until it ends, and gives its exit code. It is handed in, since nothing of the command line
 *   knows the daemon but through its socket.
 */
export function daemonVerb(run: (context: Context) => Promise<number>): Verb {
  return {
    name: 'daemon',
    summary: 'The process in the background that saves every change.',
    subcommands: { run: runCommand(run), start, stop, status, reload, logs },
  };
}

/** The program that becomes a daemon: ours, run by the Node that runs us. */
export function daemonProgram(): readonly [string, ...string[]] {
  return [process.execPath, join(packageFolder(), 'dist', 'cw.cjs'), 'daemon', 'run'];
}

function runCommand(run: (context: Context) => Promise<number>): Command {
  return {
    name: 'daemon run',
    summary: 'Be the daemon, in the foreground.',
    description:
      'Logs to standard error as well. Ends on Ctrl-C, SIGTERM or "cw daemon stop", and saves first; SIGHUP reads the settings again. One daemon serves a tmux server: a second one is refused (exit code 4).',
    examples: [{ line: 'cw daemon run', does: 'Watch it work; Ctrl-C ends it.', endless: true }],
    async run(_args, context) {
      const exit = await run(context);
      return exit === 0 ? {} : { exit };
    },
  };
}

const start: Command = {
  name: 'daemon start',
  summary: 'Start it in the background, unless it runs.',
  description: 'Returns when it answers. Opening a workspace does this too.',
  examples: [{ line: 'cw daemon start', does: 'From now on every change is saved.' }],
  async run(_args, context) {
    const server = serverOf(context);
    const { client, socket, fresh } = await ensureDaemon(server, context.env, { program: daemonProgram() });
    client.close();
    const { pid, protocol, version } = client.hello;
    if (protocol !== protocolNumber) context.note(otherVersion(version));
    return {
      data: { running: true, pid, socket, started: fresh },
      text: fresh ? `The daemon runs: process ${pid}.` : `A daemon runs already: process ${pid}.`,
    };
  },
};

const stop: Command = {
  name: 'daemon stop',
  summary: 'Save, and end it. Sessions go on.',
  examples: [{ line: 'cw daemon stop', does: 'Nothing is saved by itself any more.' }],
  async run(_args, context) {
    const client = await running(context);
    if (!client) return { data: { running: false, stopped: false }, text: 'No daemon runs.' };
    const { pid } = client.hello;
    const begun = processStart(pid);
    await client.call('stop', {});
    for (const end = performance.now() + 20_000; isAlive(pid, begun); ) {
      if (performance.now() > end)
        throw new CwError('failed', `The daemon (process ${pid}) does not end.`, {
          hint: `End it: kill ${pid}`,
        });
      await new Promise((done) => setTimeout(done, 20));
    }
    return {
      data: { running: false, stopped: true, pid },
      text: `The daemon (process ${pid}) has saved and ended.`,
    };
  },
};

const status: Command = {
  name: 'daemon status',
  summary: 'Whether it runs, what it saved, and what comes when.',
  examples: [
    { line: 'cw daemon status', does: 'For people.' },
    { line: 'cw daemon status --json', does: 'For programs.' },
  ],
  async run(_args, context) {
    const server = serverOf(context);
    const found = await awaitDaemon(server, context.env, startLimit);
    if (found.state === 'silent') throw silent(found);
    if (found.state !== 'running') return notRunning(found.socket, found.starting);
    try {
      const { client } = found;
      const said = await client.call('status', {});
      if (client.hello.protocol !== protocolNumber) context.note(otherVersion(client.hello.version));
      return { data: said, text: picture(said, context) };
    } finally {
      found.client.close();
    }
  },
};

const reload: Command = {
  name: 'daemon reload',
  summary: 'Read settings and templates again.',
  description: 'A change of their files is noticed without this.',
  examples: [{ line: 'cw daemon reload', does: 'After a change that was not noticed.', exit: 3 }],
  async run(_args, context) {
    const client = await running(context);
    if (!client) throw new CwError('not-found', 'No daemon runs.', { hint: 'Start it: cw daemon start' });
    try {
      const { problems } = await client.call('reload', {});
      for (const problem of problems) context.note(problem);
      return {
        data: { reloaded: true, problems },
        text:
          problems.length > 0 ? 'Read again; what is wrong holds as it was.' : 'Settings were read again.',
        ...(problems.length > 0 ? { exit: 6 } : {}),
      };
    } finally {
      client.close();
    }
  },
};

const logs: Command = {
  name: 'daemon logs',
  summary: 'The last lines of its log.',
  options: {
    follow: { type: 'boolean', short: 'f', describe: 'Go on with what comes, until Ctrl-C.' },
    lines: { type: 'string', short: 'n', value: 'N', describe: 'How many lines; 50 when not given.' },
  },
  examples: [{ line: 'cw daemon logs -n 20', does: 'The last 20 lines.' }],
  async run(args, context) {
    const wanted = String(args.options.lines ?? '50');
    if (!/^\d{1,6}$/.test(wanted))
      throw new CwError('usage', `--lines is "${wanted}", not a number of lines.`, {
        hint: 'cw daemon logs -n 20',
      });
    const file = logFile(serverOf(context), context.env);
    const lines = tailOf(file, Number(wanted));
    if (args.options.follow) {
      if (context.json)
        throw new CwError('usage', '--follow never ends, and --json prints one document.', {
          hint: `Leave out one of them. The lines are JSON in the file itself: tail -F ${file}`,
        });
      return follow(file, lines);
    }
    if (lines.length === 0 && !context.json)
      context.note(`Nothing was logged yet in ${tildePath(file, context.env)}.`);
    return {
      data: lines.map(readLogLine).filter((line) => line !== null),
      text: lines.map(plainLine).join('').trimEnd(),
    };
  },
};

async function follow(file: string, before: readonly string[]): Promise<Outcome> {
  const tail = new LogTail(file);
  let open = writeAll(1, before.map(plainLine).join(''));
  let watcher: FSWatcher | null = null;
  await new Promise<void>((done, failed) => {
    const more = () => {
      try {
        const lines = tail.read();
        if (lines.length > 0) open = writeAll(1, lines.map(plainLine).join(''));
        if (!open) done(); // nobody reads any more
      } catch (error) {
        failed(error);
      }
    };
    // The folder, not the file: that is moved aside when it is full.
    watcher = watch(join(file, '..'), more);
    watcher.on('error', failed);
    process.once('SIGINT', () => done());
    more();
  }).finally(() => watcher?.close());
  return {};
}

function serverOf(context: Context): string {
  return context.tmux().address.socketPath;
}

async function running(context: Context): Promise<RpcClient | null> {
  const found = await awaitDaemon(serverOf(context), context.env, startLimit);
  if (found.state === 'silent') throw silent(found);
  if (found.starting !== undefined) {
    throw new CwError(
      'failed',
      `The daemon (process ${found.starting}) is starting, and does not answer yet.`,
      {
        hint: 'Try again in a moment. What it does: cw daemon logs',
      },
    );
  }
  return found.state === 'running' ? found.client : null;
}

function notRunning(socket: string, starting?: number): Outcome {
  return {
    data: {
      running: false,
      starting: starting !== undefined,
      pid: starting ?? null,
      socket,
      uptimeSeconds: null,
      workspaces: null,
      lastSaveAt: null,
      schedules: [],
      protocol: null,
    },
    text:
      starting === undefined
        ? 'No daemon runs: nothing is saved by itself.\nStart it: cw daemon start'
        : `The daemon is starting: process ${starting}. It does not answer yet.`,
  };
}

function otherVersion(version: string): string {
  return `The daemon is of another version (${version}). Renew it: cw daemon stop, then cw daemon start`;
}

function picture(said: DaemonStatus, context: Context): string {
  const rows = said.schedules.map((job) => [job.name, job.expression, nextOf(job), lastOf(job)]);
  return [
    `The daemon runs for ${age(Date.now() - said.uptimeSeconds * 1000)}: process ${said.pid}. ${watchingOf(said)}`,
    ...(said.lastSaveError === null ? [] : [`The last save failed: ${said.lastSaveError}`]),
    said.lastSaveAt === null
      ? 'Nothing is saved yet.'
      : `All was saved ${age(said.lastSaveAt)} ago: ${said.workspaces ?? 0} open.`,
    '',
    table([['JOB', 'SCHEDULE', 'NEXT', 'LAST'], ...rows], context.terminal.columns),
    '',
    `socket  ${tildePath(said.socket, context.env)}`,
    `log     ${tildePath(said.log, context.env)}`,
  ].join('\n');
}

/** In its first moment it has not looked yet. */
function watchingOf({ watching: state, uptimeSeconds }: DaemonStatus): string {
  return state === 'unknown' && uptimeSeconds < 3 ? 'It begins to watch tmux.' : watching[state];
}

const watching: Readonly<Record<DaemonStatus['watching'], string>> = {
  server: 'It watches tmux.',
  'no-server': 'No tmux server runs; it waits for one.',
  unknown: 'It cannot reach tmux: see cw daemon logs.',
};

function nextOf(job: ScheduleStatus): string {
  if (job.running) return 'now';
  return job.nextAt === null ? 'never' : `in ${age(Date.now() - (Date.parse(job.nextAt) - Date.now()))}`;
}

function lastOf(job: ScheduleStatus): string {
  if (job.lastAt === null) return '-';
  return job.lastError === null
    ? `${age(job.lastAt)} ago`
    : `failed ${age(job.lastAt)} ago: ${job.lastError}`;
}
