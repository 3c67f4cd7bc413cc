import { onTestFinished } from 'vitest';
import { serverAddress } from '../../src/tmux/address.js';
import type { Command, Connection } from '../../src/tmux/connection.js';
import {
  type ControlConnection,
  type ControlOptions,
  controlConnection,
} from '../../src/tmux/control-connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';

export interface World {
  readonly box: Sandbox;
  readonly connection: Connection;
  /** A control client on the session `home`, closed when the test ends. */
  control(options?: Partial<ControlOptions>): Promise<ControlConnection>;
}

/** A sandbox with a connection to its server, which does not run yet. */
export function emptyWorld(): World {
  const box = sandbox();
  const address = serverAddress(box.env);
  return {
    box,
    connection: processConnection(address, box.env),
    async control(options = {}) {
      const control = await controlConnection(address, box.env, { target: '=home:', ...options });
      onTestFinished(() => control.close());
      return control;
    },
  };
}

/** The same with a session `home`, whose pane runs `cat`. */
export function world(): World {
  const made = emptyWorld();
  made.box.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'home', '-x', '100', '-y', '40', 'cat');
  return made;
}

/** The three ways that commands go to tmux, each as a function that fails when a command does. */
export async function ways({
  connection,
  control,
}: World): Promise<Record<string, (commands: Command[]) => Promise<Buffer>>> {
  const persistent = await control();
  const all = async (on: Connection, commands: Command[], stopOnError: boolean) => {
    const { stdout, errors } = await on.batch(commands, { stopOnError });
    if (errors.length > 0) throw new Error(errors.join('\n'));
    return stdout;
  };
  return {
    'an argument chain': (commands) => all(connection, commands, true),
    'source-file': (commands) => all(connection, commands, false),
    'control mode': (commands) => all(persistent, commands, false),
    'a control-mode line': (commands) => all(persistent, commands, true),
  };
}
