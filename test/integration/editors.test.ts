import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verb } from '../../src/cli/commands/init.js';
import { vscodeProfile, vscodeTasks, zedTasks } from '../../src/integration/editors.js';
import { runVerb } from '../cli/run-verb.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

/** The schema of tasks.json as VS Code publishes it (code.visualstudio.com/docs/reference/tasks-appendix). */
const pattern = z.strictObject({
  kind: z.enum(['file', 'location']).optional(),
  regexp: z.string(),
  file: z.number().optional(),
  location: z.number().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
  endLine: z.number().optional(),
  endColumn: z.number().optional(),
  severity: z.number().optional(),
  code: z.number().optional(),
  message: z.number().optional(),
  loop: z.boolean().optional(),
});
const matcher = z.strictObject({
  base: z.string().optional(),
  owner: z.string().optional(),
  source: z.string().optional(),
  severity: z.enum(['error', 'warning', 'info']).optional(),
  fileLocation: z.union([z.string(), z.array(z.string())]).optional(),
  pattern: z.union([z.string(), pattern, z.array(pattern)]).optional(),
});
const task = z.strictObject({
  label: z.string(),
  type: z.enum(['shell', 'process']),
  command: z.string(),
  isBackground: z.boolean().optional(),
  args: z.array(z.string()).optional(),
  options: z
    .strictObject({ cwd: z.string().optional(), env: z.record(z.string(), z.string()).optional() })
    .optional(),
  group: z.string().optional(),
  presentation: z
    .strictObject({
      reveal: z.enum(['never', 'silent', 'always']).optional(),
      revealProblems: z.enum(['never', 'onProblem', 'always']).optional(),
      echo: z.boolean().optional(),
      focus: z.boolean().optional(),
      panel: z.enum(['shared', 'dedicated', 'new']).optional(),
      showReuseMessage: z.boolean().optional(),
      clear: z.boolean().optional(),
      close: z.boolean().optional(),
      group: z.string().optional(),
    })
    .optional(),
  problemMatcher: z.union([z.string(), matcher, z.array(z.union([z.string(), matcher]))]).optional(),
  runOptions: z
    .strictObject({
      reevaluateOnRerun: z.boolean().optional(),
      runOn: z.enum(['default', 'folderOpen']).optional(),
      instanceLimit: z.number().optional(),
    })
    .optional(),
});
const tasksFile = z.strictObject({ version: z.literal('2.0.0'), tasks: z.array(task) });

/** The words of a task as VS Code hands them to the user's shell, which quotes those with blanks. */
function commandLine(text: string, label: string, folder: string): string {
  const { tasks } = tasksFile.parse(parse(text));
  const { command, args = [] } = tasks.find((one) => one.label === label)!;
  const words = args.map((word) => word.replaceAll('${workspaceFolder}', folder));
  return [command, ...words.map((word) => (/\s/.test(word) ? `'${word}'` : word))].join(' ');
}

const commented = `\ufeff{
\t// mine
\t"version": "2.0.0",
\t"tasks": [
\t\t{ "label": "build", "type": "shell", "command": "make", /* all */ },
\t],
\t"inputs": [],
}
`.replaceAll('\n', '\r\n');

