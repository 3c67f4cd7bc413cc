import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { diff } from '../../src/blueprint/diff.js';
import { plan } from '../../src/blueprint/plan.js';
import { captureWorkspace } from '../../src/snapshot/capture.js';
import { isFolder } from '../../src/system/files.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { readSessions } from '../../src/tmux/reading.js';
import { applyPlan } from '../../src/workspace/apply.js';
import { serverFacts } from '../../src/workspace/build.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

it('capture(apply(plan(blueprint))) is the blueprint', async () => {
  const world = sandbox();
  const odd = join(world.home, `odd #{pane_id} #(touch pwned) 'x\ty;`);
  mkdirSync(odd);
  world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'other', 'sleep', '1000');
  const connection = processConnection({ args: ['-S', world.socket], socketPath: world.socket }, world.env);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryBlueprint([world.home, odd], { maxWindows: 3 }), async (blueprint) => {
      const nonce = `n${++run}`;
      const made = plan(blueprint, {
        ...serverFacts(await readSessions(connection), nonce, world.env),
        folderExists: isFolder,
      });
      const applied = await applyPlan(connection, made, { nonce, env: world.env });
      expect(applied.problems).toEqual([]);
      try {
        // A process that has just been started is not in its folder yet.
        await waitUntil(
          'the panes are in their folders',
          async () => {
            const captured = await captureWorkspace(connection, blueprint.id);
            expect(captured && diff(blueprint, captured.blueprint)).toEqual([]);
            return true;
          },
          5000,
        );
        const captured = await captureWorkspace(connection, blueprint.id);
        const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
        expect(captured?.blueprint).toEqual({
          ...blueprint,
          environment: blueprint.environment.toSorted(byName),
        });
      } finally {
        world.tmux('kill-session', '-t', applied.ids.get('session') ?? '');
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
