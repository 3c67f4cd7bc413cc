import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watchFiles } from '../../src/daemon/watch-files.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

test('settings, templates and the named files are watched, and nothing else', async () => {
  const { folder } = sandbox();
  const at = (path: string) => join(folder, path);
  for (const path of ['config/templates', 'shop/node_modules', 'api'])
    mkdirSync(at(path), { recursive: true });
  const told: string[][] = [];
  const failures: unknown[] = [];
  const files = await watchFiles({
    folder: at('config'),
    changed: (paths) => told.push([...paths]),
    failed: (_what, error) => failures.push(error),
    quiet: 50,
  });
  onTestFinished(() => files.stop());
  files.setFiles([at('shop/.env.claude'), at('api/.env.claude'), at('gone/.env.claude')]);
  const seen = () => new Set(told.flat().map((path) => path.slice(folder.length + 1)));
  const change = async (path: string, how: () => void) => {
    told.length = 0;
    // chokidar says nothing of when it is ready for a file: changed again until it is seen.
    await waitUntil(`${path} is seen`, () => {
      how();
      return seen().has(path);
    });
  };

  await change('config/config.json', () => {
    writeFileSync(at('config/config.json.1.ab.tmp'), String(Math.random()));
    renameSync(at('config/config.json.1.ab.tmp'), at('config/config.json'));
  });
  expect([...seen()].filter((path) => path.endsWith('.tmp'))).toEqual([]);
  await change('config/templates/mine.yaml', () =>
    writeFileSync(at('config/templates/mine.yaml'), String(Math.random())),
  );
  writeFileSync(at('shop/package.json'), '{}');
  writeFileSync(at('shop/node_modules/.env.claude'), '');
  await change('shop/.env.claude', () => writeFileSync(at('shop/.env.claude'), String(Math.random())));
  expect([...seen()].filter((path) => /package.json|node_modules/.test(path))).toEqual([]);

  // A project that is closed is not watched any more; one that stays still is.
  files.setFiles([at('api/.env.claude')]);
  await change('api/.env.claude', () => writeFileSync(at('api/.env.claude'), String(Math.random())));
  await change('config/config.json', () => writeFileSync(at('config/config.json'), String(Math.random())));
  await change('config/config.json', () => {
    writeFileSync(at('shop/.env.claude'), String(Math.random()));
    writeFileSync(at('config/config.json'), String(Math.random()));
  });
  expect([...seen()]).not.toContain('shop/.env.claude');
  rmSync(at('api'), { recursive: true });
  await waitUntil('its end is seen', () => told.length > 0);
  expect(failures).toEqual([]);
});
