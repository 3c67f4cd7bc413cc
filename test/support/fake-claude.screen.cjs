// The terminal of the fake Claude: what was said, a dialog or the composer below it, and the keys that are typed.
const { StringDecoder } = require('node:string_decoder');

const pasteStart = '\x1b[200~';
const pasteEnd = '\x1b[201~';

class Screen {
  /** @param keys what is called: `submit(text)`, `escape()`, `interrupt()`, `pick(number)`. */
  constructor(keys, { alternate, swallow, prefix }) {
    Object.assign(this, { keys, alternate, prefix });
    // `1`: the first line that is typed is gone, with its Enter; `enter`: only its Enter is.
    this.swallow = swallow;
    this.said = [];
    this.draft = '';
    this.status = null;
    this.dialog = null;
    this.pending = '';
    this.decoder = new StringDecoder('utf8');
  }

  start() {
    process.stdin.setRawMode(true);
    // Bracketed paste, so that `paste-buffer -p` marks what it pastes; and the title, which says nothing.
    process.stdout.write(`${this.alternate ? '\x1b[?1049h' : ''}\x1b[?2004h\x1b]0;✳ Claude Code\x07`);
    process.stdin.on('data', (bytes) => this.read(this.decoder.write(bytes)));
    process.stdout.on('resize', () => this.draw());
    this.draw();
  }

  end() {
    process.stdout.write(`\x1b[?2004l${this.alternate ? '\x1b[?1049l' : '\r\n'}`);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }

  /** Shows the composer. What was typed before is in it. */
  open() {
    this.isOpen = true;
    this.draw();
  }

  say(text) {
    this.said.push(...text.split('\n'));
    this.draw();
  }

  setStatus(status) {
    this.status = status;
    this.draw();
  }

  /** @param dialog `{title, options, chosen, digits}`, or null. */
  ask(dialog) {
    this.dialog = dialog;
    this.draw();
  }

  draw() {
    const rows = process.stdout.rows || 24;
    const bottom = this.dialog ? this.dialogLines() : this.composerLines();
    const room = Math.max(1, rows - bottom.length - 1);
    const lines = [...this.said.slice(-room), ...bottom];
    process.stdout.write(`\x1b[H\x1b[2J${lines.join('\r\n')}`);
  }

  dialogLines() {
    const { title, options, chosen, digits } = this.dialog;
    const shown = options.map(
      (option, at) => `${at === chosen ? '❯' : ' '} ${digits ? `${at + 1}. ` : ''}${option}`,
    );
    return ['─'.repeat(40), ...title.split('\n'), '', ...shown, '', 'Enter to confirm · Esc to cancel'];
  }

  composerLines() {
    if (!this.isOpen) return [];
    const isShell = this.draft.startsWith('!');
    const [first, ...more] = (isShell ? this.draft.slice(1) : this.draft).split('\n');
    // The sign is followed by a no-break space; what only suggests is dim.
    const placeholder = '\x1b[2mTry "write a test for <filepath>"\x1b[22m';
    const line = `${isShell ? '!' : '❯'}\u00a0${this.draft === '' ? placeholder : first}`;
    const status = this.status === null ? [] : [`✻ ${this.status}… (esc to interrupt)`];
    const border = '─'.repeat(Math.min(60, process.stdout.columns || 60));
    return ['', ...status, border, line, ...more.map((text) => `  ${text}`), border, '  ? for shortcuts'];
  }

  read(text) {
    this.pending += text;
    while (this.pending !== '') {
      const taken = this.take(this.pending);
      if (taken === 0) return; // a paste or a sequence that is not all there
      this.pending = this.pending.slice(taken);
    }
  }

  /** Acts on the first key or paste of a text. @returns how much of it that was. */
  take(text) {
    if (text.startsWith(pasteStart)) {
      const end = text.indexOf(pasteEnd);
      if (end < 0) return 0;
      this.type(text.slice(pasteStart.length, end).replace(/\r\n?/g, '\n'));
      return end + pasteEnd.length;
    }
    if (text[0] === '\x1b') {
      const [sequence] = /^\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.)/.exec(text) ?? [];
      if (sequence) {
        if (sequence === '\x1b[A' || sequence === '\x1bOA') this.move(-1);
        if (sequence === '\x1b[B' || sequence === '\x1bOB') this.move(1);
        return sequence.length;
      }
      if (pasteStart.startsWith(text) && text.length > 1) return 0;
      this.escape();
      return 1;
    }
    const [key] = text;
    if (key === '\r') this.enter();
    else if (key === '\x03') this.keys.interrupt();
    else if (key === '\n') this.type('\n');
    else if (key === '\x7f' || key === '\b') this.edit([...this.draft].slice(0, -1).join(''));
    else if (key === '\x15') this.edit('');
    else if (this.dialog) this.digit(key);
    else if (key >= ' ') {
      const [run] = /^[^\x00-\x1f\x7f]+/.exec(text);
      this.type(run);
      return run.length;
    }
    return 1;
  }

  type(text) {
    if (!this.dialog && this.swallow !== '1') this.edit(this.draft + text);
  }

  edit(draft) {
    this.draft = draft;
    this.draw();
  }

  move(by) {
    if (!this.dialog) return;
    const { options, chosen } = this.dialog;
    this.dialog.chosen = (chosen + by + options.length) % options.length;
    this.draw();
  }

  digit(key) {
    if (this.dialog.digits && key >= '1' && key <= String(this.dialog.options.length))
      this.keys.pick(Number(key) - 1);
  }

  escape() {
    if (this.dialog) this.keys.pick(this.dialog.options.length - 1);
    else this.keys.escape();
  }

  enter() {
    if (this.dialog) {
      this.keys.pick(this.dialog.chosen);
      return;
    }
    if (this.swallow) {
      this.swallow = null;
      return;
    }
    const text = this.draft;
    if (text.trim() === '') return;
    this.edit('');
    this.keys.submit(text);
  }
}

module.exports = { Screen };
