// A program that behaves as Claude Code does, as far as a tool around it can see: its options, hooks, transcripts,
// files of running processes, screen and keys. It has no model: what it does is told by words in the prompt.
//
//   tool         calls a tool; `fail`: one that fails
//   slow         a tool call that lasts until the file CONFIG/fake-go/CONVERSATION is there, or Esc
//   permission   waits for a permission first; `question`: for an answer
//   subagent     has a subagent; `background` a task that ends after the turn
//   nested       runs `claude -p` of its own
//   error, limit, auth   an error of the API ends the turn
//   compact      compacts in the middle of the turn
//   full N       says that its context is full to N percent of 200,000 tokens
//   late         writes its transcript a second after it has answered
//   crash        is killed at once
//
// The environment: FAKE_CLAUDE_VERSION (2.1.197 and older ones differ), FAKE_CLAUDE_TRUST=1 (asks whether the folder
// is trusted), FAKE_CLAUDE_SWALLOW=1|enter (the first input, or its Enter, is lost), FAKE_CLAUDE_EXIT=CODE (ends at
// once), FAKE_CLAUDE_NOTIFY (milliseconds from a dialog to its notification, 6,000).
const { spawn } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const { join } = require('node:path');
const { Hooks } = require('./fake-claude.hooks.cjs');
const store = require('./fake-claude.store.cjs');

const version = process.env.FAKE_CLAUDE_VERSION || '2.1.329';
const patch = version.split('.').map(Number);
const isAtLeast = (...wanted) => {
  const at = wanted.findIndex((part, place) => part !== patch[place]);
  return at < 0 || (patch[at] ?? 0) > wanted[at];
};
/** What .329 does and .197 does not: forks with an id of their own at once, resuming from any folder, no digits. */
const isNew = isAtLeast(2, 1, 300);
const notifyAfter = Number(process.env.FAKE_CLAUDE_NOTIFY || 6000);
const model = 'claude-fake-1';

async function main() {
  try {
    // Its name, as tmux and ps show it.
    fs.writeFileSync('/proc/self/comm', 'claude');
  } catch {
    // No /proc: it goes by the name it was started by.
  }
  const words = process.argv.slice(2);
  if (words[0] === '--version' || words[0] === '-v') return leave(0, `${version} (Claude Code)`);
  if (process.env.FAKE_CLAUDE_EXIT)
    return leave(Number(process.env.FAKE_CLAUDE_EXIT), '', 'Error: it cannot start');
  if (words[0] === 'agents') return leave(0, JSON.stringify(agents()));
  const options = parseOptions(words);
  const start = startOf(options);
  const session = new Session(options, start);
  if (options.print) await session.headless();
  else if (!process.stdin.isTTY)
    leave(1, '', 'Error: Input must be provided through stdin or as an argument with --print');
  else await session.interactive();
}

function leave(code, out = '', err = '') {
  if (out) fs.writeSync(1, `${out}\n`);
  if (err) fs.writeSync(2, `${err}\n`);
  process.exit(code);
}

function agents() {
  return store.presences().map(({ pid, cwd, sessionId, name, status, startedAt, kind }) => {
    return { pid, cwd, kind, startedAt, sessionId, name, status };
  });
}

// --- the command line ---

const withValue = {
  '--session-id': 'sessionId',
  '--settings': 'settings',
  '--name': 'name',
  '-n': 'name',
  '--output-format': 'format',
  '--input-format': null,
  '--model': 'model',
  '--permission-mode': 'permissionMode',
  '--allowedTools': null,
  '--allowed-tools': null,
  '--disallowedTools': null,
  '--append-system-prompt': null,
  '--add-dir': null,
  '--mcp-config': null,
  '--max-turns': null,
};
const switches = {
  '--continue': 'continue',
  '-c': 'continue',
  '--fork-session': 'fork',
  '--print': 'print',
  '-p': 'print',
  '--verbose': 'verbose',
  '--dangerously-skip-permissions': 'skipPermissions',
};

