import type { AgentRecord } from './agents.js';
import type { SessionFile } from './evidence.js';
import type { AgentVerdict } from './model.js';

/** What can be seen of an agent beside its events. */
export interface AgentEvidence {
  /** `unknown`: none is known of it, or it cannot be looked at. */
  readonly process: 'alive' | 'gone' | 'unknown';
  /** Of its process, which lives. */
  readonly file: SessionFile | null;
  /** When its transcript was written last; null: there is none, or it was not looked at. Milliseconds since 1970. */
  readonly transcriptAt: number | null;
}

/** Without a sign of life for this long a working state is not believed any more. Milliseconds. */
export const patience = 10 * 60_000;

/** The times of the file and of the spool are of one clock, which one of them reads a little later. Milliseconds. */
const slack = 100;

/** After it nothing is on its way any more between an event and the file. Milliseconds. */
const settled = 3000;

/**
 * What an agent is doing now: what its events said, corrected by what can be seen. Nothing fires on Esc, Ctrl-C or
 * SIGKILL, so the word of an event holds only until something newer contradicts it, and a working state that nothing
 * supports any more is given up.
 */
export function judge(record: AgentRecord, evidence: AgentEvidence, now: number): AgentVerdict {
  const { verdict } = record;
  if (verdict.state === 'exited' && evidence.process !== 'alive') return verdict;
  if (evidence.process === 'gone') {
    return {
      state: 'exited',
      detail: null,
      since: iso(lastSign(record, evidence), verdict.since),
      evidence: 'process tree',
    };
  }
  const seen = byFile(record, evidence, now);
  if (seen) return seen;
  if (verdict.state !== 'working') return verdict;
  const last = lastSign(record, evidence);
  const isBusy = evidence.process === 'alive' && evidence.file?.status === 'busy';
  // A clock that was set back is no sign of life either.
  const silence = last === null ? null : Math.abs(now - last);
  if (isBusy || (silence !== null && silence <= patience)) return verdict;
  const minutes = silence === null ? '' : ` for ${Math.floor(silence / 60_000)} min`;
  const silent = `no sign of life${minutes}`;
  // A subagent whose end was never told: the program itself says that it is at its prompt.
  return evidence.file?.status === 'idle'
    ? { state: 'idle', detail: null, since: iso(last, verdict.since), evidence: `registry file, ${silent}` }
    : { state: 'unknown', detail: null, since: iso(last, verdict.since), evidence: silent };
}

/** What the program's registry file says, where it is newer than the last event and says something else; else null. */
function byFile(record: AgentRecord, { file }: AgentEvidence, now: number): AgentVerdict | null {
  const said = file && stateOf(file);
  if (!file || !said) return null;
  const { verdict } = record;
  const lastEvent = record.lastEventAt === null ? Number.NaN : Date.parse(record.lastEventAt);
  const changed = file.statusAt === null ? Number.NaN : Date.parse(file.statusAt);
  // Of one moment: at first the event goes first, and what the file still says later is true.
  const isSettled = now - lastEvent > settled;
  // Without times the events go first.
  const isNewer = Number.isNaN(lastEvent) || changed > lastEvent + (isSettled ? -slack : slack);
  if (verdict.state !== 'unknown' && !isNewer) return null;
  // Its own turn is over, and its subagents go on: both are true.
  if (said.state === 'idle' && verdict.state === 'working' && verdict.detail === 'subagents') return null;
  if (said.state === verdict.state) return null;
  return { ...said, since: file.statusAt ?? record.lastEventAt ?? verdict.since, evidence: 'registry file' };
}

function stateOf(file: SessionFile): Pick<AgentVerdict, 'state' | 'detail'> | null {
  switch (file.status) {
    case 'idle':
      return { state: 'idle', detail: null };
    case 'busy':
    case 'shell': // a command of the user's own, after "!"
      return { state: 'working', detail: null };
    case 'waiting':
      return { state: 'waiting', detail: waitingDetail(file.waitingFor) };
    case null:
      return null;
  }
}

function waitingDetail(text: string | null): string {
  return text !== null && /question|answer|input|elicit/i.test(text) ? 'answer' : 'permission';
}

/** Milliseconds since 1970; null where there never was one. */
function lastSign(record: AgentRecord, { file, transcriptAt }: AgentEvidence): number | null {
  const times = [record.lastEventAt, file?.statusAt].map((at) => (at == null ? Number.NaN : Date.parse(at)));
  const known = [...times, transcriptAt ?? Number.NaN].filter((time) => !Number.isNaN(time));
  if (known.length > 0) return Math.max(...known);
  const since = Date.parse(record.verdict.since);
  return Number.isNaN(since) ? null : since;
}

function iso(time: number | null, fallback: string): string {
  return time === null ? fallback : new Date(time).toISOString();
}
