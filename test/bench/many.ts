import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Blueprint } from '../../src/blueprint/model.js';
import { plan } from '../../src/blueprint/plan.js';
import { isFolder } from '../../src/system/files.js';
import type { Connection } from '../../src/tmux/connection.js';
import { type ControlConnection, controlConnection } from '../../src/tmux/control-connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { readSessions } from '../../src/tmux/reading.js';
import { endServer } from '../../src/tmux/server.js';
import { applyPlan } from '../../src/workspace/apply.js';
import { serverFacts } from '../../src/workspace/build.js';
import { recordOf } from '../../src/workspace/record.js';
import { newWorkspaceId, Registry } from '../../src/workspace/registry.js';
import { blueprintOf } from '../blueprint/examples.js';
import { waitUntil } from '../support/wait.js';
import { makeSandbox, root } from '../support/world.js';
import { process as program, type Work } from './measure.js';

export const panesEach = 4;
export const linesEach = 200;

const keeper = 'cw-keeper';

/** A user's world with many workspaces of four panes, each pane a shell below its lines of scrollback. */
export class ManyWorkspaces {
  readonly world = makeSandbox();
  readonly address = { args: ['-S', this.world.socket], socketPath: this.world.socket };
  readonly process: Connection = processConnection(this.address, this.world.env);
  readonly registry = new Registry(this.address, this.world.env);
  readonly blueprints: Blueprint[] = [];
  private control: ControlConnection | null = null;

  /** Adds workspaces until there are so many, and waits until their shells are at their prompts. */
  async grow(count: number): Promise<void> {
    if (this.blueprints.length === 0)
      this.world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', keeper, 'cat');
    const server = await readSessions(this.process);
    while (this.blueprints.length < count) {
      const blueprint = this.draw(this.blueprints.length);
      const nonce = `n${this.blueprints.length}`;
      const resume = new Map(
        blueprint.windows[0]!.panes.map(({ key }, at) => [
          key,
          { run: null, typed: null, textFile: this.text(blueprint.name, at), historyFile: null },
        ]),
      );
      const facts = { ...serverFacts(server, nonce, this.world.env), folderExists: isFolder, resume };
      await applyPlan(this.process, plan(blueprint, facts), { nonce, env: this.world.env });
      this.registry.write(recordOf(blueprint));
      this.blueprints.push(blueprint);
    }
    await waitUntil('all shells are at their prompts', () => this.areAtPrompts(), 240_000);
  }

  /**
   * A control client as the daemon has one, attached to a session that nothing happens in. Once in the life of the
   * server, and while nothing is being made: tmux 3.3a can crash when something happens while a client attaches.
   */
  async daemonsConnection(): Promise<ControlConnection> {
    this.control ??= await controlConnection(this.address, this.world.env, { target: `=${keeper}:` });
    return this.control;
  }

  /** All files below the state folder. */
  files(): string[] {
    return readdirSync(this.registry.folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
    );
  }

  /** A run of our program. */
  cli(...words: string[]): Work {
    return program(join(root, 'bin/cw'), words, { env: { ...this.world.env, CW_DAEMON: 'off' } });
  }

  /** Ends the server, as a crash would. */
  async end(): Promise<void> {
    await this.control?.close();
    this.control = null;
    await endServer(this.process);
  }

  async dispose(): Promise<void> {
    await this.control?.close();
    await this.world.dispose();
  }

  private draw(at: number): Blueprint {
    const name = `p${String(at).padStart(3, '0')}`;
    const path = join(this.world.home, 'projects', name);
    mkdirSync(path, { recursive: true });
    const size = { width: 200, height: 50 };
    const panes = Array.from({ length: panesEach }, () => ({ cwd: path, title: name }));
    return blueprintOf([{ name: 'main', size, panes, layout: 'tiled' }], {
      id: newWorkspaceId(),
      name,
      session: `claude-dev-${name}`,
      path,
      size,
      environment: [{ name: 'CLAUDE_PROJECT', value: name, hidden: false }],
    });
  }

  /** Lines as programs print them, a tenth in colour; no two panes have the same. */
  private text(name: string, pane: number): string {
    const file = join(this.world.folder, `${name}.${pane}.txt`);
    const lines = Array.from({ length: linesEach + 50 }, (_, line) => {
      const text = `${name} ${pane} line ${line}: compiled src/module${line * 7}.ts in ${line * 13} ms`;
      return line % 10 === 0 ? `\x1b[32m${text}\x1b[0m` : text;
    });
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }

  private areAtPrompts(): boolean {
    // A pane's text is printed before its shell starts; a prompt leaves the cursor behind its "$ ".
    const rows = this.world
      .tmux('list-panes', '-a', '-F', '#{session_name} #{history_size} #{cursor_x} #{pane_current_command}')
      .trim()
      .split('\n')
      .filter((row) => !row.startsWith(keeper));
    return rows.every((row) => {
      const [, history, column, command] = row.split(' ');
      return Number(history) >= linesEach && Number(column) > 0 && command === 'bash';
    });
  }
}
