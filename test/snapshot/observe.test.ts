import { expect, test } from 'vitest';
import { Saver } from '../../src/snapshot/save.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { newWorkspaceId, Registry } from '../../src/workspace/registry.js';
import { sandbox } from '../support/sandbox.js';

test('options and variables are read again where something tells that they changed, and for all at a full save', async () => {
  const world = sandbox();
  const address = { args: ['-S', world.socket], socketPath: world.socket };
  const connection = processConnection(address, world.env);
  const id = newWorkspaceId();
  world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-shop', '-c', world.home, 'cat');
  world.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_id', id);
  let asked = 0;
  const counting: typeof connection = {
    ...connection,
    batch: (commands, options) => {
      if (commands.some(([name]) => name === 'show-environment')) asked++;
      return connection.batch(commands, options);
    },
  };
  const registry = new Registry(address, world.env);
  const saver = new Saver(counting, registry, { scrollbackLines: 0, paneHistory: false });
  const saved = async (reason: 'change' | 'schedule') => {
    await saver.save({ reason });
    return (await saver.store(id).latest())?.blueprint.environment.map(({ value }) => value);
  };
  expect(await saved('change')).toEqual([]);
  world.tmux('set-environment', '-t', '=claude-dev-shop:', 'STAGE', 'one');
  expect(await saved('change')).toEqual([]);
  expect(asked).toBe(1);
  // What the daemon's hook does with each variable that is set.
  world.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_bell', '1');
  expect(await saved('change')).toEqual(['one']);
  world.tmux('set-environment', '-t', '=claude-dev-shop:', 'STAGE', 'two');
  expect(await saved('schedule')).toEqual(['two']);
  world.tmux('set-option', '-w', '-t', '=claude-dev-shop:', 'synchronize-panes', 'on');
  await saved('change');
  expect((await saver.store(id).latest())?.blueprint.windows[0]?.options).toMatchObject({
    'synchronize-panes': 'on',
  });
});