describe('the tasks of an editor', () => {
  it('are as VS Code publishes its schema', () => {
    for (const onOpen of [false, true])
      expect(() => tasksFile.parse(JSON.parse(vscodeTasks(onOpen).put(null, 'tasks.json')))).not.toThrow();
    expect(vscodeTasks(true).put(null, '')).toContain('"runOn": "folderOpen"');
    expect(vscodeTasks(false).put(null, '')).not.toContain('runOn');
  });

  it('come beside those of the user, whose comments, form and order stay, and go again', () => {
    const edit = vscodeTasks(false);
    const once = edit.put(commented, 'tasks.json');
    expect(edit.put(once, 'tasks.json')).toBe(once);
    expect(once).toContain('\t// mine\r\n');
    expect(once).toContain('"make", /* all */ },');
    expect(once).not.toMatch(/[^\r]\n/);
    expect(once).toContain('\r\n\t\t\t"type": "shell"');
    const { tasks } = parse(once.slice(1), [], { allowTrailingComma: true }) as {
      tasks: { label: string }[];
    };
    expect(tasks.map(({ label }) => label)).toEqual([
      'build',
      'cw: attach',
      'cw: dashboard',
      'cw: health',
      'cw: save',
    ]);
    // Asked for in another form, only that one changes, where it stands.
    const onOpen = vscodeTasks(true).put(once, 'tasks.json');
    expect(onOpen).toContain('folderOpen');
    expect(edit.put(onOpen, 'tasks.json')).toBe(once);
  });

  it('come and go in files of any form', () => {
    const mine = fc.record({ label: fc.string(), command: fc.string(), args: fc.array(fc.string()) });
    const form = fc.constantFrom(undefined, 2, 4, '\t');
    fc.assert(
      fc.property(fc.array(mine, { maxLength: 3 }), form, fc.boolean(), (list, indent, hasVersion) => {
        for (const [edit, value] of [
          [vscodeTasks(false), { ...(hasVersion && { version: '2.0.0' }), tasks: list }],
          [zedTasks, list],
        ] as const) {
          const before = JSON.stringify(value, null, indent);
          const once = edit.put(before, 'f');
          expect(edit.isIn(once)).toBe(true);
          expect(edit.put(once, 'f')).toBe(once);
          const after = edit.take(once, 'f', before)!;
          expect(edit.isIn(after)).toBe(false);
          expect(JSON.parse(after)).toEqual(value);
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['{"version": "0.1.0", "tasks": []}', /version "0\.1\.0" of tasks is not known/],
    ['{"tasks": {}}', /"tasks" is to be a list/],
    ['[]', /the file is to be an object/],
    ['{"tasks": [}', /is no JSON/],
    ['{"tasks": [], "tasks": []}', /has "tasks" twice/],
  ])('leave alone what they do not understand: %s', (text, message) => {
    expect(() => vscodeTasks(false).put(text, 'tasks.json')).toThrow(message);
  });

  it('and the profile come beside the settings that are there', () => {
    const before =
      '{\n  // big\n  "editor.fontSize": 20,\n  "terminal.integrated.profiles.linux": { "zsh": { "path": "zsh" } }\n}\n';
    const once = vscodeProfile.put(before, 'settings.json');
    expect(vscodeProfile.put(once, 'settings.json')).toBe(once);
    const read = parse(once) as Record<string, Record<string, unknown>>;
    expect(Object.keys(read['terminal.integrated.profiles.linux']!)).toEqual(['zsh', 'cw']);
    expect(read['terminal.integrated.profiles.osx']!.cw).toEqual({
      path: 'cw',
      args: ['up', '${workspaceFolder}'],
      icon: 'terminal-tmux',
    });
    expect(parse(vscodeProfile.take(once, 'settings.json', before)!)).toEqual(parse(before));
  });
});

describe('cw init vscode', () => {
  const init = (world: Sandbox, ...words: string[]) =>
    runVerb(verb, words, { env: world.env, cwd: join(world.home, 'project') });

  it('shows, writes, and gives back byte for byte, also the folder that was not there', async () => {
    const world = sandbox();
    const folder = join(world.home, 'project/.vscode');
    mkdirSync(join(world.home, 'project'));
    const shown = await init(world, 'vscode');
    expect(shown.kind).toBe('refused');
    expect(shown.notes.join('\n')).toContain('+       "label": "cw: attach"');
    expect((await init(world, 'vscode', '--profile', '--yes')).text).toContain(
      'Undo: cw init vscode --remove',
    );
    expect((await init(world, 'vscode', '--profile', '--yes')).text).toMatch(/already\..*\n.*already\./);
    expect(existsSync(join(folder, 'settings.json'))).toBe(true);
    expect((await init(world, 'vscode', '--remove', '--yes')).kind).toBe('done');
    expect(existsSync(folder)).toBe(false);
    mkdirSync(folder);
    writeFileSync(join(folder, 'tasks.json'), commented);
    await init(world, 'vscode', '--yes');
    await init(world, 'vscode', '--remove', '--yes');
    expect(readFileSync(join(folder, 'tasks.json'), 'utf8')).toBe(commented);
    await init(world, 'zed', '--yes');
    expect(JSON.parse(readFileSync(join(world.home, 'project/.zed/tasks.json'), 'utf8'))).toHaveLength(4);
    await init(world, 'zed', '--remove', '--yes');
    expect(existsSync(join(world.home, 'project/.zed'))).toBe(false);
    expect((await init(world, 'vscode', 'nowhere')).kind).toBe('not-found');
  });

  it('makes tasks that attach, save and tell of health in a terminal of VS Code, inside tmux too', async () => {
    const world = sandbox();
    const path = join(world.home, 'an old name');
    world.file('an old name/.cw.yaml', 'windows: [{name: code, panes: [null]}]\n');
    await world.cw(['trust', '--yes', path]);
    await world.cw(['up', '--detach', '--name', 'shop', path]);
    await world.cw(['kill', 'shop', '--yes']);
    const text = vscodeTasks(false).put(null, 'tasks.json');
    // VS Code was started in a pane of the very server: its terminals inherit the pane's $TMUX.
    world.tmux('new-session', '-d', '-s', 'mine');
    const [socket, pid] = world.tmux('display-message', '-p', '#{socket_path},#{pid}').trim().split(',');
    const { CW_TMUX_SOCKET: _, ...env } = world.env;
    const screen = terminal({
      ...world,
      env: { ...env, TERM_PROGRAM: 'vscode', CODE_TMUX: `${socket},${pid},0` },
    });
    screen.line('export TMUX="$CODE_TMUX" TMUX_PANE=%0');
    screen.line(commandLine(text, 'cw: attach', path));
    await waitUntil(
      'this terminal is a client of the workspace',
      () => world.tmux('list-clients', '-F', '#{session_name}').trim() === 'claude-dev-shop',
    );
    screen.keys('C-b', 'd');
    await screen.waitFor('it is left', 'detached');
    screen.line('clear');
    screen.line(commandLine(text, 'cw: save', path));
    await screen.waitFor('it is saved', /shop +snapshot/);
    world.tmux('set-option', '-p', '-t', 'claude-dev-shop:', 'remain-on-exit', 'on');
    world.tmux('respawn-pane', '-k', '-t', 'claude-dev-shop:', 'exit 4');
    const health = await waitUntil('the dead pane is told', () => {
      const ran = world.run('sh', ['-c', commandLine(text, 'cw: health', path)], {
        env: { PATH: `${process.cwd()}/bin:${process.env.PATH}` },
      });
      return Promise.resolve(ran).then(({ stdout }) => stdout.includes('is dead') && stdout);
    });
    const { tasks } = tasksFile.parse(parse(text));
    const told = tasks.find(({ label }) => label === 'cw: health')!.problemMatcher as z.infer<typeof matcher>;
    const { regexp, file, severity, message } = told.pattern as z.infer<typeof pattern>;
    const matches = health
      .trim()
      .split('\n')
      .map((line) => new RegExp(regexp).exec(line));
    expect(matches.every((match) => match !== null)).toBe(true);
    const dead = matches.find((match) => match![message!]!.includes('is dead'))!;
    expect([dead[file!], dead[severity!]]).toEqual([join(path, '.cw.yaml'), 'error']);
    rmSync(path, { recursive: true });
  });
});
