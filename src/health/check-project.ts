import { join } from 'node:path';
import { shellWord, tildePath } from '../system/paths.js';
import type { Fault, WorkspaceCheck } from './check.js';
import { shellPath, span } from './words.js';

/** The checks of a project's folder, its files, and its own command. */
export const projectChecks: readonly WorkspaceCheck[] = [
  {
    id: 'project.folder',
    well: "the project's folder is there",
    look({ folder, path, name }) {
      if (folder === 'there') return [];
      if (folder === 'unknown') {
        const message = `${tildePath(path)} does not answer: its file system hangs, or is closed to you`;
        return [{ level: 'unknown', subject: 'project', message, fix: null }];
      }
      return [
        {
          level: 'error',
          subject: 'project',
          message: `its folder is gone: ${tildePath(path)}`,
          fix: `Where was it moved? cw move ${shellPath(path)} NEW   or close it: cw kill ${shellWord(name)}`,
        },
      ];
    },
  },
  {
    id: 'project.record',
    well: 'it is remembered',
    look: ({ record, name }) =>
      record
        ? []
        : [
            {
              level: 'warning',
              message: 'what was kept of it is lost (its workspace.json)',
              fix: `A save makes it anew: cw save ${shellWord(name)}`,
            },
          ],
  },
  {
    id: 'project.files',
    well: "the project's files read",
    sees: ({ project }) => project !== null,
    look({ project }) {
      if (project === null) return [];
      const problems = project.unknown === null ? (project.file?.problems ?? []) : [];
      const unread: Fault[] =
        project.unknown === null
          ? []
          : [{ level: 'unknown', subject: 'project', message: project.unknown, fix: null }];
      return [
        ...unread,
        ...problems.map(
          (problem): Fault => ({
            level: 'warning',
            subject: 'project',
            message: problem,
            fix: 'Mend the file.',
          }),
        ),
      ];
    },
  },
  {
    id: 'project.env-private',
    well: '.env.claude is private',
    sees: ({ project }) => project !== null,
    look: ({ project, path }) =>
      project?.envReadable !== true
        ? []
        : [
            {
              level: 'warning',
              subject: '.env.claude',
              message: 'can be read by others, and holds secrets',
              fix: `chmod 600 ${shellPath(join(path, '.env.claude'))}`,
            },
          ],
  },
  {
    id: 'project.command',
    well: "the project's own health_check and required_env have no complaint",
    sees: ({ project }) => project !== null,
    look({ id, path, name, project }, { commands }) {
      const result = commands.get(id);
      const command = project?.file?.healthCheck;
      if (!result) return [];
      if (result.kind === 'lacks') {
        const not = command == null ? '' : ` (${command} was not run)`;
        const message = `no value for ${result.names.join(', ')}${not}`;
        const fix = `Set it: cw env ${shellWord(name)} --set ${result.names[0]}=VALUE`;
        return [{ level: 'warning', subject: 'required_env', message, fix }];
      }
      if (command == null) return [];
      const subject = 'health_check';
      // As it is run, so that an `exit` in it does not end the shell that the line is pasted into.
      const run = /^[\w ./:=,@%+-]+$/.test(command) ? command : `sh -c ${shellWord(command)}`;
      const try_ = `See: (cd ${shellPath(path)} && ${run})`;
      switch (result.kind) {
        case 'well':
          return [];
        case 'failed': {
          const said = result.lastLine === '' ? '' : `: ${result.lastLine}`;
          return [
            {
              level: 'error',
              subject,
              message: `${command} failed (exit code ${result.code})${said}`,
              fix: try_,
            },
          ];
        }
        case 'late':
          return [
            {
              level: 'unknown',
              subject,
              message: `${command} did not end in ${span(result.seconds * 1000)}`,
              fix: `${try_}   (its limit: timeout_seconds in .claude/config/project.json)`,
            },
          ];
        case 'untrusted': {
          const message = `${command} was not run: the project is not trusted`;
          return [
            { level: 'unknown', subject, message, fix: `See it, and allow it: cw trust ${shellPath(path)}` },
          ];
        }
        case 'unknown':
          return [{ level: 'unknown', subject, message: `${command}: ${result.reason}`, fix: try_ }];
      }
    },
  },
];
