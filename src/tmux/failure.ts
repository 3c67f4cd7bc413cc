import { dirname } from 'node:path';
import { CwError } from '../errors.js';
import type { ServerAddress } from './connection.js';

/** No server answers at the address: none was started, or it is gone. Told apart by `isNoServer`. */
export class NoServerError extends CwError {
  // A brand, since each bundle has its own copy of this class.
  readonly isNoServer = true;
  /** It ended while it was being asked. What had been done on it is gone with it. */
  readonly ended: boolean;

  constructor(address: ServerAddress, ended = false) {
    const what = ended ? 'The tmux server ended during the call' : 'No tmux server runs';
    super('tmux-unusable', `${what}: ${address.socketPath}.`, {
      hint: 'Open a workspace to start one: cw up PATH',
    });
    this.ended = ended;
  }
}

/** True when the failure says for certain that no server runs, not that one could not be asked. */
export function isNoServer(error: unknown): error is NoServerError {
  return (
    typeof error === 'object' && error !== null && (error as { isNoServer?: unknown }).isNoServer === true
  );
}

export function tmuxMissing(cause: unknown): CwError {
  return new CwError('tmux-unusable', 'tmux was not found on the PATH.', {
    hint: 'Install it: apt install tmux, dnf install tmux, or brew install tmux.',
    cause,
  });
}

export function noAnswer(address: ServerAddress, milliseconds: number): CwError {
  const limit = `${Math.round(milliseconds / 100) / 10} s`;
  return new CwError('tmux-unusable', `tmux did not answer on ${address.socketPath} within ${limit}.`, {
    hint: 'The server may be stopped or very busy. Look at it with: tmux ls',
  });
}

/**
 * The failure that a client's error output tells of, when it is one of the connection and not of a command: no
 * server, or one that may not be used. null for anything else. The sentences are those of tmux's client.c and
 * tmux.c; each stands alone, since a command's own error may quote foreign text of any shape.
 */
export function connectionFailure(stderr: string, address: ServerAddress): CwError | null {
  const text = stderr.trim();
  const path = address.socketPath;
  if (/^no server running on [^\n]*$|^error connecting to [^\n]* \(No such file or directory\)$/.test(text)) {
    return new NoServerError(address);
  }
  // This one comes last, after errors of the commands before.
  if (/(^|\n)(server exited|server exited unexpectedly|lost server)$/.test(text))
    return new NoServerError(address, true);
  if (text.startsWith('error creating ')) {
    return new CwError('tmux-unusable', `tmux cannot make its socket: ${text}.`, {
      hint: `Make its folder, yours alone: mkdir -p -m 700 ${dirname(path)}`,
    });
  }
  if (
    /^(error connecting to |couldn't (create|read) directory |directory .* has unsafe|access not allowed)/.test(
      text,
    )
  ) {
    return new CwError('tmux-unusable', `tmux cannot be used on ${path}: ${text}.`, {
      hint: 'The socket and its folder must be yours alone (mode 0700).',
    });
  }
  if (/^(protocol version mismatch|server version is too old)/.test(text)) {
    return new CwError(
      'tmux-unusable',
      `The tmux server on ${path} runs another version than the tmux on the PATH: ${text}.`,
      {
        hint: 'tmux was updated under a running server: end that one (tmux kill-server), or use the old program.',
      },
    );
  }
  return null;
}
