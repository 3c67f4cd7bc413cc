import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hookEvents } from '../../src/claude/model.js';
import { Spool } from '../../src/claude/spool.js';
import { root, sandbox } from '../support/sandbox.js';

const hook = join(root, 'shell/cw-hook');

function spoolWorld(world = sandbox()) {
  const folder = mkdtempSync(join(world.folder, 'spool-'));
  const spool = new Spool(folder, { rotateAt: 400, grace: 0 });
  spool.prepare();
  let count = 0;
  /** What a hook does, without its process. */
  const leave = (event: string, input: unknown = { n: count }) => {
    count += 1;
    const file = `7-${count}`;
    writeFileSync(join(folder, file), typeof input === 'string' ? input : JSON.stringify(input));
    appendFileSync(join(folder, 'index'), `\n1 ${event} 7:70,6:60 ${file} %5 /tmp/a b/tmux,1,0\n`);
  };
  /** Runs the real hook. @returns what ends with it; `kill` ends it before. */
  const run = (event: string, input: string) => {
    const child = spawn(hook, [event], {
      env: { PATH: process.env.PATH, CW_SPOOL: folder, TMUX: '/t,1,0', TMUX_PANE: '%1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (part) => {
      said += part;
    });
    child.stderr.on('data', (part) => {
      said += part;
    });
    child.stdin.on('error', () => {}); // it was killed
    child.stdin.end(input);
    const ended = new Promise<{ code: number | null; said: string }>((done) => {
      child.on('close', (code) => done({ code, said }));
    });
    return { ended, kill: () => child.kill('SIGKILL') };
  };
  const inputs = () => readdirSync(folder).filter((name) => /^\d/.test(name));
  return { world, folder, spool, leave, run, inputs };
}

describe('the spool', () => {
  it('gives what hooks left, in order, and from any place', () => {
    const { spool, leave } = spoolWorld();
    expect(spool.read(0)).toEqual({ events: [], next: 0, broken: [] });
    for (const event of ['SessionStart', 'Stop', 'SessionEnd']) leave(event);
    const all = spool.readFrom(0);
    expect(all.map(({ event, input }) => [event, input?.n])).toEqual([
      ['SessionStart', 0],
      ['Stop', 1],
      ['SessionEnd', 2],
    ]);
    expect(all[1]).toMatchObject({
      parent: { pid: 7, start: '70' },
      ancestors: [{ pid: 6, start: '60' }],
      pane: '%5',
      tmux: '/tmp/a b/tmux,1,0',
    });
    expect(Date.now() - Date.parse(all[1]!.at)).toBeLessThan(60_000);
    expect(spool.readFrom(all[0]!.place, 1)).toEqual([all[0]]);
    expect(spool.readFrom(all[0]!.place + 1)).toEqual(all.slice(1));
    const first = spool.read(0, 1);
    expect(spool.read(first.next).events).toEqual(all.slice(1));
    expect(spool.read(spool.read(0).next).events).toEqual([]);
  });

  it('passes over what is broken, and waits for the end of a last line', () => {
    const { world, folder, spool, leave } = spoolWorld();
    const index = join(folder, 'index');
    leave('Stop', '{"cut');
    leave('Stop', '[1]');
    leave('Stop', '');
    appendFileSync(index, '\n1 Stop 7:70 7-999 %5 -\n'); // no such input
    appendFileSync(index, '\n1 Stop 7:70 ../../secret %5 -\n');
    appendFileSync(index, '\n1 Stop\n\n1 Stop half-of-it 7\n');
    symlinkSync(world.file('secret.json', '{"is":"JSON"}'), join(folder, '7-1000'));
    appendFileSync(index, '\n1 Stop 7:70 7-1000 - -\n');
    writeFileSync(join(folder, '7-1001'), Buffer.alloc(9 * 1024 * 1024, '1'));
    appendFileSync(index, '\n1 Stop 7:Sun_Nov_1 7-1001 - -\n');
    mkdirSync(join(folder, '7-1002'));
    appendFileSync(index, '\n1 Stop 7:70 7-1002 - -\n');
    const odd = ['\0\xff\n', '2 Stop 7:70 7-1 %5 -', '1 Elsewhere 7:70 7-1 %5 -', '1 constructor 7:70 - - -'];
    for (const line of odd) appendFileSync(index, `\n${line}\n`);
    appendFileSync(index, '\n1 Sto'); // the disk was full
    const before = spool.read(0);
    expect(before.events.map(({ event, input }) => [event, input])).toEqual(Array(10).fill(['Stop', null]));
    expect(before.events[8]!.parent).toEqual({ pid: 7, start: 'Sun Nov 1' });
    expect(before.broken).toHaveLength(4);
    expect(spool.read(before.next).events).toEqual([]);
    leave('SessionEnd');
    const after = spool.read(before.next);
    expect(after.events.map(({ event }) => event)).toEqual(['SessionEnd']);
    expect(after.broken).toEqual(['1 Sto']);
  });

  it('never fails on whatever bytes stand in it', () => {
    const { folder, spool } = spoolWorld();
    const piece = fc.oneof(
      fc.constantFrom('\n', '1 ', 'Stop', ' ', '7:70', ',', '-', '7-1', '%5', '/t,1,0'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.nat(400), (pieces, place) => {
        writeFileSync(join(folder, 'index'), pieces.join(''));
        const { events, next, broken } = spool.read(place);
        expect(next).toBeGreaterThanOrEqual(0);
        expect(events.length + broken.length).toBeLessThanOrEqual(pieces.join('').split('\n').length);
        expect(spool.read(next).events).toEqual([]);
      }),
    );
  });

  it('gives each event exactly once, whatever is compacted, when, and however far it came', () => {
    // What may happen, in any order. `kill` ends the reader between its reading and its storing, or in a compaction.
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant('leave' as const) },
      { weight: 2, arbitrary: fc.constant('take' as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('torn' as const, 'kill' as const, 'late' as const, 'half' as const),
      },
      { weight: 2, arbitrary: fc.constant('compact' as const) },
    );
    const home = sandbox();
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) => {
        const world = spoolWorld(home);
        const { folder, leave } = world;
        let { spool } = world;
        const stored = { place: 0, seen: [] as number[] };
        let left = 0;
        const lateHooks: { n: number; file: number; line: string }[] = [];
        const publishLate = () => {
          for (const { n, file, line } of lateHooks.splice(0)) {
            // Its input is older than that; but here what nobody published is swept at once.
            writeFileSync(join(folder, `8-${n}`), JSON.stringify({ n }));
            writeSync(file, line);
            closeSync(file);
          }
        };
        const take = () => {
          const { events, next } = spool.read(stored.place, 3);
          stored.seen.push(...events.flatMap(({ input }) => (input ? [Number(input.n)] : [])));
          stored.place = next;
          return events.length;
        };
        for (const one of steps) {
          if (one === 'leave') leave('Stop', { n: left++ });
          else if (one === 'take') take();
          else if (one === 'compact') spool.compact(stored.place);
          else if (one === 'torn') appendFileSync(join(folder, 'index'), '\n1 Sto');
          else if (one === 'kill') {
            spool.read(stored.place);
            spool = new Spool(folder, { rotateAt: 400, grace: 0 });
          } else if (one === 'half' && existsSync(join(folder, 'index'))) {
            // Killed between the two renamings.
            spool.read(stored.place);
            const base = Math.max(
              0,
              ...namesIn(join(folder, 'old')).map((name) => Number(name.split('-')[1])),
            );
            mkdirSync(join(folder, 'old'), { recursive: true });
            renameSync(join(folder, 'index'), join(folder, 'old', String(base)));
            spool = new Spool(folder, { rotateAt: 400, grace: 0 });
          } else if (one === 'late' && lateHooks.length === 0) {
            // A hook has the index open, and writes when that was moved aside.
            const n = left++;
            lateHooks.push({
              n,
              file: openSync(join(folder, 'index'), 'a'),
              line: `\n1 Stop 8:80 8-${n} %5 -\n`,
            });
            spool.read(stored.place);
            if (statSync(join(folder, 'index')).size > 0) spool.compact(stored.place);
          }
          if (one !== 'late' && one !== 'compact' && one !== 'half') publishLate();
        }
        publishLate();
        leave('Stop', { n: left++ });
        for (let turn = 0; turn < 200 && take() > 0; turn += 1);
        expect(stored.seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: left }, (_, n) => n));
      }),
      { numRuns: 60 },
    );
  });

  it('takes away what was taken, and what a killed hook left, but nothing that is still wanted', () => {
    const { folder, spool, leave, inputs } = spoolWorld();
    for (let n = 0; n < 20; n += 1) leave('Stop');
    writeFileSync(join(folder, '9-9'), 'killed before it was published');
    const { next } = spool.read(0, 15);
    spool.compact(next);
    expect(inputs()).toHaveLength(5);
    expect(spool.read(next).events.map(({ input }) => input?.n)).toEqual([15, 16, 17, 18, 19]);
    const end = spool.read(next).next;
    for (let n = 0; n < 20; n += 1) leave('Stop');
    spool.compact(end);
    spool.compact(end);
    for (let n = 0; n < 20; n += 1) leave('Stop');
    const all = spool.read(end);
    expect(all.events).toHaveLength(40);
    spool.compact(all.next);
    expect(inputs()).toEqual([]);
    expect(readdirSync(join(folder, 'old'))).toHaveLength(1);
    // By default what is young stays: a hook may be at it.
    writeFileSync(join(folder, '9-9'), '');
    for (let n = 0; n < 20; n += 1) leave('Stop');
    const careful = new Spool(folder, { rotateAt: 400 });
    const last = careful.read(all.next).next;
    careful.compact(last);
    expect(inputs()).toEqual(['9-9']);
    expect(readdirSync(join(folder, 'old'))).toHaveLength(2);
  });

  it('reads one that was made anew, or lost its end in a crash of the machine, from its start', () => {
    const { folder, spool, leave } = spoolWorld();
    for (let n = 0; n < 3; n += 1) leave('Stop');
    const { next } = spool.read(0);
    spool.compact(next);
    truncateSync(join(folder, 'index'), 20);
    leave('SessionEnd');
    const again = spool.read(next);
    expect(again.events.filter(({ input }) => input !== null).map(({ event }) => event)).toEqual([
      'SessionEnd',
    ]);
    spool.compact(again.next);
  });
});

