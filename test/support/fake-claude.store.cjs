// What the fake Claude keeps on disk, in the places and forms of the real one: transcripts, the file of the running
// process, and the folders that are trusted.
const { execFileSync } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const { homedir } = require('node:os');
const { dirname, join } = require('node:path');

const configFolder = () => process.env.CLAUDE_CONFIG_DIR || join(homedir(), '.claude');

/** The name of a folder's transcripts: every UTF-16 unit outside of A-Z, a-z and 0-9 becomes a dash. */
function slugOf(folder) {
  const path = fs.realpathSync(folder);
  const slug = path.replace(/[^A-Za-z0-9]/g, '-');
  if (slug.length <= 200) return slug;
  let hash = 0;
  for (let at = 0; at < path.length; at += 1) hash = ((hash << 5) - hash + path.charCodeAt(at)) | 0;
  return `${slug.slice(0, 200)}-${Math.abs(hash).toString(36)}`;
}

const projectFolder = (folder) => join(configFolder(), 'projects', slugOf(folder));
const transcriptPath = (folder, id) => join(projectFolder(folder), `${id}.jsonl`);

/** The lines of a transcript that can be read; a torn last one is left out. */
function readLines(path) {
  return fs
    .readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

const isSaid = (line) => line.type === 'user' || line.type === 'assistant';

/** All transcripts below one folder of them: path, id, name, and when they changed. */
function transcriptsIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => {
      const path = join(folder, name);
      const lines = readLines(path);
      return {
        path,
        id: name.slice(0, -'.jsonl'.length),
        title: lines.findLast((line) => line.type === 'custom-title')?.customTitle ?? null,
        canResume: lines.some(isSaid),
        changed: fs.statSync(path).mtimeMs,
      };
    });
}

function allTranscripts() {
  const projects = join(configFolder(), 'projects');
  if (!fs.existsSync(projects)) return [];
  return fs.readdirSync(projects).flatMap((name) => transcriptsIn(join(projects, name)));
}

/** A transcript that is written to: each line names the one before. */
class Transcript {
  constructor(folder, id, version) {
    Object.assign(this, {
      folder,
      id,
      version,
      path: transcriptPath(folder, id),
      last: null,
      started: false,
    });
  }

  /** Goes on behind the last line of what is there. */
  open() {
    this.last = readLines(this.path).findLast((line) => line.uuid)?.uuid ?? null;
    this.started = true;
  }

  add(type, fields) {
    if (!this.started) {
      fs.mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      this.started = true;
      this.raw({ type: 'permission-mode', permissionMode: 'default', sessionId: this.id });
    }
    const line = {
      parentUuid: this.last,
      isSidechain: false,
      type,
      ...fields,
      uuid: randomUUID(),
      timestamp: new Date().toISOString(),
      sessionId: this.id,
      cwd: this.folder,
      version: this.version,
      gitBranch: '',
    };
    this.last = line.uuid;
    this.raw(line);
    return line;
  }

  raw(line) {
    const text = `${JSON.stringify(line)}\n`;
    if (this.held !== undefined) this.held += text;
    else fs.appendFileSync(this.path, text, { mode: 0o600 });
  }

  /** Writes what comes from now on only after so many milliseconds, as the real one does on a busy machine. */
  writeLate(milliseconds) {
    this.held = '';
    setTimeout(() => {
      const text = this.held;
      this.held = undefined;
      fs.appendFileSync(this.path, text, { mode: 0o600 });
    }, milliseconds);
  }

  /** The history of another conversation, as a fork has it. */
  copyFrom(lines) {
    fs.mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    for (const line of lines) this.raw({ ...line, sessionId: this.id });
    this.open();
  }

  subagent(agent, text) {
    const folder = join(dirname(this.path), this.id, 'subagents');
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `agent-${agent}.jsonl`);
    const line = { type: 'user', isSidechain: true, agentId: agent, sessionId: this.id, uuid: randomUUID() };
    fs.appendFileSync(path, `${JSON.stringify({ ...line, message: { role: 'user', content: text } })}\n`);
    return path;
  }
}

/** `sessions/PID.json`, which the real program writes since 2.1. */
class Presence {
  constructor(conversation, version, isWritten) {
    this.path = join(configFolder(), 'sessions', `${process.pid}.json`);
    this.isWritten = isWritten;
    const start = statStart();
    this.fields = {
      pid: process.pid,
      sessionId: conversation,
      cwd: process.cwd(),
      startedAt: Date.now(),
      procStart: start,
      version,
      kind: 'interactive',
      entrypoint: 'cli',
    };
    const pane = tmuxPlace();
    if (pane) this.fields.tmux = pane;
  }

  set(fields) {
    if ('status' in fields) {
      delete this.fields.waitingFor;
      this.fields.statusUpdatedAt = Date.now();
    }
    Object.assign(this.fields, fields);
    if (!this.isWritten) return;
    fs.mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const temporary = `${this.path}.tmp`;
    fs.writeFileSync(temporary, JSON.stringify(this.fields), { mode: 0o600 });
    fs.renameSync(temporary, this.path);
  }

  remove() {
    fs.rmSync(this.path, { force: true });
  }
}

function statStart() {
  try {
    const stat = fs.readFileSync('/proc/self/stat', 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return null; // no /proc
  }
}

/** `session:@window.%pane`. */
function tmuxPlace() {
  const { TMUX, TMUX_PANE } = process.env;
  if (!TMUX || !TMUX_PANE) return null;
  try {
    const format = '#{session_name}:#{window_id}.#{pane_id}';
    const words = [
      '-u',
      '-S',
      TMUX.replace(/,\d+,\d+$/, ''),
      'display-message',
      '-p',
      '-t',
      TMUX_PANE,
      format,
    ];
    return execFileSync('tmux', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null; // the server has just ended
  }
}

const trustFile = () =>
  process.env.CLAUDE_CONFIG_DIR ? join(configFolder(), '.claude.json') : join(homedir(), '.claude.json');

function readTrust() {
  try {
    return JSON.parse(fs.readFileSync(trustFile(), 'utf8'));
  } catch {
    return {};
  }
}

const isTrusted = (folder) => readTrust().projects?.[folder]?.hasTrustDialogAccepted === true;

function setTrusted(folder) {
  const all = readTrust();
  all.projects = { ...all.projects, [folder]: { hasTrustDialogAccepted: true } };
  fs.mkdirSync(dirname(trustFile()), { recursive: true });
  fs.writeFileSync(trustFile(), JSON.stringify(all));
}

/** Those that run now, by their files. */
function presences() {
  const folder = join(configFolder(), 'sessions');
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => /^\d+\.json$/.test(name))
    .map((name) => JSON.parse(fs.readFileSync(join(folder, name), 'utf8')))
    .filter((one) => fs.existsSync(`/proc/${one.pid}`));
}

module.exports = {
  Presence,
  Transcript,
  allTranscripts,
  configFolder,
  isSaid,
  isTrusted,
  presences,
  projectFolder,
  readLines,
  setTrusted,
  transcriptPath,
  transcriptsIn,
};
