import { closeSync, constants, openSync, writeSync } from 'node:fs';

/**
 * Rings the bell of a terminal: of a pane's, tmux does with it what its options say (`bell-action`, `visual-bell`), and
 * marks the window.
 *
 * @throws the system's error for one that is gone, is no terminal's name, or takes nothing (stopped by Ctrl-S).
 */
export function ringBell(tty: string): void {
  if (!/^\/dev\/(pts\/\d+|tty[A-Za-z0-9.]+)$/.test(tty)) throw new Error(`${tty} is no terminal`);
  // Not as the terminal of this process, and without waiting for one that is stopped.
  const file = openSync(tty, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    writeSync(file, '\x07');
  } finally {
    closeSync(file);
  }
}
