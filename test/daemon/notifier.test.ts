import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readStore } from '../../src/claude/agent-store.js';
import { claudeStateFolder } from '../../src/claude/places.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { ask, installFakeClaude, prompt, ready } from '../support/claude.js';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

/** What told of each agent last, as the daemon has taken it. */
function evidence(world: Sandbox): string[] {
  const file = join(claudeStateFolder(serverFolder(world.socket, world.env)), 'agents.json');
  return [...readStore(file).agents.values()].map(({ verdict }) => verdict.evidence);
}

const template = `windows:
  - {name: code, panes: [&c {role: claude, run: claude}, *c, *c]}
  - {name: other, panes: [null, *c], focus: true}
`;

it('an agent that waits, is done or fails is told, unless the user looks at it', async () => {
  const world = sandbox();
  installFakeClaude(world);
  const file = join(world.home, 'told');
  const command = `printf '%s|%s|%s\\n' "$CW_KIND" "$CW_TITLE" "$CW_TEXT" >>'${file}'`;
  world.file('.config/cw/config.json', JSON.stringify({ 'notify.command': command }));
  const told = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  world.file('projects/shop/.cw.yaml', template);
  await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  const daemon = await withDaemon(world);
  const panes = world.tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{pane_id}').trim();
  const [one, two, three, , four] = panes.split('\n') as [string, string, string, string, string];
  for (const pane of [one, two, three, four]) await ready(world, pane);
  const user = terminal(world);
  user.line(`tmux -u -S ${world.socket} attach -t =claude-dev-shop`);
  await user.waitFor('the workspace is there', '1:other*');

  await prompt(world, one, 'permission');
  await user.waitFor('the wait is in the status line', `shop ${one} waits for a permission`);
  await ask(world, two, 'the first one');
  await user.waitFor('the end is in the status line', `shop ${two} is done: You said: the first one`);
  await waitUntil('both are told by the command', () => told().length === 2);
  expect(told()).toEqual([
    // The program's file can tell of it a moment before the hook does, which knows for what.
    expect.stringMatching(`^waiting\\|shop ${one} waits for a permission\\|(Bash npm test)?$`),
    `finished|shop ${two} is done|You said: the first one`,
  ]);

  const shown = () => world.tmux('show-options', '-s');
  await waitUntil('who waits is an option of the server', () => /^@cw_waiting shop$/m.test(shown()));
  expect(shown()).toMatch(/^@cw_waiting_since \d+$/m);
  expect(shown()).toMatch(/^@cw_idle 3$/m);
  const stateOf = (pane: string) => world.tmux('show-options', '-pqv', '-t', pane, '@cw_state').trim();
  expect([stateOf(one), stateOf(two)]).toEqual(['waiting permission', 'idle']);

  // Before his eyes it needs no telling.
  world.tmux('select-window', '-t', '=claude-dev-shop:code');
  user.keys('F12');
  await ask(world, three, 'the second one');
  await waitUntil(
    'the daemon has heard of it',
    () => evidence(world).filter((hook) => hook === 'Stop hook').length === 2,
  );
  await prompt(world, four, 'limit');
  await user.waitFor('the failure is in the status line', `shop ${four} failed: usage limit`);
  await waitUntil('it is told by the command', () => told().length > 2);
  expect(told()[2]).toBe(`failed|shop ${four} failed: usage limit|`);

  // A changed setting holds at once, and a broken command is in the log.
  world.tmux('select-window', '-t', '=claude-dev-shop:other');
  world.file('.config/cw/config.json', JSON.stringify({ 'notify.command': ['no-such-program'] }));
  await prompt(world, three, 'question');
  await waitUntil('the broken command is in the log', () =>
    daemon.log().some(({ level, msg }) => level === 'warn' && msg.includes('no-such-program cannot be run')),
  );
  expect(told()).toHaveLength(3);
  await daemon.stop();
  // Nobody knows any more.
  expect(shown()).not.toContain('@cw_');
  expect(stateOf(one)).toBe('');
});
