import { CwError } from '../errors.js';
import { git } from '../git/git.js';
import { many } from '../git/many.js';
import { defaultPatterns } from '../snapshot/allow-list.js';
import { unsavedBuffers } from '../snapshot/editor-session.js';
import { unsavedVimBuffers } from '../snapshot/vim-session.js';
import type { Survey } from '../survey/model.js';
import { type SurveyOptions, takeSurvey } from '../survey/survey.js';
import { editorPipe } from '../workspace/editor-socket.js';
import { Registry } from '../workspace/registry.js';
import { candidatesOf, clockOf } from './candidates.js';
import { type Candidate, type CleanupRules, decideAll, type TreeSeen, type Verdict } from './policy.js';
import { type EditorSeen, runsNvim, runsVim } from './programs.js';

export interface Judged {
  /** In tmux's order. */
  readonly verdicts: readonly Verdict[];
  /** By which it was decided. */
  readonly survey: Survey;
}

/**
 * The verdict on each open workspace: one survey, and the pure policy over it. Only of those that nothing else protects
 * git is asked once more for each working tree, which commits no remote has: that is no part of a survey.
 *
 * @throws CwError `tmux-unusable` when tmux did not answer.
 */
export async function judge(options: SurveyOptions, rules: CleanupRules): Promise<Judged> {
  const { survey, processes } = await takeSurvey(options);
  if (survey.tmux.state === 'unknown')
    throw new CwError('tmux-unusable', `tmux could not be read: ${survey.tmux.reason}`, {
      hint: 'Nothing was closed. See what is wrong: cw doctor',
    });
  const { connection, env, settings } = options;
  const registry = new Registry(connection.address, env);
  const candidates = candidatesOf(survey, {
    processes,
    isPinned: (id) => registry.isPinned(id),
    patterns: settings.restorePrograms ?? defaultPatterns,
    editors: await askEditors(survey, registry),
  });
  const clock = clockOf(survey);
  const open = decideAll(candidates.map(withoutCommits), rules, clock);
  const free = new Set(open.filter(({ action }) => action === 'remove').map(({ workspace }) => workspace));
  const limit = settings.health.gitSeconds * 1000;
  const exact = await many(candidates, async (candidate) =>
    free.has(candidate.workspace) ? withCommits(candidate, limit, env) : candidate,
  );
  return { verdicts: decideAll(exact, rules, clock), survey };
}

/** Whether the text of each nvim and vim is saved; of those that listen where we told them to. */
async function askEditors(
  { workspaces }: Survey,
  registry: Registry,
): Promise<ReadonlyMap<string, EditorSeen>> {
  const editors = workspaces.flatMap(({ id, panes }) =>
    panes
      .filter((pane) => runsNvim(pane) || runsVim(pane))
      .map((pane) => ({ id, pane: pane.id, key: pane.key, isVim: runsVim(pane) })),
  );
  const answers = await Promise.all(
    editors.map(async ({ id, pane, key, isVim }): Promise<[string, EditorSeen]> => {
      if (key === null) return [pane, null];
      const socket = registry.editorSocket(id, key);
      return [pane, await (isVim ? unsavedVimBuffers(editorPipe(socket)) : unsavedBuffers(socket))];
    }),
  );
  return new Map(answers);
}

function withoutCommits(candidate: Candidate): Candidate {
  return { ...candidate, trees: candidate.trees.map((tree) => ({ ...tree, unpushed: 0 })) };
}

async function withCommits(candidate: Candidate, limit: number, env: NodeJS.ProcessEnv): Promise<Candidate> {
  const trees: TreeSeen[] = [];
  for (const tree of candidate.trees)
    trees.push(
      tree.unpushed === 0 && !tree.hasCommits
        ? tree
        : { ...tree, unpushed: await unpushedCommits(tree.path, limit, env) },
    );
  return { ...candidate, trees };
}

/** Commits of a working tree that are on no remote, all of them where there is none; null where git did not tell. */
async function unpushedCommits(
  path: string,
  timeout: number,
  env: NodeJS.ProcessEnv,
): Promise<number | null> {
  try {
    const counted = await git(path, ['rev-list', '--count', 'HEAD', '--not', '--remotes'], { timeout, env });
    return counted.exitCode === 0 && /^\d+\n$/.test(counted.stdout) ? Number(counted.stdout) : null;
  } catch {
    return null; // the folder is gone, or git is
  }
}
