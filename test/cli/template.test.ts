import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verb } from '../../src/cli/commands/template.js';
import { parseTemplate } from '../../src/template/parse.js';
import { shippedTemplates } from '../../src/template/shipped.js';
import { envAt, folderWith, put } from '../project/folder.js';
import { runVerb } from './run-verb.js';

function user(files: Record<string, string> = {}) {
  const home = folderWith(files);
  const around = { env: envAt(home), cwd: home };
  return { home, template: (...words: string[]) => runVerb(verb, words, around) };
}

it('list names all, whose they are, and what is wrong with a broken one', async () => {
  const { template } = user({
    '.config/cw/templates/mine.yaml': 'description: My own\nwindows: [{name: a}]',
    '.config/cw/templates/react.yaml': 'widnows: []',
  });
  const { text, data } = await template('list');
  expect(text).toMatch(/^mine +yours +My own$/m);
  expect(text).toMatch(/^react +yours +broken: .*react\.yaml:1:1 {2}unknown key "widnows"/m);
  expect(text).toMatch(/^go +shipped +A Go module$/m);
  expect(data).toContainEqual(
    expect.objectContaining({ name: 'go', origin: 'shipped', description: 'A Go module' }),
  );
});

it('show prints YAML that is the resolved template', async () => {
  const { text } = await user().template('show', 'react');
  expect(parseTemplate(text, 'x')).toEqual((await shippedTemplates()).react);
  expect(await user().template('show', 'raect')).toMatchObject({
    kind: 'not-found',
    text: expect.stringContaining('Nearest: react'),
  });
  expect(await user().template('show', '')).toMatchObject({ kind: 'usage' });
});

it('detect says which and why', async () => {
  const { home, template } = user({ 'shop/package.json': '{"dependencies": {"react": "*"}}' });
  expect(await template('detect', 'shop')).toMatchObject({
    text: 'react: package.json depends on react',
    data: { path: join(home, 'shop'), name: 'react', origin: 'shipped' },
  });
  expect(await template('detect', 'shop/package.json')).toMatchObject({ kind: 'usage' });
  expect(await template('detect', 'nowhere')).toMatchObject({ kind: 'not-found' });
});

describe('validate', () => {
  it('takes every shipped template', async () => {
    const { template } = user();
    for (const name of Object.keys(await shippedTemplates())) {
      expect(await template('validate', name), name).toMatchObject({
        kind: 'done',
        data: { valid: true, name },
      });
    }
  });

  it.each<[string, string, string]>([
    ['a fault of YAML', 'windows: [', '~/t.yaml:1:'],
    ['a fault of a key', 'windows: [{nam: a}]', '~/t.yaml:1:12  unknown key "nam"'],
    ['a bad layout', 'windows: [{name: a, layout: tild, panes: [x, y]}]', '~/t.yaml: '],
    ['a cell without a pane', 'windows: [{name: a, layout: {rows: [1, 7]}, panes: [x, y]}]', '~/t.yaml: '],
    [
      'more panes than fit',
      `windows: [{name: a, layout: even-vertical, panes: [${Array(60).fill('x').join(', ')}]}]`,
      '~/t.yaml: ',
    ],
    [
      'a hole that nothing fills',
      'windows: [{name: "${nothing}"}]',
      '~/t.yaml: Nothing is known for ${nothing}',
    ],
    ['an unknown base', 'extends: raect', '~/t.yaml extends "raect"'],
    [
      'a fault in a manual window',
      'windows: [{name: b}, {name: a, manual: true, layout: {rows: [7]}}]',
      '~/t.yaml: ',
    ],
  ])('refuses %s', async (_, text, message) => {
    const { template } = user({ 't.yaml': text });
    const answer = await template('validate', './t.yaml');
    expect(answer.kind).toBe('failed');
    expect(answer.text.startsWith(message), answer.text).toBe(true);
  });

  it('without a word it is the .cw.yaml here', async () => {
    const { home, template } = user();
    expect(await template('validate')).toMatchObject({
      kind: 'not-found',
      text: 'There is no template file ~/.cw.yaml.',
    });
    put(home, { '.cw.yaml': 'env: {A: 1}' });
    expect(await template('validate')).toMatchObject({ kind: 'done' });
  });
});

describe('new', () => {
  it('writes a starter that is good, and never over another', async () => {
    const { home, template } = user();
    expect(await template('new', 'mine', '--from', 'react')).toMatchObject({
      kind: 'done',
      data: { extends: 'react' },
    });
    expect(await template('validate', 'mine')).toMatchObject({ kind: 'done' });
    const file = join(home, '.config/cw/templates/mine.yaml');
    put(home, { '.config/cw/templates/mine.yaml': 'env: {A: 1}' });
    expect(await template('new', 'mine')).toMatchObject({
      kind: 'refused',
      text: expect.stringContaining('is there already'),
    });
    expect(readFileSync(file, 'utf8')).toBe('env: {A: 1}');
    put(home, { '.config/cw/templates/other.yml': 'env: {A: 1}' });
    expect(await template('new', 'other')).toMatchObject({ kind: 'refused' });
  });

  it("of a shipped one's name extends that", async () => {
    const { template } = user();
    expect(await template('new', 'go')).toMatchObject({ kind: 'done', data: { extends: 'go' } });
    expect((await template('show', 'go')).text).toContain('gotestsum');
  });

  it.each(['../x', 'a b', '', '.x', '-x', 'a.yaml', 'é', 'x'.repeat(65)])(
    'cannot be named %j',
    async (name) => {
      const { home, template } = user();
      expect(await template('new', '--', name)).toMatchObject({ kind: 'usage' });
      expect(readdirSync(home)).toEqual([]);
    },
  );

  it('from nothing that is there writes nothing', async () => {
    const { home, template } = user();
    expect(await template('new', 'mine', '--from', 'raect')).toMatchObject({ kind: 'not-found' });
    expect(readdirSync(home)).toEqual([]);
  });
});
