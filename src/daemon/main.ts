import { setFlagsFromString } from 'node:v8';
import { exitCodes, isCwError } from '../errors.js';
import { journalLine, plainLine } from '../rpc/log-line.js';
import { logFile } from '../rpc/start.js';
import { packageVersion } from '../system/version.js';
import type { Connection, ServerAddress } from '../tmux/connection.js';
import { Registry } from '../workspace/registry.js';
import { Daemon } from './daemon.js';
import { isJournal, type Log, openLog } from './log.js';
import type { Schedules } from './schedule.js';
import { tmuxWatch } from './watch-tmux.js';
import type { DaemonWork } from './work.js';

export interface RunOptions {
  readonly address: ServerAddress;
  readonly env: NodeJS.ProcessEnv;
  /** Makes the work, once. Its `connection` is the daemon's own: over the control client while a server runs. */
  readonly work: (parts: { readonly connection: Connection; readonly log: Log }) => DaemonWork;
  readonly schedules: () => Partial<Schedules>;
  /** A sentence for each thing that is wrong with the settings as they are now. */
  readonly settingsProblems?: () => readonly string[];
  /** Milliseconds that the last save may take. */
  readonly lastSaveLimit?: number;
}

/**
 * Is the daemon until it is told to stop: by `cw daemon stop`, SIGTERM or SIGINT (saves first), or by an error that
 * nobody caught (saves what it can). SIGHUP reads the settings again.
 *
 * @returns the exit code: 0 after a stop, 1 after a failure, otherwise that of the failure's kind. The systemd unit
 *   does not restart it after 2, 4 and 5: a wrong setting, another daemon, no tmux.
 */
export async function runDaemon(options: RunOptions): Promise<number> {
  const { address, env } = options;
  // New objects are collected in their first megabyte and not only in the sixteenth: a save makes many that live for a
  // moment, and the memory would stay with us at rest (103 MB; so it is 79).
  setFlagsFromString('--semi-space-growth-factor=1');
  const file = logFile(address.socketPath, env);
  const line = isJournal(env) ? journalLine : plainLine;
  const log = openLog({ file, plain: (text) => void process.stderr.write(line(text)) });
  process.stderr.on('error', () => {}); // a terminal that was closed: the file has the lines
  const events = tmuxWatch({ address, env, attachLock: new Registry(address, env).buildLock() });
  const daemon = new Daemon({
    server: address.socketPath,
    env,
    version: packageVersion(),
    events,
    work: options.work({ connection: events.connection, log }),
    log,
    logFile: file,
    schedules: options.schedules,
    ...(options.settingsProblems && { settingsProblems: options.settingsProblems }),
    ...(options.lastSaveLimit === undefined ? {} : { lastSaveLimit: options.lastSaveLimit }),
  });
  let code = 0;
  let stopped = false;
  const stop = (why: string) => {
    stopped = true;
    void daemon.stop(why);
  };
  const crash = (what: string) => (error: unknown) => {
    log.error(what, error);
    code = exitCodes.failed;
    stop(what);
  };
  const signals = {
    SIGTERM: () => stop('SIGTERM'),
    SIGINT: () => stop('SIGINT'),
    SIGHUP: () => void daemon.reload([]),
    uncaughtException: crash('an error that nobody caught'),
    unhandledRejection: crash('a failure that nobody waited for'),
  };
  for (const [name, handler] of Object.entries(signals)) process.on(name, handler);
  try {
    const started = daemon.start().catch((error: unknown) => {
      if (stopped) return; // told to stop before all was begun: that is its end, not a failure
      if (!isCwError(error)) log.error('the daemon did not start', error); // the others are printed by the caller
      throw error;
    });
    // What is brought back after a boot may take long, and must not keep a stop waiting.
    await Promise.race([started, daemon.ended]);
    await daemon.ended;
    return code;
  } finally {
    for (const [name, handler] of Object.entries(signals)) process.off(name, handler);
    log.close();
  }
}
