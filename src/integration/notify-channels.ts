import { hostname } from 'node:os';
import { messageOf } from '../errors.js';
import { run } from '../system/run.js';
import type { Settings } from '../system/settings.js';
import { ringBell } from '../system/tty.js';
import type { ClientView } from '../tmux/clients.js';
import type { Connection } from '../tmux/connection.js';
import type { Notice } from './notify.js';

/** The ways in which the user is told. One that fails holds up no other, and is said in the log. */

export interface ChannelOptions {
  readonly connection: Connection;
  readonly env: NodeJS.ProcessEnv;
  /** A channel failed: what, and why. */
  readonly failed: (text: string) => void;
  readonly now?: () => number;
}

/** Milliseconds that a command, and a webhook's answer, may take. */
const commandLimit = 10_000;
const webhookLimit = 5000;
/** Milliseconds that a message stays in the status line, if no key is pressed. */
const messageTime = 6000;
/** After so many failures of the webhook, one after the other, it is left alone for so many milliseconds. */
const patience = 3;
const pause = 10 * 60_000;
const longestMessage = 240;

export type NotifySettings = Settings['notify'];

/** True where there is any way to tell. */
export function hasChannel({ message, bell, command, webhook }: NotifySettings): boolean {
  return message || bell || command !== null || webhook !== null;
}

export class Channels {
  private failures = 0;
  private pausedUntil = 0;
  private readonly now: () => number;

  constructor(private readonly options: ChannelOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Tells these by every way that is on. Never throws. */
  async tell(notices: readonly Notice[], views: readonly ClientView[], how: NotifySettings): Promise<void> {
    if (notices.length === 0) return;
    const { command, webhook } = how;
    await Promise.all([
      how.message && this.attempt('the message', () => this.show(notices, views)),
      how.bell && this.attempt('the bell', () => this.ring(notices, views)),
      ...notices.map((notice) =>
        command === null ? null : this.attempt('notify.command', () => this.command(notice, command)),
      ),
      ...notices.map((notice) => (webhook === null ? null : this.post(notice, webhook))),
    ]);
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.failed(`${what} failed: ${messageOf(error)}`);
    }
  }

  /** A message takes the place of the one before: several are one. */
  private async show(notices: readonly Notice[], views: readonly ClientView[]): Promise<void> {
    if (views.length === 0) return;
    const text = messageLine(notices);
    // The text is foreign: in an option it is not expanded, neither as a format nor as a time.
    const result = await this.options.connection.batch([
      ['set-option', '-s', '--', '@cw_message', text],
      ...views.map(({ name }) => [
        'display-message',
        '-c',
        name,
        '-d',
        String(messageTime),
        '#{@cw_message}',
      ]),
      ['set-option', '-su', '@cw_message'],
    ]);
    // A terminal that was closed meanwhile needs no message.
    const errors = result.errors.filter((error) => !/can't find client/.test(error));
    if (errors.length > 0) throw new Error(errors.join('; '));
  }

  private async ring(notices: readonly Notice[], views: readonly ClientView[]): Promise<void> {
    const panes = [...new Set(notices.flatMap(({ pane }) => pane ?? []))];
    const { stdout } = await this.options.connection.batch(
      panes.map((pane) => ['display-message', '-p', '-t', pane, '#{pane_tty}']),
    );
    const ttys = stdout
      .toString('utf8')
      .split('\n')
      .filter((line) => line.startsWith('/dev/'));
    const others = notices.some(({ pane }) => pane === null) ? views.map(({ tty }) => tty) : [];
    for (const tty of [...ttys, ...others]) ringBell(tty);
  }

  private async command(notice: Notice, command: string | readonly string[]): Promise<void> {
    const facts = factsOf(notice);
    const [program, ...words] =
      typeof command === 'string'
        ? ['/bin/sh', '-c', command]
        : command.map((word) => word.replace(/\{([a-z]+)\}/g, (whole, name: string) => facts[name] ?? whole));
    const env = Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [`CW_${name.toUpperCase()}`, value]),
    );
    const ran = await run(program!, words, { env: { ...this.options.env, ...env }, timeout: commandLimit });
    if (ran.failedToStart !== null) throw new Error(`${program} cannot be run (${ran.failedToStart})`);
    if (ran.timedOut) throw new Error(`it took more than ${commandLimit / 1000} s, and was ended`);
    if (ran.exitCode === 0) return;
    const said = ran.stderr.trim().split('\n').at(-1) ?? '';
    throw new Error(`exit code ${ran.exitCode ?? 'none'}${said === '' ? '' : `: ${said.slice(0, 200)}`}`);
  }

  /** Once and not again: what could not be told is in the log, and a server that is down is not called for a while. */
  private async post(notice: Notice, url: string): Promise<void> {
    if (this.now() < this.pausedUntil) return;
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...notice, host: hostname(), at: new Date(this.now()).toISOString() }),
        redirect: 'error',
        signal: AbortSignal.timeout(webhookLimit),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : '';
      this.options.failed(`notify.webhook failed: ${messageOf(error)}${cause}`);
      if (this.failures < patience || this.now() < this.pausedUntil) return;
      this.pausedUntil = this.now() + pause;
      this.failures = 0;
      this.options.failed(`notify.webhook is left alone for ${pause / 60_000} min`);
    }
  }
}

/** What a command is told, by `{name}` in its words and by `$CW_NAME`. */
function factsOf({ key, kind, level, title, text, workspace, pane }: Notice): Record<string, string> {
  const facts = { key, kind, level, title, text, workspace: workspace ?? '', pane: pane ?? '' };
  // A NUL ends an argument.
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, value.replaceAll('\0', '').slice(0, 4000)]),
  );
}

/** One line for the status line of tmux, in which `#[` begins a style. */
export function messageLine(notices: readonly Notice[]): string {
  const [first] = notices;
  const parts =
    notices.length === 1 && first && first.text !== ''
      ? [`${first.title}: ${first.text}`]
      : notices.map(({ title }) => title);
  const line = parts
    .join(' · ')
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replaceAll('#[', '# [');
  const letters = Array.from(line);
  return letters.length <= longestMessage ? line : `${letters.slice(0, longestMessage - 1).join('')}…`;
}
