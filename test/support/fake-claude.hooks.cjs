// Runs the hooks of settings as the real Claude does: all of all settings, at once, each by `sh -c` in a session of
// its own without a terminal, with JSON on standard input.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { join } = require('node:path');
const { configFolder } = require('./fake-claude.store.cjs');

/** Of these, exit code 2 stops what was about to happen. */
const blockable = new Set(['PreToolUse', 'UserPromptSubmit', 'Stop', 'PreCompact']);
/** Of these, what a hook prints reaches the model. */
const heard = new Set(['SessionStart', 'UserPromptSubmit']);

class Hooks {
  /** @param settings what `--settings` said: a file, or JSON. */
  constructor(settings, folder) {
    Object.assign(this, { settings, folder });
  }

  /** Read at each event: an edit holds at once. */
  commands(event, subject) {
    const sources = [
      join(configFolder(), 'settings.json'),
      join(this.folder, '.claude/settings.json'),
      join(this.folder, '.claude/settings.local.json'),
      ...(this.settings === null ? [] : [this.settings]),
    ];
    // In the home folder the user's settings are the project's: one file.
    return [...new Set(sources)].flatMap((source) => {
      const groups = readSettings(source).hooks?.[event] ?? [];
      return groups.filter((group) => matches(group.matcher, subject)).flatMap((group) => group.hooks ?? []);
    });
  }

  /**
   * @returns what the hooks said: a reason not to go on, and words for the model.
   */
  async fire(event, input, limit = Number.POSITIVE_INFINITY) {
    const subject = input.tool_name ?? input.source ?? input.trigger ?? input.reason ?? '';
    const text = `${JSON.stringify({ ...input, hook_event_name: event })}\n`;
    const runs = this.commands(event, subject).map((hook) =>
      this.run(hook.command, text, Math.min(limit, (hook.timeout ?? 60) * 1000)),
    );
    const ran = await Promise.all(runs);
    const blocked = blockable.has(event) ? ran.find(({ code }) => code === 2) : undefined;
    const words = heard.has(event)
      ? ran.flatMap(({ code, stdout }) => (code === 0 ? contextOf(stdout) : []))
      : [];
    return { blocked: blocked ? blocked.stderr.trim() || 'blocked' : null, words };
  }

  run(command, input, limit) {
    return new Promise((done) => {
      const child = spawn('sh', ['-c', command], {
        cwd: this.folder,
        detached: true, // a session of its own
        env: { ...process.env, CLAUDE_PROJECT_DIR: this.folder },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      const timer =
        limit === Number.POSITIVE_INFINITY
          ? undefined
          : setTimeout(() => {
              try {
                process.kill(-child.pid, 'SIGKILL');
              } catch {
                // It has just ended.
              }
            }, limit);
      child.stdout.on('data', (part) => {
        stdout += part;
      });
      child.stderr.on('data', (part) => {
        stderr += part;
      });
      child.stdin.on('error', () => {}); // it did not read its input
      child.stdin.end(input);
      const end = (code) => {
        clearTimeout(timer);
        done({ code, stdout, stderr });
      };
      child.on('error', () => end(null));
      child.on('close', end);
    });
  }
}

function readSettings(source) {
  try {
    return JSON.parse(source.trimStart().startsWith('{') ? source : fs.readFileSync(source, 'utf8'));
  } catch {
    return {}; // none there, or broken: the real one warns and goes on
  }
}

function matches(matcher, subject) {
  return !matcher || matcher === '*' || new RegExp(`^(?:${matcher})$`).test(subject);
}

/** Plain text counts; JSON only by `hookSpecificOutput`. */
function contextOf(stdout) {
  const text = stdout.trim();
  if (text === '') return [];
  if (!text.startsWith('{')) return [text];
  try {
    const words = JSON.parse(text).hookSpecificOutput?.additionalContext;
    return typeof words === 'string' ? [words] : [];
  } catch {
    return [text];
  }
}

module.exports = { Hooks };
