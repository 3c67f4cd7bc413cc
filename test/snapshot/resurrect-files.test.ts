import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { describe, expect, it } from 'vitest';
import type { FoundSave } from '../../src/snapshot/resurrect-files.js';
import { findSave, readPaneTexts, resurrectFolder } from '../../src/snapshot/resurrect-files.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';

const good = 'pane\tmain\t0\t1\t:*\t0\ttitle\t:/tmp\t1\tbash\t:\n';

/** A folder of saves: the texts by their times, and what `last` links to. */
function saves(box: Sandbox, texts: Record<string, string>, last: string | null): string {
  for (const [time, text] of Object.entries(texts)) box.file(`saves/tmux_resurrect_${time}.txt`, text);
  if (last !== null) symlinkSync(`tmux_resurrect_${last}.txt`, join(box.home, 'saves/last'));
  return join(box.home, 'saves');
}

describe('the folder', () => {
  it('is the old one where that is there, else the one of XDG', async () => {
    const box = sandbox();
    const { XDG_DATA_HOME: _, ...env } = box.env;
    expect(await resurrectFolder(null, { ...env, XDG_DATA_HOME: '/data' })).toBe('/data/tmux/resurrect');
    expect(await resurrectFolder(null, env)).toBe(join(box.home, '.local/share/tmux/resurrect'));
    box.file('.tmux/resurrect/last', '');
    expect(await resurrectFolder(null, env)).toBe(join(box.home, '.tmux/resurrect'));
  });

  it('is the one that the running server says', async () => {
    const box = sandbox();
    box.tmux('-f', '/dev/null', 'new-session', '-d', 'sleep', '1000');
    const connection = processConnection({ args: ['-S', box.socket], socketPath: box.socket }, box.env);
    expect(await resurrectFolder(connection, box.env)).toBe(join(box.home, '.local/share/tmux/resurrect'));
    box.tmux('set-option', '-g', '@resurrect-dir', '~/my saves/$HOME');
    expect(await resurrectFolder(connection, box.env)).toBe(`${box.home}/my saves${box.home}`);
  });
});

describe('the save', () => {
  const find = (path: string, box: Sandbox): FoundSave => findSave(path, box.env);

  it('is the one that `last` links to, and has the time of its name', () => {
    const box = sandbox();
    const folder = saves(box, { '20260102T030405': good, '20260103T030405': good }, '20260102T030405');
    const found = find(folder, box);
    expect(found).toMatchObject({ path: join(folder, 'last'), savedAt: '2026-01-02 03:04:05', notes: [] });
    expect(find(join(folder, 'tmux_resurrect_20260103T030405.txt'), box).savedAt).toBe('2026-01-03 03:04:05');
  });

  it.each([
    ['is empty', ''],
    // All that a dying server still tells.
    ['holds no session', 'state\t\t\n'],
    ['UTF-8 locale', 'state__\n'],
  ])(
    'where `last` leads to one that %s, is the newest good one, and says so (#576, #122, #403)',
    (why, text) => {
      const box = sandbox();
      const texts = {
        '20260101T000000': good,
        '20260102T000000': good,
        '20260103T000000': '',
        '20260104T000000': text,
      };
      const found = find(saves(box, texts, '20260104T000000'), box);
      expect(found.savedAt).toBe('2026-01-02 00:00:00');
      expect(found.notes[0]).toContain(why);
      expect(found.notes[1]).toContain('tmux_resurrect_20260102T000000.txt');
    },
  );

  it('is found where `last` leads nowhere or is not there', () => {
    const box = sandbox();
    const folder = saves(box, { '20260101T000000': good }, null);
    expect(find(folder, box).notes[0]).toContain('does not exist');
    symlinkSync('gone', join(folder, 'last'));
    expect(find(folder, box).savedAt).toBe('2026-01-01 00:00:00');
  });

  it('that is named and is none is refused: no other is taken instead', () => {
    const box = sandbox();
    const folder = saves(box, { '20260101T000000': good, '20260102T000000': '' }, '20260102T000000');
    const failure = (path: string) => {
      try {
        find(path, box);
      } catch (error) {
        return error;
      }
      throw new Error('it was taken');
    };
    expect(failure(join(folder, 'last'))).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('empty'),
    });
    expect(failure(join(folder, 'other'))).toMatchObject({ kind: 'not-found' });
    expect(failure('/dev/zero')).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('not a file'),
    });
    expect(failure(box.home)).toMatchObject({ kind: 'not-found' });
  });
});

interface Entry {
  readonly path: string;
  readonly text?: string;
  readonly type?: 'File' | 'SymbolicLink' | 'Link' | 'Directory';
  readonly linkpath?: string;
}