describe('real hooks and the spool', () => {
  it('twenty at once, while it is read and compacted: each exactly once, whole, and in the order of each caller', async () => {
    const { folder, run, inputs } = spoolWorld();
    const rounds = 6;
    let running = 20;
    const one = async (id: number) => {
      for (let n = 0; n < rounds; n += 1) {
        const input = JSON.stringify({ id, n, text: 'é'.repeat((id * 1000 * n) % 70_000) });
        expect(await run(hookEvents[id % hookEvents.length]!, input).ended).toEqual({ code: 0, said: '' });
      }
      running -= 1;
    };
    const seen: string[] = [];
    let place = 0;
    const read = async () => {
      for (;;) {
        const last = running === 0;
        const reader = new Spool(folder, { rotateAt: 400, grace: 10_000 });
        const { events, next, broken } = reader.read(place, 7);
        expect(broken).toEqual([]);
        seen.push(...events.map(({ input }) => `${input?.id} ${input?.n}`));
        place = next;
        reader.compact(place);
        if (last && events.length === 0) return;
        await new Promise((done) => setImmediate(done));
      }
    };
    await Promise.all([read(), ...Array.from({ length: 20 }, (_, id) => one(id))]);
    const expected = Array.from({ length: 20 }, (_, id) =>
      Array.from({ length: rounds }, (_, n) => `${id} ${n}`),
    );
    expect(seen.toSorted()).toEqual(expected.flat().toSorted());
    for (const ofOne of expected)
      expect(seen.filter((text) => text.startsWith(ofOne[0]!.replace(/\d+$/, '')))).toEqual(ofOne);
    expect(inputs()).toEqual([]);
  });

  it('killed at any moment: whole or not at all, and the others are not harmed', async () => {
    const { folder, spool, run, inputs } = spoolWorld();
    const sent = Array.from({ length: 40 }, (_, n) => {
      const victim = run('PreToolUse', JSON.stringify({ n, text: 'x'.repeat(n * 3000) }));
      setTimeout(victim.kill, n / 3);
      return victim.ended;
    });
    const others = Array.from({ length: 5 }, (_, n) => run('Stop', JSON.stringify({ n })).ended);
    const codes = (await Promise.all(sent)).map(({ code }) => code);
    await Promise.all(others);
    const { events, next, broken } = spool.read(0);
    expect(broken).toEqual([]);
    const of = (name: string) => events.filter(({ event }) => event === name);
    expect(
      of('Stop')
        .map(({ input }) => input?.n)
        .toSorted(),
    ).toEqual([0, 1, 2, 3, 4]);
    // A victim's copy of its input may have been killed, never cut: what was published is whole.
    const published = of('PreToolUse').map(({ input }) => input?.n);
    expect(new Set(published).size).toBe(published.length);
    for (const [n, code] of codes.entries()) if (code === 0) expect(published).toContain(n);
    // What they left is swept, when it is certain that nobody is at it.
    for (const name of inputs()) utimesSync(join(folder, name), 1, 1);
    spool.compact(next);
    expect(inputs()).toEqual([]);
    expect(readFileSync(join(folder, 'old', readdirSync(join(folder, 'old'))[0]!), 'utf8')).toContain(
      '1 Stop',
    );
  });
});

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
