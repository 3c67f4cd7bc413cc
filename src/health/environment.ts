import { accessSync, constants } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nearest } from '../blueprint/suggest.js';
import { isFolder } from '../system/files.js';
import { configFolder, stateFolder } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import {
  checkSettings,
  defaultSettings,
  loadSettings,
  readSettingsFile,
  settingsPath,
} from '../system/settings.js';
import type { Finding } from './finding.js';

type Env = NodeJS.ProcessEnv;

/** Checks all that is not tmux: locale, programs, shell, settings, folders. Starts no process. */
export function checkEnvironment(env: Env): Finding[] {
  return [
    checkLocale(env),
    ...checkPrograms(env),
    checkShell(env),
    ...checkSettingsFile(env),
    ...checkRoots(env),
    checkWritable('state.folder', 'state folder', stateFolder(env)),
    checkWritable('config.folder', 'settings folder', configFolder(env)),
  ];
}

function checkLocale(env: Env): Finding {
  const about = { id: 'locale', subject: 'locale' };
  // The order in which the C library looks.
  const name = ['LC_ALL', 'LC_CTYPE', 'LANG'].find((variable) => env[variable]);
  const value = name ? `${name}=${env[name]}` : 'LC_ALL, LC_CTYPE and LANG are not set';
  if (name && /utf-?8/i.test(env[name] ?? '')) return { ...about, level: 'ok', message: value, fix: null };
  return {
    ...about,
    level: 'warning',
    message: `${value}: not UTF-8, so programs in panes may show other letters than ASCII as "_" or "?"`,
    fix: 'export LANG=C.UTF-8   (in the start file of your shell)',
  };
}

function checkPrograms(env: Env): Finding[] {
  const found = (id: string, subject: string, program: string): Finding => ({
    id,
    level: 'ok',
    subject,
    message: program,
    fix: null,
  });
  const [git, claude] = [findProgram('git', env.PATH), findProgram('claude', env.PATH)];
  const wanted = [env.VISUAL, env.EDITOR].find(Boolean)?.trim().split(/\s+/)[0];
  const editor = (wanted ? [wanted] : ['nvim', 'vim', 'vi', 'nano'])
    .map((name) => findProgram(name, env.PATH))
    .find(Boolean);
  return [
    git
      ? found('program.git', 'git', git)
      : {
          id: 'program.git',
          level: 'error',
          subject: 'git',
          message: 'not found on the PATH',
          fix: 'apt install git, dnf install git, or brew install git',
        },
    claude
      ? found('program.claude', 'claude', claude)
      : {
          id: 'program.claude',
          level: 'warning',
          subject: 'claude',
          message: 'not found on the PATH: its panes are plain shells',
          fix: 'npm install -g @anthropic-ai/claude-code',
        },
    editor
      ? found('program.editor', 'editor', editor)
      : {
          id: 'program.editor',
          level: 'warning',
          subject: 'editor',
          message: wanted
            ? `$VISUAL or $EDITOR is "${wanted}", which is not found`
            : 'none found on the PATH',
          fix: 'Install one and name it: export EDITOR=nvim',
        },
    found('program.node', 'node', `${process.versions.node} (${process.execPath})`),
  ];
}

/** Shells whose first prompt starts a pane's program. */
const knownShells = ['bash', 'zsh', 'fish'];

function checkShell(env: Env): Finding {
  const about = { id: 'shell', subject: 'shell' };
  const shell = env.SHELL ?? '';
  if (!shell.startsWith('/') || !findProgram(shell)) {
    return {
      ...about,
      level: 'warning',
      message: shell ? `$SHELL is ${shell}, which cannot be run` : '$SHELL is not set',
      fix: 'Choose one with chsh, and log in again.',
    };
  }
  if (!knownShells.includes(basename(shell))) {
    return {
      ...about,
      level: 'warning',
      message: `${shell}: programs of a template are typed into it, not started by its first prompt`,
      fix: `Nothing needs doing; ${knownShells.join(', ')} start them more surely.`,
    };
  }
  return { ...about, level: 'ok', message: shell, fix: null };
}

function checkSettingsFile(env: Env): Finding[] {
  const about = { id: 'settings', subject: 'settings' };
  const path = settingsPath(env);
  const content = readSettingsFile(path);
  const { problems, unknown } = checkSettings(content);
  const faults = [
    ...problems,
    ...unknown.map((key) => {
      const near = nearest(key, Object.keys(defaultSettings));
      return `there is no setting "${key}"${near ? `; did you mean "${near}"?` : ''}`;
    }),
  ];
  if (faults.length === 0) return [{ ...about, level: 'ok', message: path, fix: null }];
  const level = typeof content.unreadable === 'string' ? 'error' : 'warning';
  return faults.map((fault) => ({
    ...about,
    level,
    message: `${path}: ${fault}`,
    fix: 'Edit the file, or: cw config set KEY VALUE',
  }));
}

function checkRoots(env: Env): Finding[] {
  const { roots } = loadSettings(env, () => {}); // what is wrong with the file is a finding of its own
  const missing = roots.filter((root) => !isFolder(root));
  if (missing.length === 0) {
    return [{ id: 'roots', level: 'ok', subject: 'roots', message: roots.join(', ') || 'none', fix: null }];
  }
  return missing.map((root) => ({
    id: 'roots',
    level: 'warning',
    subject: 'roots',
    message: `${root} does not exist: no project is found there by its name`,
    fix: `mkdir -p '${root}', or: cw config set roots FOLDER...`,
  }));
}

function checkWritable(id: string, subject: string, folder: string): Finding {
  let nearestFolder = folder;
  while (!isFolder(nearestFolder) && nearestFolder !== dirname(nearestFolder)) {
    nearestFolder = dirname(nearestFolder);
  }
  try {
    accessSync(nearestFolder, constants.W_OK | constants.X_OK);
    const made = nearestFolder === folder ? '' : ' (made when it is needed)';
    return { id, level: 'ok', subject, message: `${folder}${made}`, fix: null };
  } catch {
    return {
      id,
      level: 'error',
      subject,
      message: `${folder} cannot be written`,
      fix: `Make ${nearestFolder} your own: chown "$USER" '${nearestFolder}'`,
    };
  }
}
