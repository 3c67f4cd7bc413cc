import { candidatesOf, clockOf } from '../../src/cleanup/candidates.js';
import { decideAll, shippedKeepPrograms } from '../../src/cleanup/policy.js';
import type { Survey } from '../../src/survey/model.js';
import type { Processes, ProcessSample } from '../../src/system/processes.js';
import { agentSeen, paneSeen, surveyOf, treeState, workspaceSeen, worktree } from '../health/facts.js';
import { median, type Row } from './measure.js';

const size = 200;

/** A survey of as many workspaces with four panes each: a Claude, a server, an editor, a shell. */
function large(): { readonly survey: Survey; readonly processes: Processes } {
  const samples: ProcessSample[] = [];
  const words = new Map<number, readonly string[]>();
  const add = (pid: number, parent: number, command: string, argv: readonly string[]) => {
    words.set(pid, argv);
    samples.push({
      pid,
      parent,
      command,
      state: 'S',
      group: pid,
      foreground: parent === 1 ? pid + 1 : pid,
      start: String(pid),
      ageSeconds: 1000,
      cpuSeconds: 1,
      residentPages: 1000,
    });
  };
  const lines = ['claude --resume x', 'npm run dev', 'less README.md', ''];
  const workspaces = Array.from({ length: size }, (_, at) => {
    const id = `w${String(at).padStart(12, '0')}`;
    const panes = lines.map((line, place) => {
      const pid = 1000 + at * 20 + place * 2;
      const argv = line.split(' ').filter((word) => word !== '');
      add(pid, 1, 'bash', ['-bash']);
      if (argv.length > 0) add(pid + 1, pid, argv[0]!, argv);
      return paneSeen({
        id: `%${at * 4 + place}`,
        pid,
        run: line || null,
        program: argv.length > 0 ? { kind: 'declared', stopped: [] } : { kind: 'shell', stopped: [] },
        foreground: argv.length > 0 ? { pid: pid + 1, argv, ageSeconds: 1000 } : null,
      });
    });
    const agents = [agentSeen({ workspace: id, pane: `%${at * 4}`, state: 'idle' })];
    const git = { kind: 'repository', trees: [treeState(), worktree()] } as const;
    return workspaceSeen({ id, name: `p${at}`, panes, agents, git });
  });
  const byPid = new Map(samples.map((sample) => [sample.pid, sample]));
  const byParent = new Map<number, ProcessSample[]>();
  for (const sample of samples) byParent.set(sample.parent, [...(byParent.get(sample.parent) ?? []), sample]);
  const table = { argv: (pid: number) => words.get(pid) ?? [], get: (pid: number) => byPid.get(pid) ?? null };
  return { survey: surveyOf(workspaces), processes: { byPid, byParent, uptime: 1000, table } };
}

/** What the decision adds to a survey: nothing that anybody notices. */
export function cleanupRows(runs: number): Row[] {
  const { survey, processes } = large();
  const facts = { processes, isPinned: () => false, patterns: [], editors: new Map() };
  const rules = { olderThan: 1000, keepPrograms: shippedKeepPrograms };
  const times: number[] = [];
  for (let run = -1; run < runs; run++) {
    const start = performance.now();
    const verdicts = decideAll(candidatesOf(survey, facts), rules, clockOf(survey));
    if (run >= 0) times.push(performance.now() - start);
    if (verdicts.length !== size) throw new Error(`${verdicts.length} verdicts`);
  }
  return [
    {
      what: `cleanup: the decision for ${size} workspaces`,
      ours: median(times),
      against: 'over a survey that is there',
      theirs: null,
      limit: 10,
    },
  ];
}
