import type { ClaudeFacts, PaneFact } from '../../src/claude/facts.js';
import type { EventSource } from '../../src/claude/intake.js';
import type { HookEventName, SpooledEvent } from '../../src/claude/model.js';
import type { ProcessEntry, ProcessTable } from '../../src/system/process-table.js';

/** A process of a made-up table; one with `foreground` has a terminal and is in its foreground. */
export interface MadeProcess extends Partial<Omit<ProcessEntry, 'foreground'>> {
  readonly pid: number;
  readonly foreground?: boolean;
  readonly argv?: readonly string[];
}

export function tableOf(processes: readonly MadeProcess[]): ProcessTable {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  return {
    get(pid) {
      const one = byPid.get(pid);
      if (!one) return null;
      const { parent = 1, start = '1', command = 'claude', foreground = false } = one;
      return { pid, parent, start, command, group: pid, foreground: foreground ? pid : -1 };
    },
    argv: (pid) => byPid.get(pid)?.argv ?? ['claude'],
  };
}

export const serverPid = 50;

/** Panes %1 (shell 101, Claude 201) and %2 (shell 102, Claude 202) of one workspace, in one folder. */
export const twoPanes: readonly PaneFact[] = [1, 2].map((n) => ({
  id: `%${n}`,
  pid: 100 + n,
  workspace: 'w1',
  session: 'claude-dev-web',
  window: 'main',
  key: `p${n}`,
  role: 'claude',
  cwd: '/project',
  command: 'claude',
  dead: false,
}));

export const twoClaudes: readonly MadeProcess[] = [1, 2].flatMap((n) => [
  { pid: 100 + n, parent: serverPid, command: 'bash' },
  { pid: 200 + n, parent: 100 + n, foreground: true },
]);

export function factsOf(home: string, given: Partial<ClaudeFacts> = {}): ClaudeFacts {
  return {
    server: { pid: serverPid },
    panes: twoPanes,
    processes: tableOf(twoClaudes),
    now: new Date('2030-01-01T00:10:00.000Z'),
    env: { HOME: home },
    ...given,
  };
}

/** An event of the Claude in pane %1, `n` seconds after the start of all. */
export function eventOf(
  event: HookEventName,
  input: Record<string, unknown>,
  given: Partial<Omit<SpooledEvent, 'event' | 'input'>> = {},
): Omit<SpooledEvent, 'place'> {
  return {
    event,
    parent: { pid: 201, start: '1' },
    ancestors: [{ pid: 101, start: '1' }],
    tmux: `/tmp/s,${serverPid},0`,
    pane: '%1',
    at: '2030-01-01T00:00:00.000Z',
    ...given,
    input: { hook_event_name: event, cwd: '/project', ...input },
  };
}

/** A spool in memory. */
export class FakeSpool implements EventSource {
  private readonly events: SpooledEvent[] = [];

  add(...events: readonly Omit<SpooledEvent, 'place'>[]): this {
    for (const event of events) this.events.push({ ...event, place: this.events.length });
    return this;
  }

  read(place: number, limit: number) {
    const events = this.events.slice(place, place + limit);
    return { events, next: place + events.length, broken: [] };
  }

  compact(): void {}
}
