import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { hookEntry, hookSettings } from '../../src/claude/hook-settings.js';
import { hookEvents } from '../../src/claude/model.js';
import { verb } from '../../src/cli/commands/init.js';
import { claudeSettings, settingsPath } from '../../src/integration/claude-settings.js';
import { previewLines } from '../../src/integration/preview.js';
import { applyChange, planPut, planTake, readUserFile } from '../../src/integration/user-file.js';
import { runVerb } from '../cli/run-verb.js';
import { sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

function settingsWorld(text: string | null = null) {
  const world = sandbox();
  const path = join(world.home, '.claude/settings.json');
  if (text !== null) world.file('.claude/settings.json', text);
  const install = () => applyChange(planPut(readUserFile(path), claudeSettings), claudeSettings, world.env);
  const remove = () =>
    applyChange(planTake(readUserFile(path), claudeSettings, world.env), claudeSettings, world.env);
  const read = () => (existsSync(path) ? readFileSync(path, 'utf8') : null);
  const init = (words: readonly string[], answer?: boolean) =>
    runVerb(verb, ['claude', ...words], {
      env: world.env,
      cwd: world.home,
      ...(answer !== undefined && { answer }),
    });
  return { world, path, install, remove, read, init };
}

/** Settings without what is ours. */
function withoutOurs(text: string): unknown {
  const settings = parse(text.replace(/^\ufeff/, ''), [], { allowTrailingComma: true }) as {
    hooks?: Record<string, { hooks?: { command?: string }[] }[]>;
  };
  for (const [event, groups] of Object.entries(settings.hooks ?? {})) {
    const left = groups.filter(
      (group) => !group.hooks?.some(({ command }) => command?.includes('/shell/cw-hook')),
    );
    if (left.length > 0) settings.hooks![event] = left;
    else delete settings.hooks![event];
  }
  if (settings.hooks && Object.keys(settings.hooks).length === 0) delete settings.hooks;
  return settings;
}

const commented = `// mine
{
\t"model": "opus", /* why not */
\t"hooks": {
\t\t"Stop": [ { "hooks": [ { "type": "command", "command": "say done" }, ] } ],
\t\t// nothing yet
\t\t"PreToolUse": []
\t},
\t"env": {"A": "1"}
}`;

describe('our hooks in the settings of the user', () => {
  it('are added by the smallest edit, and the undo gives the file back byte for byte', () => {
    const { install, remove, read } = settingsWorld(commented);
    install();
    const after = read()!;
    const settings = parse(after, [], { allowTrailingComma: true });
    for (const event of hookEvents)
      expect(JSON.stringify(settings.hooks[event])).toContain(hookEntry(event).command);
    expect(settings.hooks.Stop[0].hooks[0].command).toBe('say done');
    for (const kept of ['// mine\n', '/* why not */', '// nothing yet', '"env": {"A": "1"}', '\t"model"'])
      expect(after).toContain(kept);
    install();
    expect(read()).toBe(after);
    remove();
    expect(read()).toBe(commented);
    remove();
    expect(read()).toBe(commented);
  });

  it('come and go in a file of any form', () => {
    const space = fc.constantFrom('', ' ', '\n', '\n  ', '\r\n\t', ' // note\n', ' /* x */ ');
    const group = fc.constantFrom(
      { hooks: [{ type: 'command', command: 'mine' }] },
      { matcher: 'Bash', hooks: [] },
      { matcher: 'x' },
    );
    const hooks = fc.dictionary(fc.constantFrom(...hookEvents, 'Other'), fc.array(group, { maxLength: 2 }), {
      maxKeys: 3,
      noNullPrototype: true,
    });
    const settings = fc.record(
      {
        hooks,
        model: fc.string(),
        env: fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          fc.string(),
          { noNullPrototype: true },
        ),
      },
      { requiredKeys: [], noNullPrototype: true },
    );
    const indent = fc.constantFrom(undefined, 2, 4, '\t');
    const world = sandbox();
    const path = world.file('.claude/settings.json', '');
    fc.assert(
      fc.property(settings, indent, space, space, fc.boolean(), (value, form, before, after, mark) => {
        const text = `${mark ? '\ufeff' : ''}${before}${JSON.stringify(value, null, form)}${after}`;
        writeFileSync(path, text);
        rmSync(join(world.home, '.local'), { recursive: true, force: true });
        applyChange(planPut(readUserFile(path), claudeSettings), claudeSettings, world.env);
        const installed = readFileSync(path, 'utf8');
        expect(planPut(readUserFile(path), claudeSettings).after).toBe(installed);
        for (const event of hookEvents) expect(installed).toContain(JSON.stringify(hookEntry(event).command));
        expect(withoutOurs(installed)).toEqual(withoutOurs(text));
        if (text.includes('\n\t"')) expect(installed).not.toMatch(/^ +"/m);

        // Something else changes: only our entries go.
        const edited = installed.replace(/\}(?=[^}]*$)/, Object.keys(value).length > 0 ? ',"new":1}' : '}');
        writeFileSync(path, edited);
        const removed = planTake(readUserFile(path), claudeSettings, world.env).after!;
        expect(removed).not.toContain('cw-hook');
        if (edited !== installed) expect(parse(removed.replace(/^\ufeff/, ''))).toEqual({ ...value, new: 1 });
        // It does not: byte for byte.
        writeFileSync(path, installed);
        applyChange(planTake(readUserFile(path), claudeSettings, world.env), claudeSettings, world.env);
        expect(readFileSync(path, 'utf8')).toBe(text);
      }),
      { numRuns: 40 },
    );
  });

  it('make a file where there is none, which goes again with its folder', () => {
    const { world, path, install, remove } = settingsWorld();
    install();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(hookSettings());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    remove();
    expect(existsSync(dirname(path))).toBe(false);
    world.file('.claude/other', '');
    install();
    remove();
    expect(readdirSync(dirname(path))).toEqual(['other']);
    world.file('.claude/settings.json', ' \n');
    install();
    remove();
    expect(readFileSync(path, 'utf8')).toBe(' \n');
  });

  it('of another installation are replaced, and the undo still gives what was there first', () => {
    const { path, install, remove, read } = settingsWorld(commented);
    install();
    const own = read()!;
    const elsewhere = own.replaceAll(/exec \S*(?=\/shell)/g, 'exec /opt/old');
    writeFileSync(path, elsewhere.replace('"timeout": 5', '"timeout": 9'));
    install();
    expect(read()).toBe(own);
    remove();
    // What was installed was changed in between: nothing is known but our entries.
    expect(withoutOurs(read()!)).toEqual(withoutOurs(commented));
    expect(read()).not.toContain('cw-hook');
    expect(parse(read()!, [], { allowTrailingComma: true })).toEqual(
      parse(commented, [], { allowTrailingComma: true }),
    );
  });

  it.each([
    ['{ "a": 1', /:1:9 is no JSON/],
    ['{\n  "a" 1\n}', /settings\.json:2:7 is no JSON/],
    ['[]', /:1:1: settings are an object/],
    ['{"hooks": []}', /:1:11: "hooks" is to be an object/],
    ['{"hooks": {"Stop": {}}}', /"hooks\.Stop" is to be a list/],
    ['{"hooks": {}, "hooks": {"Stop": []}}', /has a key twice/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not in UTF-8/],
  ])('never touch what they do not understand: %j', (text, message) => {
    const { path, install, world } = settingsWorld('');
    writeFileSync(path, text);
    expect(install).toThrow(message);
    expect(readFileSync(path)).toEqual(Buffer.from(text));
    expect(existsSync(join(world.home, '.local/state/cw/user-files'))).toBe(false);
  });

  it('follow links to the file, and leave a read-only one alone', () => {
    const { world, path, install, remove } = settingsWorld('');
    const dotfiles = world.file('dotfiles/claude.json', '{}\n', 0o644);
    unlinkSync(path);
    symlinkSync('../dotfiles/claude.json', path);
    install();
    expect(readlinkSync(path)).toBe('../dotfiles/claude.json');
    expect(readFileSync(dotfiles, 'utf8')).toContain('cw-hook');
    expect(statSync(dotfiles).mode & 0o777).toBe(0o644);
    remove();
    expect(readFileSync(dotfiles, 'utf8')).toBe('{}\n');
    chmodSync(dotfiles, 0o444);
    expect(install).toThrow(/claude\.json is read-only/);
    unlinkSync(dotfiles);
    install(); // a link to nothing yet
    expect(readFileSync(dotfiles, 'utf8')).toContain('cw-hook');
    remove();
    expect(existsSync(dotfiles)).toBe(false);
    expect(readlinkSync(path)).toBe('../dotfiles/claude.json');
  });

  it('are not written over what changed since', () => {
    const { path, world } = settingsWorld('{}');
    const change = planPut(readUserFile(path), claudeSettings);
    writeFileSync(path, '{"a":1}');
    expect(applyChange(change, claudeSettings, world.env)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}');
  });

  it('are shown before, as the lines that change', () => {
    const long = Array.from({ length: 30 }, (_, n) => `  "key${n}": ${n},`);
    const text = [
      '{',
      ...long,
      '  "hooks": {',
      '    "Stop": []',
      '  },',
      ...long.reverse(),
      '  "z": 1',
      '}',
      '',
    ].join('\n');
    const { path } = settingsWorld(text);
    const lines = previewLines(planPut(readUserFile(path), claudeSettings));
    const side = (sign: string) => lines.filter((line) => line.startsWith(sign));
    expect(side('+').join('\n')).toContain('cw-hook SessionEnd');
    expect(side('-')).toEqual(['-     "Stop": []']);
    expect(side(' ')).toEqual(['    "key29": 29,', '    "hooks": {', '    },', '    "key29": 29,']);
    expect(previewLines({ file: readUserFile(path), after: text })).toEqual([]);
  });
});

