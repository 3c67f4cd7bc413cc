import { judgeHealth } from '../../health/judge.js';
import { HealthState } from '../../health/state.js';
import { SnapshotStore } from '../../snapshot/store.js';
import type { Survey, WorkspaceSeen } from '../../survey/model.js';
import { takeSurvey } from '../../survey/survey.js';
import { readProcesses } from '../../system/processes.js';
import { requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Command, Context } from '../command.js';
import { type SavedSeen, statusData, statusPicture } from '../status-picture.js';

/** Milliseconds for which the use of the processor is measured; the kernel counts it in steps of 10. */
const measured = 300;

export const verb: Command = {
  name: 'status',
  summary: 'One workspace at a glance: its windows, agents, worktrees, saves, and what is wrong.',
  description:
    'Each window of several panes is drawn as it lies in tmux, with what runs in each pane; a * stands for the ' +
    'window that is shown. CPU is that of all its processes just now, 100% being one core.',
  positionals: [
    {
      name: 'name',
      completes: 'workspace',
      describe: 'A workspace, open or closed; of this folder when not given.',
    },
  ],
  examples: [
    { line: 'cw status shop', does: 'All about one workspace.' },
    { line: 'cw status shop --json', does: 'For programs.' },
  ],
  async run(args, context) {
    const before = processesNow();
    const begun = performance.now();
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const { id } = requireWorkspace(args.positionals.name ?? '.', places);
    const rest = measured - (performance.now() - begun);
    if (world.server && rest > 0) await new Promise((done) => setTimeout(done, rest));
    const { survey } = await takeSurvey({
      connection: world.connection,
      env: context.env,
      settings: context.settings(),
      only: new Set([id]),
      closed: true,
      before,
    });
    const workspace = survey.workspaces.find((one) => one.id === id);
    if (!workspace) throw new Error(`the workspace ${id} went away while it was read`);
    const about = {
      workspace,
      survey,
      pinned: world.registry.isPinned(id),
      saved: await savedOf(world, id),
      findings: findingsOf(workspace, survey, world, context),
    };
    return { data: statusData(about), text: statusPicture(about, context) };
  },
};

function processesNow() {
  try {
    return readProcesses();
  } catch {
    return null; // the survey says so
  }
}

async function savedOf(world: World, id: string): Promise<SavedSeen> {
  const entries = await new SnapshotStore(world.registry.folder, id).list();
  const newest = entries.find((entry) => !entry.doubtful);
  return { count: entries.length, newest: newest ?? null };
}

/** What is not well. What the project's own command said is what the daemon heard of it last: it is not run for a glance. */
function findingsOf(workspace: WorkspaceSeen, survey: Survey, { registry }: World, context: Context) {
  const state = new HealthState(registry.folder);
  const heard = (state.latest()?.findings ?? []).filter(
    (finding) => finding.workspace === workspace.name && finding.id === 'project.command',
  );
  const found = judgeHealth({
    survey,
    limits: context.settings().health,
    commands: new Map(),
    restarts: state.restarts(),
  }).filter((finding) => finding.workspace === workspace.name && finding.level !== 'ok');
  return workspace.session ? [...heard, ...found] : [];
}