function parseOptions(words) {
  const options = { settings: null, format: 'text', permissionMode: 'default', prompt: null };
  for (let at = 0; at < words.length; at += 1) {
    const [word, joined] = /^--[^=]+=/.test(words[at]) ? split(words[at]) : [words[at], undefined];
    const value = () => joined ?? words[++at] ?? leave(1, '', `error: option '${word}' argument missing`);
    if (word === '--resume' || word === '-r') {
      const isGiven = joined !== undefined || (words[at + 1] !== undefined && !words[at + 1].startsWith('-'));
      options.resume = isGiven ? value() : '';
    } else if (Object.hasOwn(withValue, word)) {
      const given = value();
      if (withValue[word]) options[withValue[word]] = given;
    } else if (Object.hasOwn(switches, word)) options[switches[word]] = true;
    else if (word === '--') options.prompt = words[++at] ?? null;
    else if (word.startsWith('-')) leave(1, '', `error: unknown option '${word}'`);
    else options.prompt ??= word;
  }
  return options;
}

function split(word) {
  const at = word.indexOf('=');
  return [word.slice(0, at), word.slice(at + 1)];
}

/** Which conversation it is, and how it begins: `{id, source, from}`, where `from` is the file that it goes on. */
function startOf(options) {
  const { sessionId: chosen, resume, fork, name } = options;
  const folder = process.cwd();
  if (chosen !== undefined) {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(chosen))
      leave(1, '', 'Error: Invalid session ID. Must be a valid UUID.');
    if ((resume !== undefined || options.continue) && !fork)
      leave(
        1,
        '',
        'Error: --session-id cannot be used with --continue or --resume unless --fork-session is given.',
      );
    if (fs.existsSync(store.transcriptPath(folder, chosen)))
      leave(1, '', `Error: Session ID ${chosen} is already in use.`);
  }
  if (
    options.settings !== null &&
    !options.settings.trimStart().startsWith('{') &&
    !fs.existsSync(options.settings)
  )
    leave(1, '', `Error: Settings file not found: ${options.settings}`);
  const from =
    resume === undefined ? (options.continue ? newestHere(folder) : null) : findConversation(resume, folder);
  if (!from) return { id: chosen ?? randomUUID(), source: 'startup', from: null, name: name ?? null };
  const title = name ?? from.title;
  if (!fork) return { id: from.id, source: 'resume', from, name: title };
  return {
    id: chosen ?? randomUUID(),
    source: isNew ? 'fork' : 'resume',
    from,
    isFork: true,
    name: name ?? null,
  };
}

function newestHere(folder) {
  const known = store.transcriptsIn(store.projectFolder(folder)).filter((one) => one.canResume);
  return known.sort((a, b) => b.changed - a.changed)[0] ?? null;
}

function findConversation(word, folder) {
  const here = store.transcriptsIn(store.projectFolder(folder));
  const known = isNew ? store.allTranscripts() : here;
  const byId = known.filter((one) => one.id === word);
  // One id below two folders' names is not found at all.
  if (byId.length === 1 && byId[0].canResume) return byId[0];
  const byName = here.filter((one) => one.title === word && one.canResume);
  if (byName.length > 1) {
    const ids = byName.map((one) => `  ${one.id}`).join('\n');
    return leave(1, '', `Error: Multiple sessions are named "${word}":\n${ids}`);
  }
  return byName[0] ?? leave(1, '', `No conversation found with session ID: ${word}`);
}

// --- a conversation ---

class Session {
  constructor(options, start) {
    Object.assign(this, { options, start, folder: process.cwd() });
    this.hooks = new Hooks(options.settings, this.folder);
    this.name = start.name;
    this.turn = null;
    this.queue = [];
    this.percent = 5;
    this.setId(start.id);
    if (start.from && !start.isFork) {
      this.transcript.path = start.from.path;
      this.transcript.open();
    }
  }

  setId(id) {
    this.id = id;
    this.transcript = new store.Transcript(this.folder, id, version);
  }

