import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { CwError } from '../errors.js';
import { type Dialogue, startDialogue } from '../system/dialogue.js';
import { randomHex } from '../system/random.js';
import { packageVersion } from '../system/version.js';
import { farError, noFarCw, otherVersion, sshFailure } from './failure.js';
import { answeringLine } from './far-command.js';
import { Incoming } from './incoming.js';
import { put, putMessage } from './protocol.js';
import { answeringWords, type SshSettings } from './ssh.js';

/** A connection that ended while something was on its way: to try again is worth it. */
export class CutOff extends CwError {
  readonly isCut = true;
}

export function isCut(error: unknown): boolean {
  return (error as { isCut?: unknown } | null)?.isCut === true;
}

/** Start files can say much before our program does; this much no greeting is. */
const mostLinesBefore = 10_000;

/** Milliseconds in which ssh ends by itself when its session has, and says how that did. */
const patience = 3000;

/** A far program of ours that is spoken with. */
export class Channel {
  private constructor(
    readonly host: string,
    readonly version: string,
    private readonly dialogue: Dialogue,
    private readonly incoming: Incoming,
    private readonly settings: SshSettings,
  ) {}

  /**
   * @param asks whether ssh may ask on the terminal.
   * @throws CwError why there is none.
   */
  static async open(
    host: string,
    words: readonly string[],
    settings: SshSettings,
    asks: boolean,
  ): Promise<Channel> {
    const mark = `cw-answers-${randomHex(8)}`;
    const [program = 'ssh', ...args] = answeringWords(host, answeringLine(mark, words), settings, asks);
    const dialogue = startDialogue(program, args, { env: settings.env });
    let timedOut = false;
    // Who is asked for a password may take their time.
    const limit = asks
      ? undefined
      : setTimeout(
          () => {
            timedOut = true;
            dialogue.end();
          },
          2 * settings.seconds * 1000,
        );
    const incoming = new Incoming(dialogue.stdout as Readable);
    for (let count = 0; count < mostLinesBefore; count++) {
      const line = await incoming.line();
      if (line === null) break;
      if (!line.startsWith(`${mark} `)) continue;
      clearTimeout(limit);
      const version = line.slice(mark.length + 1).trim();
      if (version !== '-') return new Channel(host, version, dialogue, incoming, settings);
      await dialogue.endWithin(patience);
      throw noFarCw(host);
    }
    clearTimeout(limit);
    const end = await dialogue.endWithin(patience);
    const seconds = timedOut ? 2 * settings.seconds : settings.seconds;
    throw sshFailure(host, { ...end, timedOut }, 'connecting', seconds);
  }

  send(message: object): Promise<void> {
    return putMessage(this.dialogue.stdin, message);
  }

  sendBytes(bytes: Uint8Array): Promise<void> {
    return put(this.dialogue.stdin, bytes);
  }

  /** True when nothing that is sent arrives any more. */
  get isOver(): boolean {
    return this.dialogue.stdin.destroyed;
  }

  /**
   * The next message.
   *
   * @throws CwError the far side's own error; `CutOff` when it is gone; what `strange` says of any other.
   */
  async receive<T>(schema: z.ZodType<T>): Promise<T> {
    const line = await this.incoming.line();
    if (line === null) throw await this.gone();
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      throw this.strange();
    }
    const read = schema.safeParse(message);
    if (read.success) return read.data;
    throw farError(this.host, message) ?? this.strange();
  }

  receiveBytes(count: number): AsyncIterable<Buffer> {
    return this.incoming.bytes(count);
  }

  /** What to throw where the far side said what is not in the protocol. */
  strange(): CwError {
    return otherVersion(this.host, this.version, packageVersion());
  }

  /** What to throw where it ended before its time. */
  async gone(): Promise<CwError> {
    const end = await this.dialogue.endWithin(patience);
    if (end.exitCode !== null && end.exitCode !== 255) {
      // ssh did what it was asked for; it is the far cw that ended, as one does that does not know the verb.
      return this.strange();
    }
    const { kind, message, hint } = sshFailure(this.host, end, 'answering', this.settings.seconds);
    return new CutOff(kind, message, { hint });
  }

  /** Says that there is no more, and waits for the far side to end. */
  async close(): Promise<void> {
    this.dialogue.stdin.end();
    await this.dialogue.endWithin(patience);
  }
}