describe('cw init claude', () => {
  it('shows, asks, writes, says so again, and takes back', async () => {
    const { init, read } = settingsWorld(commented);
    expect((await init(['--print'])).data).toMatchObject({ settings: hookSettings() });
    const refused = await init([]);
    expect(refused.kind).toBe('refused');
    expect(refused.notes.join()).toContain('cw-hook Stop');
    expect((await init([], false)).text).toBe('Nothing was written.');
    expect(read()).toBe(commented);
    expect((await init([], true)).text).toMatch(
      /The hooks are in ~\/\.claude\/settings\.json\.\nUndo: cw init claude --remove/,
    );
    expect(await init(['--yes'])).toMatchObject({ data: { changed: false } });
    expect((await init(['--remove', '--yes'])).data).toMatchObject({ changed: true });
    expect(read()).toBe(commented);
    expect((await init(['--remove'])).text).toMatch(/no hooks of cw/);
    for (const words of [
      ['--print', '--remove'],
      ['--user', '--project'],
    ])
      expect((await init(words)).kind).toBe('usage');
  });

  it('finds the settings of the user, of CLAUDE_CONFIG_DIR, and of the folder', async () => {
    const { world } = settingsWorld();
    const folder = join(world.home, 'project');
    mkdirSync(folder);
    const env = { ...world.env, CLAUDE_CONFIG_DIR: join(world.home, 'other') };
    expect(settingsPath('user', world.env, folder)).toBe(join(world.home, '.claude/settings.json'));
    expect(settingsPath('user', env, folder)).toBe(join(world.home, 'other/settings.json'));
    await runVerb(verb, ['claude', '--project', '--yes'], { env, cwd: folder });
    expect(readFileSync(join(folder, '.claude/settings.json'), 'utf8')).toContain('cw-hook');
    const undone = await runVerb(verb, ['claude', '--project', '--remove', '--yes'], { env, cwd: folder });
    expect(undone.kind).toBe('done');
    expect(existsSync(join(folder, '.claude'))).toBe(false);
  });

  it('asks again, on a terminal, when the file changes while the question stands', async () => {
    const { world, path, read } = settingsWorld('{}\n');
    const screen = terminal(world);
    screen.line('cw init claude');
    await screen.waitFor('the question', 'Write it? [y/N]');
    writeFileSync(path, '{"mine": 1}\n');
    screen.line('y');
    await screen.waitFor('it is asked again', /changed meanwhile[\s\S]*Write it\? \[y\/N\]/);
    expect(read()).toBe('{"mine": 1}\n');
    screen.line('y');
    await waitUntil('it is written', () => read()?.includes('cw-hook') && read()?.includes('"mine": 1'));
  });
});
