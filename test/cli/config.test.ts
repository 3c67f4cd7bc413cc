import { existsSync, lstatSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptSettings } from '../../src/system/kept-settings.js';
import {
  checkSettings,
  defaultSettings,
  isSettingKey,
  loadSettings,
  parseSize,
} from '../../src/system/settings.js';
import {
  describeSetting,
  settingKeys,
  settingsSchema,
  valueFromWords,
} from '../../src/system/settings-schema.js';
import { sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

describe('settings', () => {
  it('are checked alike by hand and by the schema', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.string()),
      fc.constantFrom(null, '', '200x50', '9x50', '10000x10', '10001x50', '200X50', ' 20x20', 'react', [
        '~/a',
      ]),
    );
    fc.assert(
      fc.property(fc.constantFrom(...settingKeys), value, (key, stored) => {
        const byHand = checkSettings({ [key]: stored }).problems.length === 0;
        expect(byHand).toBe(settingsSchema.shape[key].safeParse(stored).success);
      }),
      { numRuns: 300 },
    );
    expect(settingsSchema.parse({})).toEqual(defaultSettings);
    expect(settingKeys.every((key) => isSettingKey(key) && describeSetting(key))).toBe(true);
  });

  it('name the file and the key of a wrong value, and go on with the default', () => {
    const s = sandbox();
    const file = s.file('.config/cw/config.json', '{"roots": "~/work", "size": "100x30", "colour": 1}');
    const warnings: string[] = [];
    const settings = loadSettings(s.env, (text) => warnings.push(text));
    expect(settings).toMatchObject({
      roots: [join(s.home, 'projects')],
      size: { width: 100, height: 30 },
      template: null,
    });
    expect(warnings).toEqual([
      `${file}: "roots" is "~/work", not a list of folders; the default ["~/projects"] holds.`,
    ]);
  });

  it.each(['{', '[]', '', 'null'])('hold their defaults when the file is %j', (text) => {
    const s = sandbox();
    const file = s.file('.config/cw/config.json', text);
    const warnings: string[] = [];
    expect(loadSettings(s.env, (warning) => warnings.push(warning)).size).toEqual({ width: 200, height: 50 });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${file}: cannot be read`);
  });

  it('of a process that lives long stay as they were where the file is wrong', () => {
    const s = sandbox();
    const write = (text: string) => s.file('.config/cw/config.json', text);
    const kept = new KeptSettings(s.env);
    const look = () => {
      const { scrollbackLines, retention } = kept.now();
      return { lines: scrollbackLines, weeks: retention.weeks, problems: kept.problems() };
    };
    const file = write('{"retention.weeks": 100, "scrollback_lines": 7}');
    expect(look()).toEqual({ lines: 7, weeks: 100, problems: [] });
    write('{"retention.weeks": 1');
    expect(look()).toMatchObject({ lines: 7, weeks: 100 });
    expect(look().problems).toEqual([
      expect.stringMatching(/cannot be read .*; what was read before holds\.$/),
    ]);
    write('{"retention.weeks": "all", "scrollback_lines": 8}');
    expect(look()).toEqual({
      lines: 8,
      weeks: 100,
      problems: [`${file}: "retention.weeks" is "all", not a whole number; 100, as before, holds.`],
    });
    write('{}');
    expect(look()).toEqual({ lines: 5000, weeks: 13, problems: [] });
  });

  it('read a size and nothing like it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 10_000 }),
        fc.integer({ min: 10, max: 10_000 }),
        (width, height) => {
          expect(parseSize(`${width}x${height}`)).toEqual({ width, height });
        },
      ),
    );
    for (const text of [
      '',
      'x',
      '200',
      '200x',
      '200x50x1',
      '-200x50',
      '5x50',
      '99999x50',
      '10001x50',
      '50x10001',
      '09x50',
    ]) {
      expect(parseSize(text)).toBeNull();
    }
  });

  it('take words of a command line as JSON, as text, or one by one', () => {
    expect(valueFromWords('roots', ['~/a', '~/b'])).toEqual({ value: ['~/a', '~/b'] });
    expect(valueFromWords('roots', ['~/a'])).toEqual({ value: ['~/a'] });
    expect(valueFromWords('roots', ['["a b"]'])).toEqual({ value: ['a b'] });
    expect(valueFromWords('roots', ['[]'])).toEqual({ value: [] });
    expect(valueFromWords('template', ['null'])).toEqual({ value: null });
    expect(valueFromWords('template', ['5'])).toEqual({ value: '5' });
    expect(valueFromWords('template', ['a', 'b'])).toBeNull();
    expect(valueFromWords('size', ['wide'])).toBeNull();
  });
});

describe('cw config', () => {
  it('sets, gets, lists and unsets, and leaves the rest of the file as it is', async () => {
    const s = sandbox();
    const file = s.file('.config/cw/config.json', '{"colour": 1, "template": "go"}');
    expect((await s.cw(['config', 'set', 'size', '220x60'])).code).toBe(0);
    expect((await s.cw(['config', 'set', 'roots', 'here', '~/x'], { cwd: s.home })).code).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      colour: 1,
      template: 'go',
      size: '220x60',
      roots: [join(s.home, 'here'), '~/x'],
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await s.cw(['config', 'get', 'roots'])).stdout).toBe(`${join(s.home, 'here')}\n~/x\n`);
    expect((await s.cw(['config', 'unset', 'roots'])).code).toBe(0);
    const listed = await s.cw(['config', 'list', '--json']);
    expect(JSON.parse(listed.stdout).slice(0, 3)).toMatchObject([
      { key: 'roots', value: ['~/projects'], from: 'default' },
      { key: 'size', value: '220x60', default: '200x50', from: 'file' },
      { key: 'template', value: 'go', from: 'file' },
    ]);
    expect(listed.stderr).toBe(`${file}: there is no setting "colour".\n`);
  });

  it('changes nothing for a key or value that is wrong, or a file that cannot be read', async () => {
    const s = sandbox();
    const key = await s.cw(['config', 'set', 'rots', '~/work']);
    expect(key).toMatchObject({ code: 2, stdout: '' });
    expect(key.stderr).toContain('There is no setting "rots". Did you mean "roots"?');
    const value = await s.cw(['config', 'set', 'size', 'wide', '--json']);
    expect(value.code).toBe(2);
    expect(JSON.parse(value.stdout).error).toMatchObject({
      code: 'usage',
      message: 'size cannot be "wide".',
    });
    expect(lstatSync(join(s.home, '.config'), { throwIfNoEntry: false })).toBeUndefined();

    const file = s.file('.config/cw/config.json', '{ "size": ');
    const broken = await s.cw(['config', 'set', 'size', '220x60']);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/config\.json cannot be read.*\n {2}Mend it/);
    expect(readFileSync(file, 'utf8')).toBe('{ "size": ');
  });

  it('writes through a link, as dotfile managers make them', async () => {
    const s = sandbox();
    const real = s.file('dotfiles/cw.json', '{}');
    s.file('.config/cw/keep', '');
    symlinkSync(real, join(s.home, '.config/cw/config.json'));
    expect((await s.cw(['config', 'set', 'template', 'go'])).code).toBe(0);
    expect(lstatSync(join(s.home, '.config/cw/config.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(real, 'utf8'))).toEqual({ template: 'go' });
  });

  it('loses nothing when two change it at once', async () => {
    const s = sandbox();
    const ran = await Promise.all([
      s.cw(['config', 'set', 'size', '220x60']),
      s.cw(['config', 'set', 'template', 'go']),
      s.cw(['config', 'set', 'roots', '~/a']),
    ]);
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0]);
    const stored = JSON.parse(readFileSync(join(s.home, '.config/cw/config.json'), 'utf8'));
    expect(stored).toEqual({ size: '220x60', template: 'go', roots: ['~/a'] });
  });
});

describe('cw config edit', () => {
  it('saves only what is right, and never over a change of others', async () => {
    const s = sandbox();
    const file = s.file('.config/cw/config.json', '{"size": "100x30"}\n');
    // An editor that writes what is in ~/next, and waits until it is allowed to end.
    const editor = s.file(
      'bin/editor',
      '#!/bin/sh\ncat ~/next >"$2"; touch ~/open\nwhile [ -e ~/open ]; do sleep 0.05; done\n',
      0o755,
    );
    const screen = terminal({ ...s, env: { ...s.env, VISUAL: `${editor} -f`, EDITOR: editor } });
    const edit = async (next: string) => {
      s.file('next', next);
      await waitUntil('the editor has written', () => existsSync(join(s.home, 'open')));
    };
    const close = () => rmSync(join(s.home, 'open'));
    const refused = await s.cw(['config', 'edit']);
    expect(refused).toMatchObject({ code: 2 });

    s.file('next', '{"size": "tiny", "colour": 1}\n');
    screen.line('cw config edit');
    await edit('{"size": "tiny", "colour": 1}\n');
    s.file('next', '{"size": "120x40"}\n');
    close();
    await screen.waitFor(
      'what is wrong is told',
      /"size" is "tiny"[\s\S]*no setting "colour"[\s\S]*Edit it again\? \[Y\/n\]/,
    );
    expect(readFileSync(file, 'utf8')).toBe('{"size": "100x30"}\n');
    screen.line('');
    await edit('{"size": "120x40"}\n');
    close();
    await screen.waitFor('it is saved', 'is saved');
    expect(readFileSync(file, 'utf8')).toBe('{"size": "120x40"}\n');

    s.file('next', '{"size": "90x30"}\n');
    screen.line('clear; cw config edit');
    await edit('{"size": "90x30"}\n');
    s.file('.config/cw/config.json', '{"size": "80x24"}\n');
    close();
    await screen.waitFor('another change is not written over', 'changed meanwhile');
    expect(readFileSync(file, 'utf8')).toBe('{"size": "80x24"}\n');
  });
});
