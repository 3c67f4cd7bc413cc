import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { trust, trustState } from '../../src/project/trust.js';
import { chooseTemplate, type TemplateRequest } from '../../src/template/choose.js';
import { compiledTemplatesText } from '../../src/template/compile.js';
import { loadTemplate, templateNames } from '../../src/template/load.js';
import { mergeTemplates } from '../../src/template/merge.js';
import { parseTemplate } from '../../src/template/parse.js';
import { shippedTemplates } from '../../src/template/shipped.js';
import { starterTemplate } from '../../src/template/starter.js';
import { envAt, folderWith } from '../project/folder.js';
import { root } from '../support/sandbox.js';

/** A home with the user's own templates. */
function home(templates: Record<string, string> = {}): NodeJS.ProcessEnv {
  const files = Object.entries(templates).map(([name, text]) => [`.config/cw/templates/${name}`, text]);
  return envAt(folderWith(Object.fromEntries(files)));
}

describe('merging', () => {
  it("windows by name in the base's order, maps by key, the rest replaced", () => {
    const base = parseTemplate(
      'description: base\nextends: x\ndetect: {priority: 1, any: [{file: a}]}\nhistory_limit: 1\nenv: {A: 1, B: 1}\nhooks: {on_attach: a, on_detach: b}\n' +
        'windows:\n  - {name: one, layout: tiled, options: {a: 1}, panes: [x, y]}\n  - {name: two, panes: [z]}\n',
      'base',
    );
    const over = parseTemplate(
      'extends: base\nenv: {B: 2}\nhistory_limit: 2\nhooks: {on_attach: c}\n' +
        'windows:\n  - {name: three}\n  - {name: two, focus: true}\n  - {name: one, options: {b: 2}, panes: [q]}\n',
      'over',
    );
    expect(mergeTemplates(base, over)).toEqual({
      history_limit: 2,
      env: { A: 1, B: 2 },
      hooks: { on_attach: 'c', on_detach: 'b' },
      windows: [
        // The base's layout was for two panes.
        { name: 'one', options: { a: 1, b: 2 }, panes: ['q'] },
        { name: 'two', panes: ['z'], focus: true },
        { name: 'three' },
      ],
    });
  });
});

describe('finding', () => {
  it("the user's before the shipped one, which it may extend by the same name", async () => {
    const env = home({
      'react.yml': 'extends: react\nwindows: [{name: mine}]',
      'own.yaml': 'extends: react\nwindows: [{name: last}]',
    });
    const react = await loadTemplate('react', env);
    expect(react.origin).toBe('user');
    expect(react.template.windows?.map((window) => window.name)).toEqual([
      'code',
      'dev',
      'test',
      'storybook',
      'mine',
    ]);
    const own = await loadTemplate('own', env);
    expect(own.template.windows?.map((window) => window.name).slice(-2)).toEqual(['mine', 'last']);
    expect(own.template).not.toHaveProperty('detect');
    expect((await loadTemplate('go', env)).origin).toBe('shipped');
    expect(await templateNames(env)).toContain('own');
  });

  it('one without windows has the default picture', async () => {
    const { template } = await loadTemplate('bare', home({ 'bare.yaml': 'env: {A: 1}' }));
    expect(template.windows?.[0]?.panes).toHaveLength(4);
  });

  it.each<[string, Record<string, string>, string, string]>([
    ['an unknown name', {}, 'raect', 'No template "raect". Nearest: react.'],
    ["a prototype's name", {}, 'constructor', 'No template "constructor".'],
    [
      'an unknown base',
      { 'a.yaml': 'extends: raect' },
      'a',
      '/a.yaml extends "raect", and there is no such template.',
    ],
    [
      'a circle',
      { 'a.yaml': 'extends: b', 'b.yaml': 'extends: c', 'c.yaml': 'extends: b' },
      'a',
      'in a circle: b -> c -> b.',
    ],
    ['itself', { 'a.yaml': 'extends: a' }, 'a', 'extends "a", and there is no such template.'],
    ['two of one name', { 'a.yaml': 'env: {}', 'a.yml': 'env: {}' }, 'a', 'Two templates are named "a"'],
    [
      'a fault',
      { 'a.yaml': 'windows: 3' },
      'a',
      '~/.config/cw/templates/a.yaml:1:10  "windows" must be a list'.slice(1),
    ],
    ['a fault in a base', { 'a.yaml': 'extends: b', 'b.yaml': 'windows: 3' }, 'a', 'b.yaml:1:10'],
  ])('%s', async (_, templates, name, message) => {
    await expect(loadTemplate(name, home(templates))).rejects.toThrow(message);
  });
});