  base(id = this.id) {
    const path = id === this.id ? this.transcript.path : store.transcriptPath(this.folder, id);
    return {
      session_id: id,
      transcript_path: path,
      cwd: this.folder,
      permission_mode: this.options.permissionMode,
    };
  }

  fire(event, fields = {}, id = this.id, limit = undefined) {
    return this.hooks.fire(event, { ...this.base(id), ...fields }, limit);
  }

  async begin() {
    const { source, from, isFork } = this.start;
    // Before .300 a fork begins under its parent's id.
    const id = isFork && !isNew ? from.id : this.id;
    this.hear(await this.fire('SessionStart', { source, model }, id));
  }

  hear({ words }) {
    this.words = [...(this.words ?? []), ...words];
  }

  async finish(reason) {
    await this.fire('SessionEnd', { reason }, this.id, 1450);
  }

  async headless() {
    const started = Date.now();
    const { format, verbose } = this.options;
    if (format === 'stream-json' && !verbose)
      leave(1, '', 'Error: When using --print, --output-format=stream-json requires --verbose');
    const prompt = this.options.prompt ?? fs.readFileSync(0, 'utf8').trim();
    if (prompt === '')
      leave(1, '', 'Error: Input must be provided either through stdin or as a prompt argument');
    await this.begin();
    const ended = await this.runTurn(prompt);
    await this.finish('other');
    const result = {
      type: 'result',
      subtype: 'success',
      is_error: ended.error,
      duration_ms: Date.now() - started,
      num_turns: 1,
      result: ended.text,
      session_id: this.id,
      total_cost_usd: 0.0123,
      usage: this.usage(),
    };
    leave(ended.error ? 1 : 0, format === 'text' ? ended.text : JSON.stringify(result));
  }

  async interactive() {
    const { Screen } = require('./fake-claude.screen.cjs');
    const keys = {
      submit: (text) => this.submit(text),
      escape: () => this.interrupt(),
      interrupt: () => this.controlC(),
      pick: (option) => this.picked?.(option),
    };
    const swallow = process.env.FAKE_CLAUDE_SWALLOW || null;
    this.screen = new Screen(keys, { alternate: isNew, swallow });
    const end = (code, reason) => () => void this.exit(code, reason);
    process.on('SIGTERM', end(143, 'other'));
    process.on('SIGHUP', end(129, 'other'));
    this.screen.start();
    if (process.env.FAKE_CLAUDE_TRUST === '1' && !store.isTrusted(this.folder)) await this.askTrust();
    this.presence = new store.Presence(this.id, version, isAtLeast(2, 1, 100));
    if (this.name) this.presence.set({ name: this.name });
    this.screen.say(`Claude Code v${version}\n${this.folder}\n`);
    if (this.start.from) for (const line of store.readLines(this.start.from.path)) this.show(line);
    await this.begin();
    this.presence.set({ status: 'idle' });
    this.isReady = true;
    this.screen.open();
    if (this.options.prompt !== null) this.submit(this.options.prompt);
    else this.next();
  }

  async askTrust() {
    const options = ['Yes, I trust this folder', 'No, exit'];
    const title = `Do you trust the files in this folder?\n${this.folder}`;
    const answer = await this.choose({ title, options, chosen: isNew ? 1 : 0, digits: !isNew });
    if (answer !== 0) {
      this.screen.end();
      leave(1);
    }
    store.setTrusted(this.folder);
  }

  choose(dialog) {
    return new Promise((done) => {
      this.picked = (option) => {
        this.picked = null;
        this.screen.ask(null);
        done(option);
      };
      this.screen.ask(dialog);
    });
  }

  show({ type, message, isMeta }) {
    const { content } = message ?? {};
    const text = typeof content === 'string' ? content : content?.find((part) => part.type === 'text')?.text;
    if (isMeta || !text || !store.isSaid({ type })) return;
    this.screen.say(type === 'user' ? `> ${text}` : `● ${text}\n`);
  }

  // --- what is typed ---

  submit(text) {
    this.queue.push(text);
    if (this.isReady && !this.turn) this.next();
    // What is typed while a tool runs joins that turn, without an event.
    else if (this.inTool) this.joinTurn();
  }

