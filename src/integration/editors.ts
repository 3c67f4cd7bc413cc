import { findNodeAtLocation } from 'jsonc-parser';
import {
  checkJson,
  inserted,
  type Misfit,
  oneLine,
  replaced,
  rootIfAny,
  rootOf,
  without,
} from './json-edit.js';
import { type Labelled, labelledList } from './labelled-list.js';
import type { UserEdit } from './user-file.js';

/**
 * What editors get to know of workspaces: tasks for VS Code (`.vscode/tasks.json`) and Zed (`.zed/tasks.json`), and a
 * terminal profile. Everything is told by the folder that the editor has open, never by a name: a workspace is found by
 * its path, so the files can be committed, and hold on the far side of a Remote-SSH window.
 */

interface Task {
  readonly label: string;
  /** Words after `cw`; `FOLDER` stands for the folder that is open. */
  readonly words: readonly string[];
  /** It takes the terminal as its own. */
  readonly interactive: boolean;
}

const folder = 'FOLDER';

const tasks: readonly Task[] = [
  { label: 'cw: attach', words: ['up', folder], interactive: true },
  { label: 'cw: dashboard', words: ['dashboard'], interactive: true },
  { label: 'cw: health', words: ['health', folder, '--problems'], interactive: false },
  { label: 'cw: save', words: ['save', folder], interactive: false },
];
const labels = tasks.map(({ label }) => label);

/** A line of `cw health --problems`: FILE: error|warning|info: text. */
const problemMatcher = {
  owner: 'cw',
  fileLocation: 'absolute',
  pattern: {
    kind: 'file',
    regexp: '^(/.*?): (error|warning|info): (.*)$',
    file: 1,
    severity: 2,
    message: 3,
  },
};

/** @param onOpen whether the workspace is opened with the folder. */
export function vscodeTasks(onOpen: boolean): UserEdit {
  const entries = tasks.map(({ label, words, interactive }): Labelled => {
    const isFirst = label === labels[0];
    return {
      label,
      ...{
        type: 'shell',
        command: 'cw',
        args: words.map((word) => (word === folder ? '${workspaceFolder}' : word)),
        presentation: interactive
          ? {
              reveal: 'always',
              focus: true,
              panel: 'dedicated',
              echo: false,
              clear: true,
              showReuseMessage: false,
            }
          : { reveal: 'silent', panel: 'shared', echo: false, clear: true, showReuseMessage: false },
        problemMatcher: words[0] === 'health' ? problemMatcher : [],
        ...(isFirst && onOpen && { runOptions: { runOn: 'folderOpen' } }),
      },
    };
  });
  return labelledList({
    at: ['tasks'],
    empty: '{\n  "version": "2.0.0",\n  "tasks": []\n}\n',
    entries,
    labels,
    misfit: (value) => {
      const { version } = value as { version?: unknown };
      return version === undefined || version === '2.0.0'
        ? null
        : `version ${JSON.stringify(version)} of tasks is not known, only "2.0.0"`;
    },
  });
}

export const zedTasks: UserEdit = labelledList({
  at: [],
  empty: '[]\n',
  labels,
  entries: tasks.map(
    ({ label, words, interactive }): Labelled => ({
      label,
      ...{
        command: 'cw',
        args: words.map((word) => (word === folder ? '$ZED_WORKTREE_ROOT' : word)),
        use_new_terminal: interactive,
        reveal: interactive ? 'always' : 'no_focus',
      },
    }),
  ),
});

// By platform, as VS Code reads them; of a remote window the one of the far side counts.
const profileKeys = ['terminal.integrated.profiles.linux', 'terminal.integrated.profiles.osx'] as const;
const profile = { path: 'cw', args: ['up', '${workspaceFolder}'], icon: 'terminal-tmux' };
const profileName = 'cw';

/** A terminal profile: a new terminal of VS Code is then the workspace. */
export const vscodeProfile: UserEdit = {
  put(text, path) {
    let after = text === null || text.trim() === '' ? '{}\n' : text;
    checkJson(after, path, profileMisfit);
    for (const key of profileKeys) {
      const at = [key, profileName];
      if (findNodeAtLocation(rootOf(after), at)) {
        const { offset, length } = findNodeAtLocation(rootOf(after), at)!;
        const same = after.replace(/^\ufeff/, '').slice(offset, offset + length) === oneLine(profile);
        if (!same) after = replaced(after, at, oneLine(profile));
        continue;
      }
      if (!findNodeAtLocation(rootOf(after), [key])) after = inserted(after, [], [`"${key}": {}`]);
      after = inserted(after, [key], [`"${profileName}": ${oneLine(profile)}`]);
    }
    return after;
  },
  take(text, path, before) {
    checkJson(text, path, profileMisfit);
    const known = before === null ? null : rootIfAny(before);
    return profileKeys.reduceRight(
      (after, key) =>
        findNodeAtLocation(rootOf(after), [key, profileName])
          ? without(after, [key, profileName], (holder) => !known || !findNodeAtLocation(known, holder))
          : after,
      text,
    );
  },
  isIn(text) {
    const root = rootIfAny(text);
    return root !== null && profileKeys.some((key) => findNodeAtLocation(root, [key, profileName]));
  },
};

function profileMisfit(root: NonNullable<ReturnType<typeof rootIfAny>>): Misfit | null {
  if (root.type !== 'object') return { node: root, what: 'settings are an object' };
  for (const key of profileKeys) {
    const node = findNodeAtLocation(root, [key]);
    if (node && node.type !== 'object') return { node, what: `"${key}" is to be an object` };
  }
  return null;
}
