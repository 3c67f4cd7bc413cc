import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dialogOn } from '../../src/claude/dialogs.js';
import { installFakeClaude, press, ready } from '../support/claude.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { openWorkspace } from './open-workspace.js';

const trustOf329 = `
 Accessing workspace:
 /home/dev/shop
 Quick safety check: Is this a project you created or one you trust? (Like your own code, a
 well-known open source project, or work from your team).
 Claude Code'll be able to read, edit, and execute files here.
 ❯ No, exit
   Yes, I trust this folder
 Enter to confirm · Esc to cancel`;
const trustOf197 = `
│ Do you trust the files in this folder?
│ ❯ 1. Yes, I trust this folder
│   2. No, exit`;

describe('what a screen asks', () => {
  it.each([
    ['trust', trustOf329],
    ['trust', trustOf197],
    ['login', ' Select login method:\n ❯ 1. Claude account with subscription\n   2. Console account'],
    ['answer', ' Choose the text style that looks best\n ❯ 1. Auto\n   2. Dark mode'],
    ['answer', ' Do you want to use this API key?\n   Yes\n ❯ No (recommended)\n Enter to confirm'],
    ['answer', ' Security notes:\n Press Enter to continue…'],
    // What was said before has the sign of a choice.
    [null, '❯ do you trust this folder?\n● I do.'],
    [null, '❯\u00a0do you trust me'],
    [null, ' do you trust me\n❯\u00a0'],
    [null, '❯ 1. do you trust this folder?\n● Yes, I trust it. Enter to confirm\n❯\u00a0'],
    // A prompt of the shell has the same sign; a program that begins has nothing.
    [null, ''],
    [null, '$ claude'],
  ])('is %s', (asked, screen) => {
    expect(dialogOn(screen)).toBe(asked);
  });

  it('is read from any screen', () => {
    fc.assert(fc.property(fc.string(), (screen) => void dialogOn(screen)));
  });
});

describe('a Claude that asks whether it may trust the folder', () => {
  it.each(['2.1.329', '2.1.197'])('waits, and is not typed over (%s)', async (version) => {
    const world = sandbox();
    installFakeClaude(world, { trust: true, version });
    const shop = openWorkspace(world);
    await shop.conversation('start', 'cart');
    const row = await waitUntil('it waits', async () => {
      const { cart } = await shop.list();
      return cart?.state === 'waiting: trust' && cart;
    });
    const pane = world
      .tmux('list-panes', '-a', '-F', '#{pane_id} #{pane_active}')
      .split('\n')[1]!
      .split(' ')[0]!;
    const before = world.screen(pane);
    for (const name of ['cart', `shop:${pane}`, pane])
      expect(await shop.send(name, 'hello')).toMatchObject({
        kind: 'refused',
        text: expect.stringContaining('it waits for trust in the folder'),
        hint: expect.stringContaining('claude-switch --next'),
      });
    expect(world.screen(pane)).toBe(before);
    if (version === '2.1.329') press(world, pane, 'Down');
    press(world, pane, 'Enter');
    await ready(world, pane);
    await waitUntil('it is idle', async () => (await shop.list()).cart?.state === 'idle');
    expect(row.prompted).toBe(false);
  });
});