  joinTurn() {
    for (const text of this.queue.splice(0)) {
      this.screen.say(`> ${text}`);
      this.transcript.add('attachment', { attachment: { type: 'queued_command', prompt: text } });
    }
  }

  next() {
    const text = this.queue.shift();
    if (text === undefined || this.turn) return;
    const done = text.startsWith('/')
      ? this.command(text)
      : text.startsWith('!')
        ? this.shell(text)
        : this.ask(text);
    this.turn = done.finally(() => {
      this.turn = null;
      this.next();
    });
  }

  async ask(text) {
    this.presence.set({ status: 'busy' });
    this.screen.setStatus('Thinking');
    this.screen.say(`> ${text}`);
    const ended = await this.runTurn(text);
    this.screen.setStatus(null);
    this.screen.say(
      ended.interrupted ? '  ⎿ Interrupted · What should Claude do instead?\n' : `● ${ended.text}\n`,
    );
    this.presence.set({ status: 'idle' });
  }

  async command(text) {
    const [word, ...rest] = text.trim().split(/\s+/);
    if (word === '/exit' || word === '/quit') await this.exit(0, 'prompt_input_exit');
    else if (word === '/clear') await this.clear();
    else if (word === '/compact') {
      this.presence.set({ status: 'busy' });
      await this.compact('manual');
      this.presence.set({ status: 'idle' });
    } else if (word === '/rename') {
      this.name = rest.join(' ');
      this.presence.set({ name: this.name });
      if (this.transcript.started) this.writeName();
    } else this.screen.say(`Unknown slash command: ${word.slice(1)}`);
  }

  async shell(text) {
    this.presence.set({ status: 'shell' });
    const ran = await this.run('sh', ['-c', text.slice(1)]);
    this.transcript.add('user', {
      message: { role: 'user', content: `<bash-input>${text.slice(1)}</bash-input>` },
    });
    this.screen.say(`! ${text.slice(1)}\n${ran.trimEnd()}`);
    this.presence.set({ status: 'idle' });
  }

  async clear() {
    await this.finish('clear');
    this.setId(randomUUID());
    this.start = { id: this.id, source: 'clear', from: null };
    this.screen.said = [];
    this.presence.set({ sessionId: this.id });
    this.words = [];
    await this.begin();
    // The new file has lines of the user's that are no prompts.
    const meta = (content, fields = {}) =>
      this.transcript.add('user', { ...fields, message: { role: 'user', content } });
    meta('<local-command-caveat>Caveat: not a prompt</local-command-caveat>', { isMeta: true });
    meta('<command-name>/clear</command-name>\n<command-args></command-args>');
    this.screen.say('(no content)');
  }

  async compact(trigger) {
    const { blocked } = await this.fire('PreCompact', { trigger, custom_instructions: '' });
    if (blocked) return;
    const parent = { content: 'Conversation compacted', subtype: 'compact_boundary' };
    this.transcript.add('system', { ...parent, compactMetadata: { trigger, preTokens: 150_000 } });
    const summary = 'This session is being continued from a previous conversation: they talked.';
    this.transcript.add('user', { isCompactSummary: true, message: { role: 'user', content: summary } });
    this.percent = 5;
    this.hear(await this.fire('SessionStart', { source: 'compact', model }));
    await this.fire('PostCompact', { trigger, compact_summary: summary });
    this.screen?.say('  ⎿ Compacted');
  }

  /** Esc: nothing fires. */
  interrupt() {
    if (!this.turn || this.isInterrupted) return;
    this.isInterrupted = true;
    this.stopWaiting?.();
  }

  controlC() {
    if (this.picked) this.picked(this.screen.dialog.options.length - 1);
    else if (this.turn) this.interrupt();
    else if (this.screen.draft !== '') this.screen.edit('');
    else if (this.isLeaving) void this.exit(0, 'prompt_input_exit');
    else this.isLeaving = true;
  }

