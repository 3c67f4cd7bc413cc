import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killWorkspace } from '../../src/cleanup/kill.js';
import { judge } from '../../src/cleanup/look.js';
import { rulesOf, type SweepOptions, type Swept, sweep } from '../../src/cleanup/sweep.js';
import { verb as cleanup } from '../../src/cli/commands/cleanup.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { Registry } from '../../src/workspace/registry.js';
import { readWorld } from '../../src/workspace/world.js';
import { runVerb } from '../cli/run-verb.js';
import type { Sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

export interface Row {
  readonly name: string;
  readonly action: string;
  readonly ground: string;
  readonly reason: string;
  readonly outcome?: string;
  readonly why?: string;
  readonly snapshot?: string | null;
  readonly undo?: string;
  readonly notes?: readonly string[];
}

/** A sandbox with workspaces that can be cleaned. */
export function cleaning(world: Sandbox) {
  const connection = processConnection(serverAddress(world.env), world.env);
  const settings = loadSettings(world.env, () => {});
  const around = { env: world.env, cwd: world.home };
  // Old is what is a millisecond old: whether something is recent has tests of its own.
  const options: SweepOptions = { connection, rules: rulesOf(settings, 1), settings, env: world.env };
  const target = (name: string) => `=claude-dev-${name}:`;
  /** Waits until nothing was used in the last second. */
  const aged = () =>
    waitUntil('the youngest is old', () => {
      const seconds = world.tmux('list-sessions', '-F', '#{session_activity}').trim().split('\n').map(Number);
      return Date.now() / 1000 - Math.max(...seconds) > 1.1;
    });
  return {
    aged,
    connection,
    registry: new Registry(connection.address, world.env),
    options,
    /**
     * Opens a workspace.
     *
     * @param windows YAML; one window of a plain shell when not given.
     */
    async open(name: string, windows = '[{ name: main, panes: [{}] }]', more = ''): Promise<string> {
      const path = join(world.home, 'projects', name);
      mkdirSync(path, { recursive: true });
      const template = join(world.folder, `${name}.yaml`);
      writeFileSync(template, `windows: ${windows}\n${more}`);
      const ran = await world.cw(['up', '--detach', '--template', template, path]);
      if (ran.code !== 0) throw new Error(ran.stderr);
      return path;
    },
    /** Makes a project a repository whose one commit is pushed. */
    async repository(path: string): Promise<(script: string) => Promise<void>> {
      const sh = async (script: string) => {
        const ran = await world.run('sh', ['-ec', script], { cwd: path });
        if (ran.code !== 0) throw new Error(`${script}: ${ran.stdout}${ran.stderr}`);
      };
      mkdirSync(path, { recursive: true });
      await sh(
        'git init -q -b main && echo one >a && git add a && git commit -qm one && git init -q --bare "$PWD.git" && git remote add origin "$PWD.git" && git push -q -u origin main',
      );
      return sh;
    },
    /** Types a line into the first pane, and waits until a process shows these words. */
    async type(name: string, line: string, words: RegExp): Promise<void> {
      await waitUntil(`${name} is at its prompt`, () =>
        /[$#] *$/m.test(world.screen(target(name)).trimEnd()),
      );
      world.tmux('send-keys', '-l', '-t', target(name), '--', line);
      world.tmux('send-keys', '-t', target(name), 'Enter');
      await waitUntil(`${words} runs`, async () =>
        words.test((await world.run('ps', ['-axo', 'args'])).stdout),
      );
    },
    isOpen(name: string): boolean {
      try {
        world.tmux('has-session', '-t', target(name));
        return true;
      } catch {
        return false;
      }
    },
    judge: () => judge(options, options.rules),
    sweep: async (): Promise<Swept[]> => sweep((await judge(options, options.rules)).verdicts, options),
    /**
     * Closes one by the door that all use, as a sweep does, with a check of the test's own.
     *
     * @param atKill called right before tmux is told to end the session.
     */
    async close(name: string, recheck: () => Promise<string | null>, atKill: () => void = () => {}) {
      const told: typeof connection = {
        ...connection,
        batch: (commands, batchOptions) => {
          if (commands.flat().some((word) => String(word).startsWith('kill-session'))) atKill();
          return connection.batch(commands, batchOptions);
        },
      };
      const here = await readWorld(told, world.env);
      const workspace = here.workspaces.find((one) => one.name === name)!;
      return killWorkspace(here, workspace, settings, world.env, { by: 'sweep', recheck });
    },
    /** `cw cleanup --older-than 1s`, once all are a second old. */
    async rows(...words: string[]): Promise<Row[]> {
      await aged();
      const answer = await runVerb(cleanup, ['--older-than', '1s', ...words], around);
      if (answer.kind !== 'done') throw new Error(answer.text);
      return (answer.data as { workspaces: Row[] }).workspaces;
    },
    cleanup: (...words: string[]) => runVerb(cleanup, words, around),
  };
}
