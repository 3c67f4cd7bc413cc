import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endProcesses, processesOfPanes } from '../../src/cleanup/processes.js';
import { isAlive, processStart } from '../../src/system/process.js';
import { ownProcesses, readSessions } from '../../src/system/sessions.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { cleaning } from './support.js';

/** What a process writes into a file as its own pid. */
async function pidIn(file: string): Promise<number> {
  return waitUntil(`${file} holds a pid`, () => Number(readFileSync(file, 'utf8')));
}

/** Starts lines in a pane's shell and gives the pids that they write; none of them outlives the test. */
async function started(lines: Readonly<Record<string, string>>) {
  const world = sandbox();
  const made = cleaning(world);
  await made.open('shop');
  const script = Object.entries(lines).map(([name, line]) =>
    line.replaceAll('PID', `${world.home}/${name}.pid`),
  );
  world.file('start.sh', `${script.join('\n')}\n`);
  await waitUntil('the shell is at its prompt', () =>
    /[$#] *$/m.test(world.screen('=claude-dev-shop:').trimEnd()),
  );
  world.tmux('send-keys', '-t', '=claude-dev-shop:', '. ~/start.sh', 'Enter');
  const pids: Record<string, number> = {};
  for (const name of Object.keys(lines)) pids[name] = await pidIn(join(world.home, `${name}.pid`));
  const starts = new Map(Object.values(pids).map((pid) => [pid, processStart(pid)]));
  onTestFinished(() => {
    for (const [pid, start] of starts) if (isAlive(pid, start)) process.kill(pid, 'SIGKILL');
  });
  return {
    world,
    ...made,
    pids,
    lives: (name: string) => isAlive(pids[name]!, starts.get(pids[name]!) ?? null),
  };
}

const ignoring = (signals: string) =>
  `(trap '' ${signals}; sh -c 'trap "" ${signals}; echo $$ >PID; while :; do sleep 0.1; done') &`;

describe('when a workspace is closed', () => {
  it('its processes end, one after the other kind of signal; what left is told and goes on (gastown #699)', {
    timeout: 60_000,
  }, async () => {
    const { pids, lives, world } = await started({
      job: "sh -c 'echo $$ >PID; exec sleep 6001' &",
      nohup: "nohup sh -c 'echo $$ >PID; exec sleep 6002' >/dev/null 2>&1 &",
      deaf: ignoring('HUP TERM'),
      orphan: '(sh -c \'trap "" HUP; echo $$ >PID; while :; do sleep 0.1; done\' &)',
      stopped: 'sh -c \'trap "" HUP; echo $$ >PID; kill -STOP $$; sleep 6003\' &',
      // A session of its own, and a parent that is gone.
      daemon: "(setsid -f sh -c 'echo $$ >PID; exec sleep 6004')",
    });
    const ran = await world.cw(['kill', 'shop', '--yes', '--json']);
    expect(ran.code).toBe(0);
    const [killed] = JSON.parse(ran.stdout) as { notes: string[] }[];
    expect(Object.keys(pids).filter(lives)).toEqual(['daemon']);
    const said = (name: string) =>
      killed!.notes.find((note) => note.startsWith(`Process ${pids[name]} `)) ?? null;
    expect(said('job')).toBeNull();
    expect(said('nohup')).toMatch(/was ended by SIGTERM/);
    expect(said('deaf')).toMatch(/was ended by SIGKILL/);
    expect(said('orphan')).toMatch(/was ended by SIGTERM/);
    expect(said('daemon')).toMatch(
      new RegExp(`goes on: it had left its pane. To end it: kill ${pids.daemon}`),
    );
  });

  it('no process of another pane is touched, whatever it is called (agent-deck 1736)', async () => {
    const { lives, world } = await started({
      mine: "bash -c 'echo $$ >PID; exec -a claude sleep 6101' &",
    });
    world.tmux(
      'new-session',
      '-d',
      '-s',
      'other',
      'sh',
      '-c',
      `echo $$ >${world.home}/other.pid; exec sleep 6101`,
    );
    const other = await pidIn(join(world.home, 'other.pid'));
    expect((await world.cw(['kill', 'shop', '--yes'])).code).toBe(0);
    expect([lives('mine'), isAlive(other, null)]).toEqual([false, true]);
  });

  it('windows that another session shows live on with their processes, and are named', async () => {
    const { lives, world } = await started({ job: "sh -c 'echo $$ >PID; exec sleep 6201' &" });
    world.tmux('new-session', '-d', '-s', 'work');
    world.tmux('link-window', '-d', '-s', '=claude-dev-shop:0', '-t', '=work:9');
    const pane = world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_id}').trim();
    const ran = await world.cw(['kill', 'shop', '--yes']);
    expect(ran.stdout).toContain(`The window main (${pane}) lives on in work.`);
    expect(lives('job')).toBe(true);
  });
});

describe('a signal', () => {
  it('reaches nobody who has the pid of one that has ended', async () => {
    const { pids, lives } = await started({ job: "sh -c 'echo $$ >PID; exec sleep 6301' &" });
    const all = readSessions();
    const other = { ...all.get(pids.job!)!, start: '1' };
    const patience = { hangup: 0, hup: 0, term: 0, kill: 0 };
    expect(await endProcesses({ panes: [], own: [other], left: [] }, patience)).toEqual({
      ended: [],
      left: [],
    });
    expect(lives('job')).toBe(true);
  });

  it('reaches neither ourselves nor those above us, nor the server', async () => {
    const { world } = await started({ job: "sh -c 'echo $$ >PID; exec sleep 6401' &" });
    const server = Number(world.tmux('display-message', '-p', '#{pid}'));
    // As if this very process ran in the pane of pid 1, of which all descend.
    const found = processesOfPanes([{ id: '%0', pid: 1 }], world.socket, server);
    const pids = found.own.map(({ pid }) => pid);
    for (const pid of [process.pid, process.ppid, server, 1]) expect(pids).not.toContain(pid);
    expect(pids.length).toBeGreaterThan(0);
  });
});

describe('the processes of a pane', () => {
  const one = (pid: number, parent: number, session: number, start = pid) => ({
    pid,
    parent,
    session,
    start: String(start),
    group: pid,
    foreground: 0,
    command: 'x',
    state: 'S',
    ticks: 0,
    residentPages: 0,
  });
  const table = (...all: ReturnType<typeof one>[]) => new Map(all.map((each) => [each.pid, each]));

  it('are its descendants and its session, orphans too, and not what left', () => {
    const all = table(
      one(10, 1, 10),
      one(11, 10, 10),
      one(12, 11, 12), // a session of its own, and still a child: what an agent's tool started
      one(13, 12, 12),
      one(14, 1, 10), // an orphan in the session
      one(15, 1, 15), // a daemon
      one(16, 2, 16),
    );
    expect(
      ownProcesses(10, all)
        .map(({ pid }) => pid)
        .sort(),
    ).toEqual([10, 11, 12, 13, 14]);
  });

  it('are not what has a parent of the right number and the wrong age', () => {
    expect(ownProcesses(10, table(one(10, 1, 10, 500), one(11, 10, 99, 400))).map(({ pid }) => pid)).toEqual([
      10,
    ]);
  });
});