describe('choosing', () => {
  const choose = (path: string, more: Partial<TemplateRequest> = {}) =>
    chooseTemplate({ path, trusted: false, env: home(), cwd: path, ...more });
  const brief = async (path: string, more: Partial<TemplateRequest> = {}) => {
    const { name, origin, reason, notes } = await choose(path, more);
    return { name, origin, reason, notes };
  };
  const everything = {
    '.cw.yaml': 'windows: [{name: mine}]',
    '.claude/config/project.json': '{"project_type": "python"}',
    'go.mod': '',
  };

  it('--template, then .cw.yaml, project.json, the setting, the markers, generic', async () => {
    const path = folderWith(everything);
    expect(await brief(path, { trusted: true, explicit: 'rust' })).toMatchObject({
      name: 'rust',
      reason: '--template rust',
    });
    expect(await brief(path, { trusted: true })).toMatchObject({ name: '.cw.yaml', origin: 'project' });
    const { '.cw.yaml': _, ...withoutOwn } = everything;
    const second = folderWith(withoutOwn);
    expect(await brief(second)).toMatchObject({
      name: 'python',
      reason: 'project_type is "python" in .claude/config/project.json',
    });
    const third = folderWith({ 'go.mod': '' });
    expect(await brief(third, { preferred: 'rust' })).toMatchObject({ name: 'rust' });
    expect(await brief(third)).toMatchObject({ name: 'go', reason: 'it has go.mod' });
    expect(await brief(folderWith({}))).toMatchObject({ name: 'generic', reason: 'no sign of a known type' });
  });

  it("untrusted, .cw.yaml is passed over, also by --template, and project_type names no template of the user's", async () => {
    const path = folderWith(everything);
    const untrusted = await brief(path);
    expect(untrusted).toMatchObject({ name: 'python', notes: [expect.stringContaining('cw trust')] });
    await expect(choose(path, { explicit: './.cw.yaml' })).rejects.toMatchObject({ kind: 'refused' });
    const env = home({ 'mine.yaml': 'windows: [{name: m}]' });
    const named = folderWith({ '.claude/config/project.json': '{"project_type": "mine"}', 'go.mod': '' });
    expect(await brief(named, { env })).toMatchObject({
      name: 'go',
      notes: [expect.stringContaining('project_type "mine"')],
    });
    expect(await brief(named, { env, trusted: true })).toMatchObject({ name: 'mine', origin: 'user' });
    // And what `cw trust` remembers covers just this.
    await trust(trustState(named, env), env);
    expect(trustState(named, env).state).toBe('trusted');
  });

  it('a .cw.yaml without windows is laid over the template of the type', async () => {
    const path = folderWith({ '.cw.yaml': 'env: {A: 1}', 'Cargo.toml': '' });
    const { template, name } = await choose(path, { trusted: true });
    expect(name).toBe('rust');
    expect(template.env).toEqual({ A: 1 });
    expect(template.windows?.map((window) => window.name)).toEqual(['code', 'test']);
  });

  it("a user's template with markers is detected; a broken one keeps no project from opening", async () => {
    const env = home({
      'mine.yaml': 'detect: {priority: 200, any: [{file: go.mod}]}\nwindows: [{name: m}]',
      'broken.yaml': 'detect: 3',
      'ignored.yaml': 'windows: 3',
    });
    expect(await brief(folderWith({ 'go.mod': '' }), { env })).toMatchObject({
      name: 'mine',
      notes: [expect.stringMatching(/^The template "broken" is passed over: .*broken\.yaml:1:9/)],
    });
  });

  it('a file by --template', async () => {
    const path = folderWith({ 'x/t.yaml': 'windows: [{name: here}]' });
    expect(await brief(path, { explicit: 'x/t.yaml' })).toMatchObject({ name: 't', origin: 'file' });
    await expect(choose(path, { explicit: 'x/none.yaml' })).rejects.toMatchObject({ kind: 'not-found' });
    await expect(choose(path, { trusted: true, explicit: 'nope' })).rejects.toMatchObject({
      kind: 'not-found',
    });
  });
});

describe('the shipped ones', () => {
  it('are what the build compiles, each with a description, and the types with markers', async () => {
    const compiled = JSON.parse(await compiledTemplatesText());
    expect(compiled).toEqual(await shippedTemplates());
    expect(Object.keys(compiled).sort()).toEqual(
      'cpp dotnet elixir generic go java monitoring next node php python react ruby rust scratch vite'.split(
        ' ',
      ),
    );
    for (const [name, template] of Object.entries<{
      description?: string;
      detect?: object;
      extends?: string;
    }>(compiled)) {
      expect(template.description, name).toBeTruthy();
      expect(template.extends, name).toBeUndefined();
      expect(Boolean(template.detect), name).toBe(!['generic', 'monitoring', 'scratch'].includes(name));
    }
  });

  it('point editors to the schema', () => {
    for (const file of readdirSync(join(root, 'templates'))) {
      const [first] = readFileSync(join(root, 'templates', file), 'utf8').split('\n');
      expect(first, file).toBe('# yaml-language-server: $schema=../schema/template.json');
    }
  });
});

it('the starter is a template, also with its examples uncommented', () => {
  const text = starterTemplate('mine', 'react');
  expect(parseTemplate(text, 'x')).toEqual({ description: 'My own, over react', extends: 'react' });
  const all = text.replace(/^# (?=[ a-z_]+:| {2}|-)/gm, '').replace(/^(schema|yaml-language).*$/gm, '');
  expect(Object.keys(parseTemplate(all, 'x'))).toEqual([
    'description',
    'extends',
    'detect',
    'vars',
    'env',
    'options',
    'history_limit',
    'hooks',
    'windows',
  ]);
});
