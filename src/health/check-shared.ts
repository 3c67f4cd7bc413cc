import { tildePath } from '../system/paths.js';
import type { SharedCheck } from './check.js';
import { count, mebibyte, size, tmuxWords, words } from './words.js';

/** The checks of what all workspaces share. */
export const sharedChecks: readonly SharedCheck[] = [
  {
    id: 'tmux.answers',
    subject: 'tmux',
    well: ({ survey }) => (survey.tmux.state === 'none' ? 'no server runs' : 'answers'),
    look: ({ survey: { tmux } }) =>
      tmux.state === 'unknown' ? [{ level: 'unknown', message: tmux.reason, fix: 'See: cw doctor' }] : [],
  },
  {
    id: 'tmux.memory',
    subject: 'tmux memory',
    well: ({ survey: { tmux } }) =>
      tmux.state === 'running' && tmux.memoryBytes !== null
        ? `${size(tmux.memoryBytes)}, ${size(tmux.scrollbackBytes)} of it scrollback`
        : 'no server runs',
    look({ survey, limits }) {
      const { tmux } = survey;
      if (tmux.state !== 'running' || limits.tmuxMemoryMb === 0) return [];
      if (tmux.memoryBytes === null) return [{ level: 'unknown', message: 'could not be read', fix: null }];
      if (tmux.memoryBytes <= limits.tmuxMemoryMb * mebibyte) return [];
      return [
        {
          level: 'warning',
          message: `${size(tmux.memoryBytes)}, ${size(tmux.scrollbackBytes)} of it scrollback`,
          fix: `Shorten it: ${tmuxWords(survey)} clear-history -t PANE   and set a smaller history-limit for new panes`,
        },
      ];
    },
  },
  {
    id: 'workspaces.open',
    subject: 'workspaces',
    well: ({ survey }) => `${openIn(survey)} open`,
    look: ({ survey, limits }) =>
      openIn(survey) <= limits.openWorkspaces
        ? []
        : [
            {
              level: 'warning',
              message: `${openIn(survey)} are open, more than ${limits.openWorkspaces}`,
              fix: 'See which can go: cw cleanup --dry-run   (another limit: cw config set health.open_workspaces N)',
            },
          ],
  },
  {
    id: 'processes.strays',
    subject: 'processes',
    well: () => 'none outlived a workspace that was closed',
    look: ({ survey }) =>
      (survey.strays ?? [])
        .filter((stray) => stray.workspace === null)
        .map((stray) => ({
          level: 'warning',
          subject: `process ${stray.pid}`,
          message: `${words(stray.argv, 'a process')} outlived its workspace, of ${tildePath(stray.project)}`,
          fix: `End it: kill ${stray.pid}`,
        })),
  },
  {
    id: 'state.disk',
    subject: 'disk',
    well: ({ survey: { disk } }) => (disk ? `${size(disk.freeBytes)} free` : ''),
    look({ survey: { disk }, limits }) {
      if (disk === null)
        return [{ level: 'unknown', message: 'how much is free could not be read', fix: null }];
      if (disk.freeBytes > limits.diskFreeMb * mebibyte) return [];
      return [
        {
          // A save of many workspaces with their text is some megabytes.
          level: disk.freeBytes < 64 * mebibyte ? 'error' : 'warning',
          message: `${size(disk.freeBytes)} free where cw keeps its state (${tildePath(disk.path)})`,
          fix: 'Make room there. Older snapshots go with: cw prune',
        },
      ];
    },
  },
  {
    id: 'state.files',
    subject: 'state',
    well: () => 'its files read',
    look: ({ survey }) =>
      survey.damaged.map((file) => ({
        level: 'warning',
        message: `${tildePath(file)} cannot be read`,
        fix: 'Its workspace is found again while it is open; a closed one: move the file away',
      })),
  },
  {
    id: 'daemon.saves',
    subject: 'daemon',
    well: ({ survey: { saving } }) =>
      saving?.daemon === 'running' ? 'saves every change' : 'nothing is open that it could save',
    look({ survey }) {
      const { saving } = survey;
      if (saving === null) return [{ level: 'unknown', message: 'it was not asked', fix: null }];
      if (saving.daemon === 'silent')
        return [{ level: 'error', message: 'listens and does not answer', fix: 'See: cw doctor' }];
      if (saving.daemon === 'none') {
        const open = openIn(survey);
        if (open === 0) return [];
        const message = `none runs: nothing is saved by itself (${count(open, 'workspace')} open)`;
        return [{ level: 'warning', message, fix: 'cw daemon start' }];
      }
      if (saving.lastSaveError === null) return [];
      return [
        {
          level: 'error',
          message: `the last save failed: ${saving.lastSaveError}`,
          fix: 'See: cw daemon logs',
        },
      ];
    },
  },
];

function openIn({ workspaces }: { readonly workspaces: readonly { readonly session: unknown }[] }): number {
  return workspaces.filter(({ session }) => session !== null).length;
}
