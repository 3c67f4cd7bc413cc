import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Watching } from '../rpc/protocol.js';
import { ensurePrivateFolder, isFolder } from '../system/files.js';
import { withLock } from '../system/lock.js';
import type { BatchOptions, BatchResult, Command, Connection, ServerAddress } from '../tmux/connection.js';
import { type ControlConnection, controlConnection } from '../tmux/control-connection.js';
import { processConnection } from '../tmux/process-connection.js';
import { isNoServer, noServerOrThrow } from '../tmux/server.js';
import { windowsPrinted } from './moves.js';

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
  /** Panes of workspaces show something else, and that is all that is known. @param windows the ids of theirs. */
  printed(windows: ReadonlySet<string>): void;
  serverSeen(): void;
  /** The server is certainly gone. */
  serverGone(): void;
  remark(text: string): void;
  failed(what: string, error: unknown): void;
}

/**
 * The session that our control client is attached to. A control client has to be attached to one, counts in its
 * `session_attached`, moves its `session_last_attached` and `session_activity` and fires the hooks of an attach; in a
 * session of our own it disturbs none of the user's. While it is held, a bare `tmux attach` passes it over; a hook of
 * its own ends it when our client goes, however that ends; and it is ended when it is the last one, so that the server
 * can end.
 */
export const keeperName = 'cw-keeper';

const keeper = `=${keeperName}:`;
/**
 * Made and attached to in one step, so that it is never there without its client. -A: one that somebody works in may
 * have been left by the daemon before. The program does nothing, and no shell of the user's is started for it.
 *
 * Not `destroy-unattached`: with it, a client that is killed while another one (`tmux ls`) ends leaves the server with
 * a pointer to the destroyed session, and it crashes (tmux pull request 5497; seen with 3.3a). `kill-session` clears
 * that pointer.
 */
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
  [
    'set-hook',
    '-t',
    keeper,
    'client-detached',
    `if-shell -F '#{==:#{session_attached},0}' 'kill-session -t ${keeper}'`,
  ],
];

/**
 * Milliseconds for which nothing may have changed before we attach, and how often that is waited for. A server that
 * has a notification for its control clients in the moment in which one is not yet done introducing itself crashes
 * (`control_write` without a `control_state`; tmux pull request 5004 is about the same state): so never while sessions
 * are made, by us (`attachLock`) or as far as can be seen by others, and only once in the life of a server.
 */
const settling = { pause: 200, times: 20 };

/** One more than anybody's own hooks: `set-hook -g after-x[N]` leaves what others have under lower numbers alone. */
const hookIndex = 7301;
// A change of a session's environment or of options shows in no format: it is counted in an option of the session, in
// whose context the hook runs; it guards itself. (What a hook sets fires no hook.) Of options only those of a session,
// window or pane count, and not ours. `set-window-option` has no hook in 3.3a: what that changes is seen
// with the next change, or at the periodic save.
const bell = (guard: string) => `if-shell -F '${guard}' "set-option -F @cw_bell '#{e|+:0#{@cw_bell},1}'"`;
const anyOf = '#{||:#{hook_flag_g},#{||:#{hook_flag_s},#{m:@cw_*,#{hook_argument_0}}}}';
const hooks = [
  [`after-set-environment[${hookIndex}]`, bell('#{@cw_id}')],
  [`after-set-option[${hookIndex}]`, bell(`#{&&:#{@cw_id},#{?${anyOf},,1}}`)],
] as const;
const setHooks: readonly Command[] = hooks.map((hook) => ['set-hook', '-g', ...hook]);
const unsetHooks: readonly Command[] = hooks.map(([name]) => ['set-hook', '-gu', name]);

/** How many panes a text of `watchedFormat` tells of: the cells of its layouts that hold one, `40x10,0,0,5`. */
function panesIn(text: string): number {
  return text.match(/\d+x\d+,\d+,\d+,\d+/g)?.length ?? 0;
}

/**
 * Of each window. Tmux looks for each name in six trees of options before it finds the format, and reads the text of a
 * loop once for each turn: that, a second, is all that the daemon costs at rest. So nothing is asked that another one
 * tells (the layout that is shown tells of a zoom, and its panes of which window it is), a window that is the current
 * one is no other text, and where an option says it, it is the option that is asked.
 *
 * Of the active pane: a layout names its panes, and to look into each one's folder costs tmux as much as all the rest.
 */
const windowParts =
  '#{window_active}#{window_index}#{window_visible_layout}#{synchronize-panes}#{window_name}#{pane_id}#{pane_current_path}';
/**
 * All that is watched of the workspaces, as one text that is only compared. Expanded within tmux's server, at most
 * once a second; sessions without `@cw_id` cost nearly nothing. Titles are left out: programs change them all the
 * time. A `cd` in a pane that is not the active one shows by the prompt that it prints.
 */
export const watchedFormat = `#{S:#{?@cw_id,#{@cw_bell}#{session_name}#{W:${windowParts}},}}`;

/**
 * When each window of the workspaces last showed something, in whole seconds. In a subscription of its own: a pane that
 * prints all the time must not count as a change of its workspace each second.
 */
const printedFormat = '#{S:#{?@cw_id,#{W: #{window_id}=#{window_activity}},}}';

// Notifications that tell of clients, not of what is in a workspace.
const irrelevant =
  /^%(output|extended-output|begin|end|error|client-|message|pause|continue|paste-buffer|config-error|exit|session-changed )/;

