import { connect } from 'node:net';
import { CwError, messageOf, systemCode } from '../errors.js';
import { LineReader } from '../rpc/framing.js';
import { longestMessage, type Message, readMessage } from './protocol.js';

export interface Watching {
  /** Takes no more until `resume`. */
  pause(): void;
  resume(): void;
  /** Leaves. Idempotent. */
  close(): void;
  /**
   * Resolves when it is over, by whoever.
   *
   * @throws CwError `failed` when what listens there is no relay.
   */
  readonly ended: Promise<void>;
}

/**
 * Connects to a share.
 *
 * @throws CwError `not-found`: there is none (any more); `refused`: it is not for this user.
 */
export async function watchShare(path: string, onMessage: (message: Message) => void): Promise<Watching> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => reject(unreachable(path, error)));
  });
  const reader = new LineReader(longestMessage);
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => resolve());
    socket.on('data', (bytes: Buffer) => {
      for (const piece of reader.push(bytes)) {
        const message = 'line' in piece ? readMessage(piece.line) : null;
        if (!message) {
          socket.destroy();
          reject(
            new CwError('failed', `What listens on ${path} is no share of a cw that this one understands.`, {
              hint: 'Update cw, on both sides.',
            }),
          );
          return;
        }
        onMessage(message);
      }
    });
  });
  ended.catch(() => {}); // for whoever waits for it
  return {
    ended,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}

function unreachable(path: string, error: Error): CwError {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new CwError('not-found', `Nothing is shared on ${path}: it has ended, or never was.`, {
        hint: 'Ask for it anew. Who shares it types: cw share NAME --user YOU',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new CwError('refused', `${path} is not shared with you.`, {
        hint: 'Ask who shares it to name you: cw share NAME --user YOU',
        cause: error,
      });
    default:
      return new CwError('failed', `${path} cannot be reached: ${messageOf(error)}.`, { cause: error });
  }
}