  async exit(code, reason) {
    if (this.isExiting) return;
    this.isExiting = true;
    await this.finish(reason);
    this.presence?.remove();
    try {
      this.screen.end();
    } catch {
      // The terminal is gone.
    }
    process.exit(code);
  }

  // --- a turn ---

  async runTurn(text) {
    this.isInterrupted = false;
    const { isFork, from } = this.start;
    // A fork has no file until it is prompted.
    if (isFork && !this.transcript.started) this.transcript.copyFrom(store.readLines(from.path));
    const { blocked, ...said } = await this.fire('UserPromptSubmit', { prompt: text });
    if (blocked) return { text: `UserPromptSubmit operation blocked by hook:\n${blocked}`, error: false };
    this.hear(said);
    const isFirst = !this.transcript.started;
    if (/\blate\b/i.test(text)) this.transcript.writeLate(1000);
    this.transcript.add('user', { message: { role: 'user', content: text } });
    if (isFirst && this.name) this.writeName();
    for (const content of this.words?.splice(0) ?? [])
      this.transcript.add('attachment', {
        attachment: { type: 'hook_additional_context', content: [content] },
      });
    const has = (word) => new RegExp(`\\b${word}\\b`, 'i').test(text);
    const failure = failures.find(({ word }) => has(word));
    if (failure) return this.fail(failure);
    this.percent = Number(/\bfull (\d+)/.exec(text)?.[1] ?? this.percent);
    if (has('crash')) process.kill(process.pid, 'SIGKILL');
    if (has('compact')) await this.compact('auto');
    for (const [word, tool] of Object.entries(this.tools())) {
      if (has(word)) await tool();
      if (this.isInterrupted) return this.abort();
    }
    const answer = `You said: ${text.split('\n')[0]}`;
    this.reply(answer);
    const tasks = has('background') ? [{ task_id: 'b1', type: 'shell', status: 'running' }] : [];
    await this.fire('Stop', {
      stop_hook_active: false,
      last_assistant_message: answer,
      background_tasks: tasks,
    });
    if (tasks.length > 0 && this.screen)
      setTimeout(() => this.submit('<task-notification>\n<task-id>b1</task-id>\n</task-notification>'), 50);
    return { text: answer, error: false };
  }

  writeName() {
    this.transcript.raw({ type: 'custom-title', customTitle: this.name, sessionId: this.id });
  }

  abort() {
    const content = [{ type: 'text', text: '[Request interrupted by user]' }];
    this.transcript.add('user', { message: { role: 'user', content } });
    return { text: '', error: false, interrupted: true };
  }

  async fail({ error, text }) {
    this.transcript.add('assistant', {
      isApiErrorMessage: true,
      error,
      message: {
        id: randomUUID(),
        model: '<synthetic>',
        role: 'assistant',
        content: [{ type: 'text', text }],
      },
    });
    await this.fire('StopFailure', { error, error_details: text, last_assistant_message: text });
    return { text, error: true };
  }

  tools() {
    const command = (text) => ({ command: text });
    return {
      tool: () => this.tool('Bash', command('true'), async () => {}),
      fail: () => this.tool('Bash', command('false'), async () => Promise.reject(new Error('exit code 1'))),
      slow: () => this.tool('Bash', command('sleep 1000'), () => this.released()),
      permission: () => this.tool('Bash', command('npm test'), async () => {}, 'Do you want to proceed?'),
      question: () => this.tool('AskUserQuestion', { questions: [] }, async () => {}, 'Which one?'),
      subagent: () => this.tool('Task', { prompt: 'look' }, () => this.subagent()),
      background: () => this.tool('Bash', { ...command('sleep 1'), run_in_background: true }, async () => {}),
      nested: () => this.tool('Bash', command('claude -p hello'), () => this.nested()),
    };
  }

