import { type Sandbox, sandbox } from './sandbox.js';
import { waitUntil } from './wait.js';
import { root } from './world.js';

/** A real terminal for a sandbox: a pane of another tmux server, whose screen can be read and that can be typed into. */
export interface Terminal {
  screen(): string;
  /** Types a line and Enter. */
  line(text: string): void;
  /** Presses keys by tmux's names. */
  keys(...names: string[]): void;
  resize(columns: number, rows: number): void;
  waitFor(what: string, pattern: RegExp | string): Promise<string>;
}

/** A shell on a terminal of its own, outside of the sandbox's tmux server, with `cw` on its PATH. */
export function terminal(world: Sandbox, { columns = 120, rows = 40 } = {}): Terminal {
  const outer = sandbox();
  const { TMUX: _, TMUX_PANE: __, ...inherited } = world.env;
  const environment = { ...inherited, PATH: `${root}/bin:${world.env.PATH}`, PS1: '$ ', CW_DAEMON: 'off' };
  // By `env`, not by -e: a pane's PATH is that of the client that makes it, whatever -e says.
  const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const size = ['-x', String(columns), '-y', String(rows)];
  outer.tmux('-f', '/dev/null', 'new-session', '-d', ...size, '-c', world.home, 'env', '-i', ...words, 'sh');
  outer.tmux('set-option', '-g', 'status', 'off');
  outer.tmux('set-option', '-g', 'prefix', 'None');
  outer.tmux('set-option', '-g', 'escape-time', '0');
  const screen = () => outer.screen(':');
  return {
    screen,
    line: (text) => {
      outer.tmux('send-keys', '-l', '--', text);
      outer.tmux('send-keys', 'Enter');
    },
    keys: (...names) => void outer.tmux('send-keys', ...names),
    resize: (width, height) => void outer.tmux('resize-window', '-x', String(width), '-y', String(height)),
    waitFor: (what, pattern) =>
      waitUntil(what, () => {
        const text = screen();
        if (typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)) return text;
        throw new Error(`the screen is:\n${text.trimEnd()}`);
      }),
  };
}
