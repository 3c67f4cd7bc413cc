import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlobStore } from '../../src/snapshot/blobs.js';
import { captureWorkspace } from '../../src/snapshot/capture.js';
import { restoreWorkspace } from '../../src/snapshot/restore.js';
import { Saver } from '../../src/snapshot/save.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { applyBlueprint } from '../../src/workspace/build.js';
import { newWorkspaceId, Registry } from '../../src/workspace/registry.js';
import { readIfRunning } from '../../src/workspace/start-server.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { end, expectSound, faultyTmux, json, opened, panesOf, serverPid, sessionsOf } from './support.js';

const template = `windows:
  - {name: "code #{pid}", panes: [sleep 100000, {run: sleep 100000, title: "a # title"}]}
  - {name: two, panes: [null]}
`;

it.each([
  ['before', 'kill -KILL $caller'],
  ['after', '"$real" "$@"; code=$?; kill -KILL $caller; exit $code'],
])('a restore that is killed %s any of its calls of tmux is made whole by the next one', async (_, fault) => {
  const world = sandbox();
  await opened(world, template);
  await json(world, 'save');
  for (let at = 1; ; at += 1) {
    await end(serverPid(world));
    const ran = await world.cw(['restore', '--all'], { env: faultyTmux(world, at, fault) });
    if (ran.code === 0) {
      expect(at).toBeGreaterThan(3);
      break;
    }
    await json(world, 'restore', '--all');
    // The client that it left behind may still have been at work.
    await waitUntil('what was left is gone', () => {
      expect(sessionsOf(world)).toEqual(['claude-dev-shop']);
      return true;
    });
    expect(panesOf(world)).toHaveLength(3);
    expect(world.tmux('show-options', '-s')).not.toContain('@cw_v');
    await expectSound(world);
  }
});

it('capture, restore and capture again give the same, whatever a workspace holds', async () => {
  const world = sandbox();
  const odd = join(world.home, `odd #{pane_id} #(touch pwned) 'x\ty;`);
  mkdirSync(odd);
  world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'other', 'sleep', '100000');
  const connection = processConnection(serverAddress(world.env), world.env);
  const registry = new Registry(connection.address, world.env);
  const settings = loadSettings(world.env, () => {});
  const options = {
    run: false,
    dryRun: false,
    patterns: [],
    paneHistory: true,
    knowsPrograms: true,
    isNewest: true,
    env: world.env,
  };
  const present = async (id: string) => (await captureWorkspace(connection, id))?.blueprint;
  await fc.assert(
    fc.asyncProperty(arbitraryBlueprint([world.home, odd], { maxWindows: 3 }), async (drawn) => {
      const id = newWorkspaceId();
      const server = await readIfRunning(connection);
      await applyBlueprint(connection, registry, { ...drawn, id }, server, world.env);
      await waitUntil('the panes are in their folders', async () => {
        const paths = (await present(id))?.windows.flatMap(({ panes }) => panes.map(({ cwd }) => cwd));
        expect(paths).toEqual(drawn.windows.flatMap(({ panes }) => panes.map(({ cwd }) => cwd)));
        return true;
      });
      const [saved] = await new Saver(connection, registry, settings).save({
        reason: 'manual',
        only: new Set([id]),
      });
      expect(saved).toMatchObject({ workspace: id, written: true, failure: null });
      const snapshot = await new SnapshotStore(registry.folder, id).latest();
      if (!snapshot) throw new Error('it was not saved');
      world.tmux('kill-session', '-t', `=${drawn.session}`);

      const report = await restoreWorkspace(
        connection,
        registry,
        new BlobStore(registry.folder),
        snapshot,
        options,
      );
      expect(report).toMatchObject({ created: true, problems: [] });
      // Programs are not started; all else is as it was.
      const asleep = (blueprint: typeof snapshot.blueprint) => ({
        ...blueprint,
        windows: blueprint.windows.map((window) => ({
          ...window,
          panes: window.panes.map((pane) => ({ ...pane, startCommand: null, run: null })),
        })),
      });
      await waitUntil(
        'it is as it was',
        async () => {
          const now = await present(id);
          expect(now && asleep(now)).toEqual(asleep(snapshot.blueprint));
          return true;
        },
        5000,
      );
      world.tmux('kill-session', '-t', `=${drawn.session}`);
    }),
    { numRuns: 6, endOnFailure: true },
  );
  expect(sessionsOf(world)).toEqual(['other']);
});