  /** @param question asked first. */
  async tool(name, input, work, question = null) {
    const fields = { tool_name: name, tool_input: input, tool_use_id: `toolu_${randomUUID()}` };
    this.reply(null, { type: 'tool_use', id: fields.tool_use_id, name, input });
    const { blocked } = await this.fire('PreToolUse', fields);
    if (!blocked && question !== null && !(await this.permit(name, fields, question))) {
      this.isInterrupted = true;
      return;
    }
    this.inTool = true;
    this.screen?.setStatus(`Running ${name}`);
    const failed =
      blocked ??
      (await work().then(
        () => null,
        (error) => error.message,
      ));
    this.inTool = false;
    if (this.isInterrupted) return;
    const content = [{ type: 'tool_result', tool_use_id: fields.tool_use_id, content: failed ?? 'ok' }];
    this.transcript.add('user', { message: { role: 'user', content } });
    if (blocked) return;
    if (failed === null) await this.fire('PostToolUse', { ...fields, tool_response: { stdout: 'ok' } });
    else await this.fire('PostToolUseFailure', { ...fields, error: failed, is_interrupt: false });
  }

  async permit(name, fields, question) {
    if (!this.screen) return false; // nobody is there to be asked
    if (this.options.skipPermissions && name !== 'AskUserQuestion') return true;
    this.presence.set({
      status: 'waiting',
      waitingFor: name === 'AskUserQuestion' ? 'input needed' : `approve ${name}`,
    });
    const notify = setTimeout(
      () =>
        void this.fire('Notification', {
          message: `Claude needs your permission to use ${name}`,
          notification_type: 'permission_prompt',
        }),
      notifyAfter,
    );
    const options = ['Yes', "Yes, and don't ask again", 'No, and tell Claude what to do differently (esc)'];
    const answer = this.choose({ title: `${name}\n${question}`, options, chosen: 0, digits: true });
    await this.fire('PermissionRequest', { tool_name: name, tool_input: fields.tool_input });
    const picked = await answer;
    clearTimeout(notify);
    this.presence.set({ status: 'busy' });
    return picked < 2;
  }

  /** Until the test lets it go on, or Esc. */
  released() {
    const path = join(store.configFolder(), 'fake-go', this.id);
    return new Promise((done) => {
      const end = () => {
        clearInterval(timer);
        this.stopWaiting = null;
        done();
      };
      const timer = setInterval(() => {
        if (!fs.existsSync(path)) return;
        fs.rmSync(path);
        end();
      }, 10);
      this.stopWaiting = end;
    });
  }

  async subagent() {
    const agent = randomUUID().slice(0, 8);
    const path = this.transcript.subagent(agent, 'look');
    await this.fire('SubagentStop', {
      agent_id: agent,
      agent_type: 'general-purpose',
      agent_transcript_path: path,
      stop_hook_active: false,
    });
  }

  nested() {
    const self = process.env.FAKE_CLAUDE_SELF;
    const words = self ? [self] : [process.execPath, __filename];
    return this.run('sh', [
      '-c',
      `${words.map((word) => `'${word}'`).join(' ')} -p 'hello from within'; true`,
    ]);
  }

  /** A program as a tool runs it: without a terminal, in a session of its own. */
  run(program, words) {
    const child = spawn(program, words, {
      env: { ...process.env, CLAUDECODE: '1' },
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        said += part;
      });
    }
    return new Promise((done) => {
      child.on('error', () => done(said));
      child.on('close', () => done(said));
    });
  }

  reply(text, ...parts) {
    const content = [...(text === null ? [] : [{ type: 'text', text }]), ...parts];
    const message = { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model, content };
    const stop = text === null ? 'tool_use' : 'end_turn';
    this.transcript.add('assistant', { message: { ...message, stop_reason: stop, usage: this.usage() } });
  }

  usage() {
    return {
      input_tokens: 10,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: this.percent * 2000 - 10,
      output_tokens: 20,
    };
  }
}

const failures = [
  { word: 'error', error: 'server_error', text: 'API Error: 500 Internal server error' },
  { word: 'limit', error: 'rate_limit', text: "You've hit your limit · resets 3pm (UTC)" },
  { word: 'auth', error: 'authentication_failed', text: 'Invalid API key · Please run /login' },
];

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(70);
});
