import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claudeFacts } from '../../src/claude/facts.js';
import { writeHookSettings } from '../../src/claude/hook-settings.js';
import { drain, spoolFolder } from '../../src/claude/intake.js';
import { agentRows } from '../../src/claude/overview.js';
import { ConversationRegistry, claudeStateFolder } from '../../src/claude/registry.js';
import type { BindEntry } from '../../src/claude/registry-log.js';
import { Spool } from '../../src/claude/spool.js';
import { processTable } from '../../src/system/process-table.js';
import type { Connection } from '../../src/tmux/connection.js';
import { installFakeClaude, letGo, ready, startClaude } from '../support/claude.js';
import { waitUntil } from '../support/wait.js';
import { makeSandbox, root } from '../support/world.js';
import { ManyWorkspaces, panesEach } from './many.js';
import { comparison, inTurn, median, type Row } from './measure.js';
import { listPanes } from './save.js';

const agents = 100;

/** What agents cost: the hook that each of their events waits for, a look at very many, and how soon one shows. */
export async function agentRowsOf(runs: number): Promise<Row[]> {
  return [await hookRow(runs), ...(await overviewRows(runs)), await promptRow(Math.min(runs, 10))];
}

const hook = join(root, 'shell/cw-hook');

async function hookRow(runs: number): Promise<Row> {
  const world = makeSandbox();
  try {
    const spool = join(world.home, 'spool');
    new Spool(spool).prepare();
    const env = { ...world.env, CW_SPOOL: spool, TMUX: `/s,${process.ppid},0`, TMUX_PANE: '%1' };
    const input = JSON.stringify({
      session_id: idOf(0),
      hook_event_name: 'PostToolUse',
      tool_response: 'x'.repeat(2000),
    });
    const run = (program: string, ...words: string[]) => {
      const done = spawnSync(program, words, { env, input, stdio: ['pipe', 'ignore', 'pipe'] });
      if (done.status !== 0) throw new Error(`${program} failed: ${done.stderr}`);
    };
    return comparison(
      'a hook of Claude Code',
      'sh -c true, with the same input',
      3,
      await inTurn(
        () => run(hook, 'PostToolUse'),
        () => run('sh', '-c', 'true'),
        runs * 4,
      ),
    );
  } finally {
    await world.dispose();
  }
}

/**
 * The shells of 100 panes stand for their Claudes: each is bound to its conversation by the registry, has told of
 * itself by hooks, and has a file that says what it does.
 */
