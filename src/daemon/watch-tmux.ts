import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Watching } from '../rpc/protocol.js';
import { ensurePrivateFolder, isFolder } from '../system/files.js';
import type { BatchOptions, BatchResult, Command, Connection, ServerAddress } from '../tmux/connection.js';
import { type ControlConnection, controlConnection } from '../tmux/control-connection.js';
import { processConnection } from '../tmux/process-connection.js';
import { isNoServer, noServerOrThrow } from '../tmux/server.js';

/** Where the daemon learns what happens in tmux. */
export interface TmuxEvents {
  /** Over the control client while there is one, otherwise by a process a batch. */
  readonly connection: Connection;
  readonly watching: Watching;
  /** Begins; returns when it is known whether a server runs, or that this cannot be found out yet. */
  start(listener: TmuxListener): Promise<void>;
  /** Puts in order again what a user may have undone (a reloaded tmux.conf drops hooks). */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

export interface TmuxListener {
  /** Something may have changed: read again. */
  changed(): void;
  serverSeen(): void;
  /** The server is certainly gone. */
  serverGone(): void;
  remark(text: string): void;
  failed(what: string, error: unknown): void;
}

/**
 * The session that our control client is attached to. A control client has to be attached to one, counts in its
 * `session_attached`, moves its `session_last_attached` and `session_activity` and fires the hooks of an attach; in a
 * session of our own it disturbs none of the user's. While it is held, a bare `tmux attach` passes it over; tmux
 * destroys it when its client goes, however that ends (`destroy-unattached`); and it ends itself when it is the last
 * one, so that the server can end.
 */
export const keeperName = 'cw-keeper';

// Made and attached to in one step, so that it is never there without its client. -A: one that somebody works in may
// have been left by the daemon before. The program does nothing, and no shell of the user's is started for it.
const keeperCommands: readonly Command[] = [
  [
    'new-session',
    '-A',
    '-f',
    'no-output,ignore-size',
    '-s',
    keeperName,
    '-x',
    '80',
    '-y',
    '24',
    '-c',
    '/',
    '--',
    'cat',
    '-',
  ],
  ['set-option', '-t', `=${keeperName}:`, 'destroy-unattached', 'on'],
];

/** One more than anybody's own hooks: `set-hook -g after-x[N]` leaves what others have under lower numbers alone. */
const hookIndex = 7301;
// A change of a session's environment shows in no format. The hook runs in the session's context, and guards itself.
const environmentHook = `after-set-environment[${hookIndex}]`;
const bell = "if-shell -F '#{@cw_id}' \"set-option -sF @cw_bell '#{e|+:0#{@cw_bell},1}'\"";

const pane = '#{pane_id}#{pane_current_path}';
const panes = `#{P:${pane},*${pane}}`;
const windowParts = `#{window_id}#{window_index}#{window_layout}#{window_zoomed_flag}#{pane_synchronized}#{window_name}`;
/**
 * All that is watched of the workspaces, as one text that is only compared. Expanded within tmux's server, at most
 * once a second; sessions without `@cw_id` cost nearly nothing. Titles are left out: programs change them all the
 * time.
 */
export const watchedFormat = `#{@cw_bell}#{S:#{?@cw_id,#{session_id}#{session_name}#{W:${windowParts}${panes},*${windowParts}${panes}},}}`;

// Notifications that tell of clients, not of what is in a workspace.
const irrelevant =
  /^%(output|extended-output|begin|end|error|client-|message|pause|continue|paste-buffer|config-error|exit|session-changed )/;

export interface WatchOptions {
  readonly address: ServerAddress;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until a server that could not be asked is asked again; doubled up to a minute. */
  readonly retry?: number;
  /** Panes up to which tmux looks for itself once a second; with more we ask less often, for the same cost. */
  readonly panesASecond?: number;
}

type State =
  | { readonly kind: 'idle' | 'stopped' }
  | { readonly kind: 'server'; readonly control: ControlConnection; readonly keeper: string }
  | { readonly kind: 'no-server'; readonly watcher: FSWatcher }
  | { readonly kind: 'unknown'; readonly timer: NodeJS.Timeout };

export function tmuxWatch(options: WatchOptions): TmuxEvents {
  return new TmuxWatch(options);
}

class TmuxWatch implements TmuxEvents {
  readonly connection: Connection;
  private readonly process: Connection;
  private state: State = { kind: 'idle' };
  private listener!: TmuxListener;
  private looking: Promise<void> | null = null;
  private lookAgain = false;
  private failures = 0;
  /** A server was seen, and its end has not been told yet. */
  private alive = false;
  private attachedAt = 0;
  /** Attachments in a row that were lost at once. */
  private shortLived = 0;
  private readonly panesASecond: number;
  private slow: { timer: NodeJS.Timeout | null; text: string } = { timer: null, text: '' };

