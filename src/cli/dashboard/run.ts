import type { Context } from '../command.js';
import { writeAll } from '../terminal.js';
import { Control, type Left } from './control.js';
import type { Size } from './frame.js';
import { show } from './screen.js';
import { prepareYoga } from './yoga.js';

/** The other screen, cleared; and back, with the cursor that Ink hides. */
const enter = '\x1b[?1049h\x1b[H\x1b[2J';
const leave = '\x1b[?25h\x1b[?1049l';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Shows the dashboard on the terminal until it is left, and leaves the terminal as it was, whatever ends it.
 *
 * @throws whatever went wrong in it.
 */
export async function runDashboard(context: Context): Promise<Left> {
  await prepareYoga();
  const size = (): Size => ({ columns: context.terminal.columns, rows: context.terminal.rows });
  const control = new Control(context, size());
  const resized = () => control.resize(size());
  const ended = signals.map((signal) => [signal, () => control.leave({ signal })] as const);
  const failed = (error: unknown) => control.fail(error);
  // For an end that nobody announces.
  const restore = () => void writeAll(1, leave);
  process.on('exit', restore).on('uncaughtException', failed).on('unhandledRejection', failed);
  for (const [signal, handler] of ended) process.on(signal, handler);
  process.stdout.on('resize', resized);
  writeAll(1, enter);
  const shown = show(control);
  // The terminal is gone, or Ink failed.
  shown.waitUntilExit().then(() => control.leave(null), failed);
  control.start();
  try {
    return await control.left;
  } finally {
    control.stop();
    shown.unmount();
    shown.cleanup();
    process.stdout.off('resize', resized);
    for (const [signal, handler] of ended) process.off(signal, handler);
    process.off('exit', restore).off('uncaughtException', failed).off('unhandledRejection', failed);
    restore();
    // Ink lets go of it so that it holds no exit; what comes now may want to ask.
    process.stdin.ref();
  }
}
