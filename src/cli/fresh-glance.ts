import { SnapshotStore } from '../snapshot/store.js';
import { takeSurvey } from '../survey/survey.js';
import type { Glance, WorkspaceGlance } from '../workspace/glance.js';
import { refreshGit } from '../workspace/refresh.js';
import type { World } from '../workspace/world.js';
import type { Context } from './command.js';

/** What `cw list` shows beside tmux and the records, all of it read now. What cannot be read is noted. */
export async function freshGlance(world: World, context: Context): Promise<Glance> {
  const [{ readings, unknown }, { survey }] = await Promise.all([
    refreshGit(world),
    takeSurvey({
      connection: world.connection,
      env: context.env,
      settings: context.settings(),
      git: false,
    }),
  ]);
  for (const { name, reason } of unknown) context.note(`${name}: the git state could not be read: ${reason}`);
  if (survey.agentsUnknown !== null)
    context.note(`What agents do could not be read: ${survey.agentsUnknown}`);
  const seen = new Map(survey.workspaces.map((workspace) => [workspace.id, workspace]));
  const entries = world.workspaces.map(({ id }): [string, WorkspaceGlance] => {
    const workspace = seen.get(id);
    const agents = (workspace?.agents ?? []).map(({ pane, state, detail, since, conversation }) => ({
      pane,
      state,
      detail,
      since,
      conversation,
    }));
    return [
      id,
      {
        agents,
        savedAt: workspace?.snapshot?.at ?? newest(world, id),
        memory: workspace?.use.memoryBytes ?? null,
        git: readings.get(id) ?? null,
      },
    ];
  });
  return { memoryAt: survey.at, workspaces: Object.fromEntries(entries) };
}

function newest({ registry }: World, id: string): string | null {
  try {
    return new SnapshotStore(registry.folder, id).newest()?.at ?? null;
  } catch {
    return null; // a newer cw has saved it
  }
}
