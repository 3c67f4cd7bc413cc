import { shareText } from '../share/words.js';
import type { WorkspaceCheck } from './check.js';
import { mebibyte, size, span, words } from './words.js';

/** The checks of what workspaces use, of processes that nobody sees any more, and of who else is let in. */
export const useChecks: readonly WorkspaceCheck[] = [
  {
    id: 'use.memory',
    well: 'its memory is within the limit',
    look({ use }, { limits, survey }) {
      if (limits.memoryMb === 0) return [];
      if (use.memoryBytes === null) return [notRead('memory', survey.processesUnknown)];
      if (use.memoryBytes <= limits.memoryMb * mebibyte) return [];
      return [
        {
          level: 'warning',
          subject: 'memory',
          message: `${size(use.memoryBytes)} in ${use.count} processes`,
          fix: 'Another limit: cw config set health.memory_mb N',
        },
      ];
    },
  },
  {
    id: 'use.cpu',
    well: 'its use of the processor is within the limit',
    look({ use }, { limits, survey }) {
      if (limits.cpuPercent === 0) return [];
      if (use.cpuPercent === null) return [notRead('processor', survey.processesUnknown)];
      if (use.cpuPercent <= limits.cpuPercent) return [];
      return [
        {
          level: 'warning',
          subject: 'processor',
          message: `${Math.round(use.cpuPercent)}% of a core`,
          fix: 'Another limit: cw config set health.cpu_percent N',
        },
      ];
    },
  },
  {
    id: 'use.strays',
    well: 'no process outlived its pane',
    look: ({ id }, { survey }) => {
      if (survey.strays === null) return [notRead('processes', survey.processesUnknown)];
      return survey.strays
        .filter((stray) => stray.workspace === id)
        .map((stray) => ({
          level: 'warning',
          subject: `process ${stray.pid}`,
          message: `${words(stray.argv, 'a process')} outlived its pane${stray.ageSeconds === null ? '' : `, since ${span(stray.ageSeconds * 1000)}`}`,
          fix: `End it: kill ${stray.pid}`,
        }));
    },
  },
  {
    id: 'shared',
    well: 'nobody else is let in',
    look: ({ id, name }, { survey }) =>
      survey.shares
        .filter((share) => share.workspace === id)
        .map((share) => ({
          level: share.kept ? 'warning' : 'error',
          subject: 'shared',
          message: share.kept
            ? shareText(share)
            : 'the process of a share died, and what it gave could not be taken back',
          fix: `End it: cw unshare ${name}`,
        })),
  },
];

function notRead(subject: string, reason: string | null) {
  const message = `could not be read${reason === null ? ' on this system' : `: ${reason}`}`;
  return { level: 'unknown', subject, message, fix: null } as const;
}