  constructor(private readonly options: WatchOptions) {
    const { address, env } = options;
    // 800 panes cost tmux 11 ms a second.
    this.panesASecond = options.panesASecond ?? 1000;
    this.process = processConnection(address, env);
    this.connection = {
      address,
      batch: (commands, batchOptions) => this.batch(commands, batchOptions),
      close: async () => {},
    };
  }

  get watching(): Watching {
    const { kind } = this.state;
    return kind === 'server' || kind === 'no-server' ? kind : 'unknown';
  }

  async start(listener: TmuxListener): Promise<void> {
    this.listener = listener;
    await this.look();
  }

  async refresh(): Promise<void> {
    if (this.state.kind !== 'server') {
      await this.look();
      return;
    }
    await this.state.control.batch([['set-hook', '-g', environmentHook, bell]]);
  }

  async stop(): Promise<void> {
    const before = this.state;
    this.state = { kind: 'stopped' };
    await this.looking;
    await this.leave(before);
  }

  private async batch(commands: readonly Command[], options?: BatchOptions): Promise<BatchResult> {
    // A batch with an environment may have to start the server, which a control client cannot.
    if (this.state.kind === 'server' && options?.env === undefined)
      return this.state.control.batch(commands, options);
    return this.process.batch(commands, options);
  }

