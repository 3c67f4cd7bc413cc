import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { verb as conversation } from '../../src/cli/commands/conversation.js';
import { verb as send } from '../../src/cli/commands/send.js';
import { serverAddress } from '../../src/tmux/address.js';
import { newWorkspaceId, Registry } from '../../src/workspace/registry.js';
import { runVerb } from '../cli/run-verb.js';
import { transcriptOf } from '../support/claude.js';
import type { Sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

export interface OpenWorkspace {
  readonly id: string;
  readonly path: string;
  /** The folder of the server's state. */
  readonly folder: string;
  conversation(...words: string[]): ReturnType<typeof runVerb>;
  send(...words: string[]): ReturnType<typeof runVerb>;
  /** `cw conversation list --json --all` by name. */
  list(): Promise<Record<string, Row>>;
  /** Starts a conversation, and waits until its hook has proven it. */
  started(name: string, ...words: string[]): Promise<Row>;
}

export interface Row {
  readonly id: string;
  readonly name: string | null;
  readonly workspace: string | null;
  readonly pane: string;
  readonly cwd: string;
  readonly state: string;
  readonly live: boolean;
  readonly prompted: boolean;
  readonly forkOf: string | null;
  readonly transcript: string | null;
  readonly depth: number;
}

/** A workspace that is open in a sandbox, with a pane of a plain shell. */
export function openWorkspace(world: Sandbox, name = 'shop'): OpenWorkspace {
  const path = join(world.home, name);
  mkdirSync(path, { recursive: true });
  const registry = new Registry(serverAddress(world.env), world.env);
  const id = newWorkspaceId();
  const session = `claude-dev-${name}`;
  world.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '200', '-y', '120', '-s', session, '-c', path);
  world.tmux('set-option', '-t', `=${session}:`, '@cw_id', id);
  world.tmux('set-option', '-t', `=${session}:`, '@cw_path', path);
  const now = new Date().toISOString();
  registry.write({
    format: 1,
    id,
    name,
    session,
    path,
    template: null,
    createdAt: now,
    lastAttachedAt: null,
    closedAt: null,
    closedBy: null,
    git: null,
  });
  const around = { env: world.env, cwd: path };
  const run = (...words: string[]) => runVerb(conversation, words, around);
  const list = async () => {
    const { data } = await run('list', '--all');
    return Object.fromEntries((data as Row[]).map((row) => [row.name ?? row.id, row]));
  };
  return {
    id,
    path,
    folder: registry.folder,
    conversation: run,
    send: (...words) => runVerb(send, words, around),
    list,
    async started(called, ...words) {
      const answer = await run('start', called, ...words);
      if (answer.kind !== 'done') throw new Error(`${answer.text} ${answer.hint}`);
      const { conversation: own } = answer.data as { conversation: string };
      const isPrompted = words[0] !== undefined && !words[0].startsWith('-');
      return waitUntil(`${called} has told that it started`, async () => {
        // Looked at first: before its prompt it is idle too.
        const isAnswered = transcriptOf(world, own)?.some(({ type }) => type === 'assistant');
        const row = (await list())[called];
        return row?.live && row.state === 'idle' && (isAnswered || !isPrompted) && row;
      });
    },
  };
}
