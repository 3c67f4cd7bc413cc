import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { verb } from '../../src/cli/commands/trust.js';
import { trustState } from '../../src/project/trust.js';
import { envAt, folderWith, put } from '../project/folder.js';
import { runVerb } from './run-verb.js';

const files = {
  'shop/.cw.yaml':
    'extends: node\nenv: {A: 1}\nhooks: {after_create: ./hook.sh}\nwindows:\n  - name: dev\n    panes: [npm run dev, {run: [make, {run: "printf \\"\\e[2J\\""}], shell: ./sh}]\n',
  'shop/.claude/config/project.json': '{"init_script": "./init.sh"}',
  'shop/init.sh': 'true',
  'shop/.env.claude': 'PATH=./bin\nPLAIN=1\n',
};

function user() {
  const home = folderWith(files);
  const env = envAt(home);
  return {
    home,
    state: () => trustState(join(home, 'shop'), env).state,
    trust: (words: string[], answer?: boolean) =>
      runVerb(verb, words, { env, cwd: home, ...(answer === undefined ? {} : { answer }) }),
  };
}

it('shows all that would run, and nothing that could steer the terminal', async () => {
  const { trust, state, home } = user();
  const { text, kind } = await trust(['shop/', '--show']);
  expect(kind).toBe('done');
  expect(text.replaceAll(home, '~')).toBe(
    [
      '~/shop wants to run this, of its own:',
      '  .cw.yaml',
      '    extends: node',
      '    environment A: 1',
      '    hook after_create: ./hook.sh',
      '    window dev, pane 1: npm run dev',
      '    window dev, pane 2: make',
      '    window dev, pane 2: printf "\\x1b[2J"',
      '    window dev, pane 2, shell: ./sh',
      '  .claude/config/project.json',
      '    init_script: ./init.sh',
      '  .env.claude',
      '    PATH=./bin',
      '  and the scripts init.sh, as they are now',
    ].join('\n'),
  );
  expect(state()).toBe('untrusted');
});

it('asks once on a terminal; elsewhere it needs --yes', async () => {
  const { trust, state, home } = user();
  expect(await trust(['./shop'])).toMatchObject({ kind: 'refused', hint: expect.stringContaining('--yes') });
  expect(state()).toBe('untrusted');
  const no = await trust(['./shop'], false);
  expect(no.text).toBe('Nothing was changed.');
  expect(no.notes).toHaveLength(2);
  expect(state()).toBe('untrusted');
  expect(await trust(['./shop'], true)).toMatchObject({ kind: 'done', data: { state: 'trusted' } });
  expect(state()).toBe('trusted');
  put(home, { 'shop/.cw.yaml': 'windows: [{name: evil}]' });
  expect(await trust(['./shop'])).toMatchObject({
    kind: 'refused',
    notes: [expect.stringContaining('has changed since')],
  });
  expect(await trust(['./shop', '--yes'])).toMatchObject({ kind: 'done' });
  expect(state()).toBe('trusted');
});

it('lists and takes back, also of a folder that is gone', async () => {
  const { trust, home } = user();
  expect((await trust(['--list'])).text).toBe('No project is trusted.');
  await trust(['./shop', '--trust']);
  expect((await trust(['--list'])).data).toMatchObject([{ path: join(home, 'shop'), state: 'trusted' }]);
  rmSync(join(home, 'shop'), { recursive: true });
  expect(await trust(['./shop', '--remove'])).toMatchObject({ kind: 'done' });
  expect(await trust(['./shop', '--remove'])).toMatchObject({ kind: 'not-found' });
});

it('says what is wrong with the words', async () => {
  const { trust } = user();
  expect(await trust(['--list', '--yes'])).toMatchObject({ kind: 'usage' });
  expect(await trust(['--list', './shop'])).toMatchObject({ kind: 'usage' });
  expect(await trust([''])).toMatchObject({ kind: 'usage' });
  expect(await trust(['./none'])).toMatchObject({ kind: 'not-found' });
  expect((await trust(['.'])).text).toContain('there is nothing to trust');
});