async function overviewRows(runs: number): Promise<Row[]> {
  const many = new ManyWorkspaces();
  try {
    await many.grow(agents / panesEach);
    const { env, home } = many.world;
    let batches = 0;
    const connection: Connection = {
      ...many.process,
      address: many.address,
      batch: (commands, options) => {
        batches += 1;
        return many.process.batch(commands, options);
      },
    };
    const { folder } = many.registry;
    const { server, panes } = await claudeFacts(connection, env);
    const processes = processTable();
    const sessions = join(home, '.claude/sessions');
    mkdirSync(sessions, { recursive: true });
    const bound = panes.map((pane, at): BindEntry => {
      const found = processes.get(pane.pid)!;
      const status = { status: 'busy', statusUpdatedAt: Date.now() };
      writeFileSync(
        join(sessions, `${pane.pid}.json`),
        JSON.stringify({
          pid: pane.pid,
          sessionId: idOf(at),
          cwd: pane.cwd,
          procStart: found.start,
          ...status,
        }),
      );
      return {
        kind: 'bind',
        at: new Date().toISOString(),
        conversation: idOf(at),
        workspace: pane.workspace,
        paneKey: pane.key,
        pane: pane.id,
        server: server!.pid,
        process: { pid: pane.pid, start: found.start },
        by: 'hook',
        cwd: pane.cwd,
        configDir: null,
        prompted: true,
        forkOf: null,
        evidence: 'a bench',
      };
    });
    new ConversationRegistry(folder).append(bound);
    const spool = spoolFolder(folder);
    new Spool(spool).prepare();
    const tell = (at: number, event: string) => {
      const { process: parent, pane, conversation } = bound[at]!;
      const file = `${parent.pid}-${at}`;
      writeFileSync(
        join(spool, file),
        JSON.stringify({ session_id: conversation, prompt: 'go on', hook_event_name: event }),
      );
      const line = `\n1 ${event} ${parent.pid}:${parent.start} ${file} ${pane} ${many.world.socket},${server!.pid},0\n`;
      writeFileSync(join(spool, 'index'), line, { flag: 'a' });
    };
    for (const at of bound.keys()) tell(at, 'UserPromptSubmit');
    const look = async () => {
      const before = batches;
      const drained = await drain(folder, () => claudeFacts(connection, env));
      const rows = agentRows(drained.facts, drained);
      if (rows.length !== agents || rows.some(({ state }) => state !== 'working'))
        throw new Error(`not ${agents} that work: ${JSON.stringify(rows.slice(0, 3))}`);
      if (batches !== before + 1) throw new Error(`${batches - before} tmux processes for one look`);
    };
    await look();
    const panesOnly = await listPanes(many.process);
    const reference = async () => void (await many.process.batch([panesOnly]));
    const whole = async () => void (await claudeFacts(many.process, env));
    const what = `the state of ${agents} agents, by one tmux process`;
    const against = 'one list-panes -a, as a process';
    return [
      comparison(what, against, 3, await inTurn(look, reference, runs)),
      comparison(what, 'the reading of tmux alone', null, await inTurn(look, whole, runs)),
      comparison(
        `the same, when each of ${agents} has told something since`,
        against,
        null,
        await inTurn(look, reference, runs, () => {
          for (const at of bound.keys()) tell(at, 'UserPromptSubmit');
        }),
      ),
    ];
  } finally {
    await many.dispose();
  }
}

/** From the Enter of a prompt to the line of `cw agents --watch --json` that says that it works. */
async function promptRow(prompts: number): Promise<Row> {
  const world = makeSandbox();
  try {
    installFakeClaude(world);
    const address = { args: ['-S', world.socket], socketPath: world.socket };
    const { Registry } = await import('../../src/workspace/registry.js');
    const { folder } = new Registry(address, world.env);
    const spool = spoolFolder(folder);
    new Spool(spool).prepare();
    const settings = writeHookSettings(claudeStateFolder(folder));
    const id = idOf(0);
    const pane = startClaude(world, ['--settings', settings, '--session-id', id], {
      env: { CW_SPOOL: spool },
    });
    world.tmux('set-option', '-t', pane, '@cw_id', 'w0123456789ab');
    await ready(world, pane);
    const watching = spawn(join(root, 'bin/cw'), ['agents', '--watch', '--json'], {
      env: { ...world.env, CW_DAEMON: 'off' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let state = '';
    let since = 0;
    let rest = '';
    watching.stdout.on('data', (data: Buffer) => {
      const lines = (rest + String(data)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const now = (JSON.parse(line) as { state: string }[])[0]?.state ?? '';
        if (now !== state) since = performance.now();
        state = now;
      }
    });
    const times: number[] = [];
    try {
      for (let prompt = 0; prompt < prompts; prompt += 1) {
        await waitUntil('it is idle', () => state === 'idle');
        await ready(world, pane);
        world.tmux('send-keys', '-t', pane, '-l', 'slow');
        await waitUntil('it is typed', () => world.screen(pane).includes('\u00a0slow'));
        const begun = performance.now();
        world.tmux('send-keys', '-t', pane, 'Enter');
        await waitUntil('it works', () => state === 'working');
        times.push(since - begun);
        letGo(world, id);
      }
    } finally {
      watching.kill('SIGTERM');
    }
    return {
      what: 'a prompt is seen in cw agents: median',
      ours: median(times),
      against: `of ${prompts}, from its Enter on; the longest: ${Math.max(...times).toFixed(0)} ms`,
      theirs: null,
      limit: 1000,
    };
  } finally {
    await world.dispose();
  }
}

function idOf(at: number): string {
  return `${String(at).padStart(8, '0')}-0000-4000-8000-000000000000`;
}