  /** Finds out what there is and watches it. Calls while it does so make it look once more. */
  private look(): Promise<void> {
    if (this.looking) {
      this.lookAgain = true;
      return this.looking;
    }
    this.looking = (async () => {
      do {
        this.lookAgain = false;
        await this.lookOnce();
      } while (this.lookAgain && this.state.kind !== 'stopped');
    })().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async lookOnce(): Promise<void> {
    if (this.state.kind === 'server' || this.state.kind === 'stopped') return;
    try {
      await this.attach();
      this.failures = 0;
    } catch (error) {
      try {
        noServerOrThrow(error, this.options.address);
        await this.waitForServer();
        this.failures = 0;
      } catch (cause) {
        await this.waitToAsk(cause);
      }
    }
  }

  private async attach(): Promise<void> {
    const { address, env } = this.options;
    const control = await controlConnection(address, env, {
      target: keeperCommands,
      onNotification: (line) => this.notice(line),
      onClose: () => this.lost(),
    });
    let keeper: string;
    try {
      const { stdout } = await control.batch([
        ['display-message', '-p', '#{session_id}'],
        ['set-hook', '-g', environmentHook, bell],
      ]);
      keeper = stdout.toString().trim();
      await control.subscribe('cw', watchedFormat);
    } catch (error) {
      await control.close();
      throw error;
    }
    const before = this.state;
    if (before.kind === 'stopped') {
      await this.leave({ kind: 'server', control, keeper });
      return;
    }
    this.state = { kind: 'server', control, keeper };
    this.attachedAt = performance.now();
    await this.leave(before);
    if (!this.alive) {
      this.alive = true;
      this.listener.serverSeen();
    }
    this.listener.changed();
    // What came while we attached found no state yet.
    this.check().catch((error: unknown) => this.listener.failed('looking at the sessions', error));
  }

  private notice(line: string): void {
    if (line.startsWith('%subscription-changed')) this.measure(line);
    else if (irrelevant.test(line)) return;
    this.listener.changed();
    if (/^%(sessions-changed|window-add|layout-change|window-pane-changed|window-close)/.test(line))
      this.check().catch((error: unknown) => {
        if (this.state.kind === 'server') this.listener.failed('looking at the sessions', error);
      });
  }

  /** Ends the keeper when it is the last session; and lets go of it when somebody works in it. */
  private async check(): Promise<void> {
    const { state } = this;
    if (state.kind !== 'server') return;
    const { stdout } = await state.control.batch([
      ['list-sessions', '-F', '#{session_id} #{session_windows} #{window_panes} #{exit-empty}'],
    ]);
    const rows = stdout
      .toString()
      .trim()
      .split('\n')
      .map((row) => row.split(' '));
    const keeper = rows.find(([id]) => id === state.keeper);
    if (!keeper) return;
    if (keeper[1] !== '1' || keeper[2] !== '1') {
      await state.control.batch([['set-option', '-t', state.keeper, 'destroy-unattached', 'off']]);
    } else if (rows.length === 1 && keeper[3] === '1') {
      await state.control.batch([['kill-session', '-t', state.keeper]]).catch((error: unknown) => {
        if (!isNoServer(error)) throw error; // the server ended with it, as it should
      });
    }
  }

  /** With very many panes we ask in tmux's place, less often: its own look is at a fixed second. */
  private measure(line: string): void {
    const count = line.match(/%\d+/g)?.length ?? 0;
    if (count <= this.panesASecond || this.slow.timer || this.state.kind !== 'server') return;
    const { control } = this.state;
    this.listener.remark(`${count} panes: looking at their folders less often`);
    control.unsubscribe('cw').catch((error: unknown) => this.listener.failed('the subscription', error));
    this.lookSlowly(control, count);
  }

  private lookSlowly(control: ControlConnection, count: number): void {
    this.slow.timer = setTimeout(
      async () => {
        this.slow.timer = null;
        if (this.state.kind !== 'server' || this.state.control !== control) return;
        try {
          const { stdout } = await control.batch([['display-message', '-p', watchedFormat]]);
          const text = stdout.toString();
          if (text !== this.slow.text) this.listener.changed();
          this.slow.text = text;
          const now = text.match(/%\d+/g)?.length ?? 0;
          if (now > this.panesASecond) this.lookSlowly(control, now);
          else await control.subscribe('cw', watchedFormat);
        } catch (error) {
          if (this.state.kind !== 'server' || this.state.control !== control) return;
          this.listener.failed('looking at the panes', error);
          this.lookSlowly(control, count);
        }
      },
      Math.ceil(count / this.panesASecond) * 1000,
    );
  }

  private lost(): void {
    if (this.state.kind !== 'server') return;
    if (this.slow.timer) clearTimeout(this.slow.timer);
    this.slow = { timer: null, text: '' };
    this.state = { kind: 'idle' };
    // Something that throws our client out each time must not keep us busy.
    this.shortLived = performance.now() - this.attachedAt < 1000 ? this.shortLived + 1 : 0;
    if (this.shortLived > 3)
      void this.waitToAsk(new Error('the control client is thrown out again and again'));
    else void this.look();
  }

  private async waitForServer(): Promise<void> {
    const folder = dirname(this.options.address.socketPath);
    if (this.state.kind === 'no-server' && isFolder(folder)) return;
    // A folder that does not exist yet, or was removed, could not be watched; tmux insists on 0700.
    ensurePrivateFolder(folder);
    const before = this.state;
    if (before.kind === 'stopped') return;
    const watcher = watch(folder, {
      depth: 0,
      ignoreInitial: true,
      // Not by name alone: the socket's own events differ by system, and any of them only means "ask tmux".
      ignored: (path) => path !== folder && path !== this.options.address.socketPath,
    });
    watcher.on('all', () => void this.look());
    watcher.on('error', (error) => this.listener.failed(`watching ${folder}`, error));
    await new Promise<void>((done) => watcher.once('ready', () => done()));
    if ((this.state as State).kind === 'stopped') {
      await watcher.close();
      return;
    }
    this.state = { kind: 'no-server', watcher };
    await this.leave(before);
    // One that began while the watch was set up has made its file before it.
    this.lookAgain = true;
    if (!this.alive) return;
    this.alive = false;
    this.listener.serverGone();
  }

  /** The third answer: it is not known whether a server runs, so nothing is concluded. */
  private async waitToAsk(cause: unknown): Promise<void> {
    const before = this.state;
    if (before.kind === 'stopped') return;
    if (this.failures === 0) this.listener.failed('asking tmux', cause);
    const wait = Math.min((this.options.retry ?? 1000) * 2 ** this.failures++, 60_000);
    this.state = { kind: 'unknown', timer: setTimeout(() => void this.look(), wait) };
    await this.leave(before);
  }

  private async leave(state: State): Promise<void> {
    if (state.kind === 'unknown') clearTimeout(state.timer);
    if (state.kind === 'no-server') await state.watcher.close();
    if (state.kind !== 'server') return;
    if (this.slow.timer) clearTimeout(this.slow.timer);
    await state.control
      .batch([
        ['set-hook', '-gu', environmentHook],
        ['set-option', '-su', '@cw_bell'],
      ])
      .catch(() => {}); // the client is gone, and with it most likely the server
    await state.control.close();
  }
}
