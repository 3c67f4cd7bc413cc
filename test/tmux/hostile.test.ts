import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Word } from '../../src/blueprint/step.js';
import { unvis } from '../../src/tmux/escapes.js';
import { defineRow, field, option } from '../../src/tmux/format.js';
import { encodeWords } from '../../src/tmux/literal.js';
import { waitUntil } from '../support/wait.js';
import { ways, world } from './connect.js';

// Foreign text is put through every command that takes some, in every way that commands are sent. Nothing in it may
// run, and it must come back to the byte.

/** Texts that each make a file where anything expands or runs them. */
function hostile(flag: (name: string) => string): string[] {
  return [
    `#(touch ${flag('format')})`,
    `$(touch ${flag('shell')})`,
    `\`touch ${flag('backquote')}\``,
    `x;kill-server`,
    `x ; run-shell "touch ${flag('separator')}"`,
    `x\nrun-shell 'touch ${flag('newline')}'`,
    `x"\nrun-shell 'touch ${flag('quote')}'\n"`,
    `x' ; run-shell 'touch ${flag('single')}`,
    `} ; run-shell 'touch ${flag('brace')}' ; {`,
    `#{?1,#(touch ${flag('nested')}),}`,
    '#{pid}',
    '#[fg=red]##[bold]###,',
    '%H%M %if 1',
    '$HOME ${HOME} ~',
    '\\',
    '\\;',
    'end;',
    '-d',
    '~/x',
    '{',
    '# comment',
    '',
  ];
}

const ids = defineRow('r', { id: field('session_id'), text: field('session_name') });
// Rows of one text each, so that any of these reads them all.
const session = defineRow('r', { text: field('session_name') });
const name = defineRow('r', { text: field('window_name') });
const title = defineRow('r', { text: field('pane_title') });
const path = defineRow('r', { text: field('pane_start_path') });
const value = defineRow('r', { text: option('@foreign') });

test('foreign text is never run, and comes back as it was', async () => {
  const home = world();
  const { box } = home;
  const flags = join(box.folder, 'f');
  mkdirSync(flags);
  const texts = hostile((file) => join(flags, file));
  const sends = Object.entries(await ways(home));

  for (const [at, [way, send]] of sends.entries()) {
    const ask = (...commands: Word[][]) => send(encodeWords(commands, new Map(), `h${at}`));
    const printing = (row: { readonly format: string }) => ['-P', '-F', row.format, 'cat'];
    const show = (target: string, row: { readonly format: string }) => [
      'display-message',
      '-p',
      '-t',
      target,
      row.format,
    ];
    for (const text of texts) {
      const shown = `${way}: ${JSON.stringify(text)}`;
      const literal = { literal: text };
      const printable = text.replaceAll(/\p{Cc}/gu, '');
      const folder = `/nowhere/${text}`;
      const sessionName = text.replaceAll(/[.:]/g, '_') || 'empty';

      const made = await ask([
        'new-session',
        '-d',
        '-s',
        text ? literal : 'empty',
        '-n',
        literal,
        ...printing(ids),
      ]);
      const created = ids.parse(made, 303)[0]!;
      const output = await ask(
        // Where tmux expands formats.
        ['rename-session', '-t', created.id, 'between'],
        ['rename-session', '-t', created.id, text ? literal : 'empty'],
        show(`${created.id}:`, session),
        ['kill-session', '-t', created.id],
        ['new-window', '-d', '-t', '=home:', '-n', literal, '-c', { literal: folder }, ...printing(name)],
        show('=home:1', path),
        ['split-window', '-d', '-t', '=home:1', '-c', { literal: folder }, ...printing(path)],
        ['rename-window', '-t', '=home:1', literal],
        show('=home:1', name),
        ['select-pane', '-t', '=home:1', '-T', { literal: printable }],
        show('=home:1', title),
        ['kill-window', '-t', '=home:1'],
        ['new-session', '-d', '-s', 'other', '-c', { literal: folder }, ...printing(path)],
        ['kill-session', '-t', '=other:'],
        // Where it does not.
        ['set-option', '-t', '=home:', '@foreign', text],
        show('=home:', value),
        ['set-environment', '-t', '=home:', 'FOREIGN', text],
        ['set-buffer', '-b', 'foreign', '--', text || ' '],
      );
      const [renamed, opened, windowPath, panePath, renamedWindow, paneTitle, sessionPath, set, ...more] =
        value.parse(output, 303).map((row) => row.text ?? '');
      expect(plain(created.text), shown).toBe(sessionName);
      expect(plain(renamed!), shown).toBe(sessionName);
      expect(opened, shown).toBe(text);
      expect([windowPath, panePath, sessionPath], shown).toEqual([folder, folder, folder]);
      expect(plain(renamedWindow!), shown).toBe(text);
      expect(paneTitle, shown).toBe(printable);
      expect(set, shown).toBe(text);
      expect(more, shown).toEqual([]);
      // Alone: show-buffer prints nothing after another command, and with escapes in control mode.
      expect(box.tmux('show-buffer', '-b', 'foreign'), shown).toBe(text || ' ');
      expect(box.tmux('show-environment', '-t', '=home:', 'FOREIGN'), shown).toBe(`FOREIGN=${text}\n`);
    }
  }
  expect(readdirSync(flags)).toEqual([]);

  // What is typed reaches the program byte for byte, and a pane's own environment its process.
  const keys = texts.filter((text) => !text.includes('\n'));
  const variables = texts.map((text, at): Word[] => {
    const command = `printf %s "$FOREIGN" > ${box.folder}/${at}.part; mv ${box.folder}/${at}.part ${box.folder}/${at}.env`;
    return ['new-window', '-d', '-t', '=home:', '-e', `FOREIGN=${text}`, command];
  });
  for (const [way, send] of sends) {
    const typed = join(box.folder, 'typed');
    box.tmux(
      'new-window',
      '-d',
      '-t',
      '=home:',
      '-n',
      'typed',
      `stty raw -echo; echo ready; exec cat > ${typed}`,
    );
    await waitUntil('cat reads', () => box.screen('=home:typed').startsWith('ready'));
    await send([
      ...keys.map((text) => ['send-keys', '-t', '=home:typed', '-l', '--', text]),
      ...(variables as string[][]),
    ]);
    await waitUntil(
      `all is typed, by ${way}`,
      () => readFileSync(typed, 'utf8').length >= keys.join('').length,
    );
    expect(readFileSync(typed, 'utf8'), way).toBe(keys.join(''));
    for (const [at, text] of texts.entries()) {
      const file = join(box.folder, `${at}.env`);
      await waitUntil(`the pane has ${JSON.stringify(text)}, by ${way}`, () => existsSync(file));
      expect(readFileSync(file, 'utf8'), way).toBe(text);
      rmSync(file);
    }
    box.tmux('kill-window', '-t', '=home:typed');
  }
  expect(readdirSync(flags)).toEqual([]);
});

/** A name as it was given, of the escapes that tmux keeps it with. */
function plain(kept: string): string {
  return unvis(Buffer.from(kept)).toString();
}