/** A tar archive with exactly these entries, whatever they are. */
function archive(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, text = '', type = 'File', linkpath = '' }) => {
    const body = Buffer.from(text);
    const header = Buffer.alloc(512);
    new Header({ path, type, linkpath, size: body.length, mode: 0o644, mtime: new Date(0) }).encode(
      header,
      0,
    );
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

describe('what panes showed', () => {
  const wanted = new Set(['main:0.0', 'my proj:1.2', '../../x:0.0']);
  const limits = { total: 1_000_000, pane: 10_003 };
  const read = (box: Sandbox, data: Buffer) => {
    writeFileSync(join(box.home, 'pane_contents.tar.gz'), data);
    return readPaneTexts(box.home, wanted, limits);
  };

  it('is read with its colours, as the tar of the system packs it', async () => {
    const box = sandbox();
    box.file('save/pane_contents/pane-main:0.0', '\x1b[31mred\x1b[0m é\nlast\n');
    box.file('save/pane_contents/pane-my proj:1.2', 'hello\n');
    box.file('save/pane_contents/pane-other:0.0', 'not wanted\n');
    const packed = await box.run('tar', ['czf', 'pane_contents.tar.gz', '-C', 'save', './pane_contents/']);
    expect(packed.code).toBe(0);
    const { texts, notes } = await readPaneTexts(box.home, wanted);
    expect(Object.fromEntries(texts)).toEqual({
      'main:0.0': '\x1b[31mred\x1b[0m é\nlast\n',
      'my proj:1.2': 'hello\n',
    });
    expect(notes).toEqual([]);
  });

  it('is nothing where nothing was kept', async () => {
    expect(await readPaneTexts(sandbox().home, wanted)).toEqual({ texts: new Map(), notes: [] });
  });

  it('steers no terminal: all but text and colours is taken out', async () => {
    const hostile =
      'a\x1b]52;c;aGk=\x07b\x1b]0;title\x1b\\c\x1b[2J\x1b[5nd\x1bPq\x1b\\\x9b6n\r\x07e\x1b[1;32mf\tg\n';
    const { texts } = await read(
      sandbox(),
      archive([{ path: './pane_contents/pane-main:0.0', text: hostile }]),
    );
    expect(texts.get('main:0.0')).toBe('abcdPq\\6ne\x1b[1;32mf\tg\n');
  });

  it('a hostile archive writes nothing and gives nothing', async () => {
    const box = sandbox();
    const target = box.file('secret', 'secret');
    const { texts } = await read(
      box,
      archive([
        { path: '../evil', text: 'evil' },
        { path: join(box.home, 'absolute'), text: 'evil' },
        { path: './pane_contents/pane-../../x:0.0', text: 'only in memory' },
        { path: './pane_contents/pane-main:0.0', type: 'SymbolicLink', linkpath: target },
        { path: './pane_contents/pane-my proj:1.2', type: 'Link', linkpath: target },
        { path: './pane_contents/pane-main:9.9', text: 'not wanted' },
        { path: './pane_contents', type: 'SymbolicLink', linkpath: box.home },
      ]),
    );
    expect([...texts.keys()]).toEqual(['../../x:0.0']);
    expect(readFileSync(target, 'utf8')).toBe('secret');
    expect(readdirSync(box.home).sort()).toEqual(['pane_contents.tar.gz', 'secret']);
    expect(existsSync(join(box.folder, 'evil'))).toBe(false);
  });

  it('one that unpacks to more than there is room for is stopped, and said', async () => {
    const bomb = archive([
      { path: './pane_contents/pane-main:0.0', text: 'kept\n' },
      { path: './other', text: '0'.repeat(2_000_000) },
    ]);
    const { texts, notes } = await read(sandbox(), bomb);
    expect(texts.get('main:0.0')).toBe('kept\n');
    expect(notes[0]).toContain('more than 1000000 bytes');
  });

  it('of a long text the end is kept, from the start of a line', async () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `line ${at}`);
    const entry = { path: './pane_contents/pane-main:0.0', text: `${lines.join('\n')}\n` };
    const text = (await read(sandbox(), archive([entry]))).texts.get('main:0.0') ?? '';
    expect(text.length).toBeGreaterThan(9_900);
    expect(text.length).toBeLessThanOrEqual(10_003);
    expect(text.split('\n')[0]).toMatch(/^line \d{4}$/);
    expect(text.endsWith('line 4999\n')).toBe(true);
  });

  it('one that is cut short or is no archive is said, and what it had is there', async () => {
    const box = sandbox();
    const random = createHash('sha512').update('x').digest('hex').repeat(10);
    const whole = archive([
      { path: './pane_contents/pane-main:0.0', text: 'kept\n' },
      { path: './pane_contents/pane-my proj:1.2', text: random },
    ]);
    expect((await read(box, whole.subarray(0, whole.length - 20))).notes).toHaveLength(1);
    expect((await read(box, Buffer.from('no archive'))).notes).toHaveLength(1);
    expect((await read(box, gzipSync(Buffer.from('x'.repeat(3000))))).notes).toHaveLength(1);
  });
});