export interface WatchOptions {
  readonly address: ServerAddress;
  readonly env: NodeJS.ProcessEnv;
  /** The lock that is held by whoever of ours makes sessions on this server. */
  readonly attachLock: string;
  /** Milliseconds until a server that could not be asked is asked again; doubled up to a minute. */
  readonly retry?: number;
  /** Panes up to which tmux looks for itself once a second; with more we ask less often, for the same cost. */
  readonly panesASecond?: number;
}

type State =
  | { readonly kind: 'idle' | 'stopped' }
  | { readonly kind: 'server'; readonly control: ControlConnection; readonly session: string }
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
  /** Looks in a row that found a server without a session. */
  private empty = 0;
  private settled = { text: '', looks: 0 };
  private readonly firstWait: number;
  private readonly panesASecond: number;
  private slow: { timer: NodeJS.Timeout | null; text: string } = { timer: null, text: '' };

  constructor(private readonly options: WatchOptions) {
    const { address, env } = options;
    this.firstWait = options.retry ?? 100;
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
    await this.state.control.batch(setHooks);
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
      const wait = await this.notYet();
      if (wait !== null) {
        this.waitToLook(wait);
        return;
      }
      await withLock(this.options.attachLock, () => this.attach(), { wait: 5000 });
      this.failures = 0;
      this.empty = 0;
      this.settled = { text: '', looks: 0 };
    } catch (error) {
      try {
        noServerOrThrow(error, this.options.address);
        await this.waitForServer();
        this.failures = 0;
      } catch (cause) {
        this.waitToAsk(cause);
      }
    }
  }

  /** How long to wait before the next look, in milliseconds, when this is no moment to attach. */
  private async notYet(): Promise<number | null> {
    const { stdout } = await this.process.batch([
      ['list-windows', '-a', '-F', '#{session_name} #{window_id} #{window_layout} #{window_name}'],
    ]);
    const text = stdout.toString();
    // A server that is starting has no session yet. Ours must not be its first: it would end itself, and the server
    // with it, before the one comes that somebody is starting.
    if (!text.split('\n').some((line) => line !== '' && !line.startsWith(`${keeperName} `)))
      return Math.min(this.firstWait * 2 ** this.empty++, 2000);
    if (text === this.settled.text || this.settled.looks >= settling.times) return null;
    this.settled = { text, looks: this.settled.looks + 1 };
    return settling.pause;
  }

  private async attach(): Promise<void> {
    const { address, env } = this.options;
    const control = await controlConnection(address, env, {
      target: keeperCommands,
      onNotification: (line) => this.notice(line),
      onClose: () => this.lost(),
    });
    let session: string;
    try {
      const { stdout } = await control.batch([['display-message', '-p', '#{session_id}'], ...setHooks]);
      session = stdout.toString().trim();
      await control.subscribe('cw', watchedFormat);
      await control.subscribe('cw-printed', printedFormat);
    } catch (error) {
      await control.close();
      throw error;
    }
    const before = this.state;
    if (before.kind === 'stopped') {
      await this.leave({ kind: 'server', control, session });
      return;
    }
    this.state = { kind: 'server', control, session };
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
    if (line.startsWith('%subscription-changed cw-printed ')) {
      this.listener.printed(windowsPrinted(line));
      return;
    }
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
    const ours = rows.find(([id]) => id === state.session);
    if (!ours) return;
    if (ours[1] !== '1' || ours[2] !== '1') {
      await state.control.batch([['set-hook', '-u', '-t', state.session, 'client-detached']]);
    } else if (rows.length === 1 && ours[3] === '1') {
      // Counted once more by the server itself, in the same step: a session may begin at this moment.
      const end = ['if-shell', '-F', '#{==:#{S:x},x}', `kill-session -t '${state.session}'`];
      try {
        // tmux 3.3a crashes where it tells of a subscription to a client whose session has just gone.
        await state.control.unsubscribe('cw');
        await state.control.unsubscribe('cw-printed');
        await state.control.batch([end]);
        if (this.state !== state) return;
        await state.control.subscribe('cw', watchedFormat);
        await state.control.subscribe('cw-printed', printedFormat);
      } catch (error) {
        if (!isNoServer(error)) throw error; // the server ended with it, as it should
      }
    }
  }

  /** With very many panes we ask in tmux's place, less often: its own look is at a fixed second. */
  private measure(line: string): void {
    const count = panesIn(line);
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
          const now = panesIn(text);
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
    if (this.shortLived > 3) this.waitToAsk(new Error('the control client is thrown out again and again'));
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
    // The file system's own events: what they are about is for tmux to say.
    watcher.on('raw', () => void this.look());
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
  private waitToAsk(cause: unknown): void {
    // A server that is ending has taken its socket away and lives for a moment: that is not worth a word.
    if (this.failures === 2) this.listener.failed('asking tmux', cause);
    this.waitToLook(Math.min(this.firstWait * 2 ** this.failures++, 60_000));
  }

  private waitToLook(wait: number): void {
    const before = this.state;
    if (before.kind === 'stopped') return;
    this.state = { kind: 'unknown', timer: setTimeout(() => void this.look(), wait) };
    void this.leave(before);
  }

  private async leave(state: State): Promise<void> {
    if (state.kind === 'unknown') clearTimeout(state.timer);
    if (state.kind === 'no-server') await state.watcher.close();
    if (state.kind !== 'server') return;
    if (this.slow.timer) clearTimeout(this.slow.timer);
    await state.control.batch(unsetHooks).catch(() => {}); // the client is gone, and with it most likely the server
    await state.control.close();
  }
}
