import { CwError } from '../errors.js';

/** Below this nothing of ours works: `new-session -e` and control-mode subscriptions came with 3.2. */
export const oldestVersion = 302;

/**
 * A version of tmux as major * 100 + minor: `3.3a` is 303, `next-3.4` is 304. Letters mark repairs and do not
 * count. `master` and OpenBSD's own builds follow the newest code, so they count as newer than all releases.
 *
 * @param text what `tmux -V` or `#{version}` prints.
 * @throws CwError `tmux-unusable` when it is older than 3.2, or no version at all.
 */
export function parseVersion(text: string): number {
  const word = text.trim().replace(/^tmux\s+/, '');
  if (word === 'master' || /^openbsd-\d/.test(word)) return 9999;
  const found = /^(?:next-)?(\d+)\.(\d+)(?:[a-z]|-rc\d*)*$/.exec(word);
  if (!found) {
    throw new CwError('tmux-unusable', `tmux says that its version is ${JSON.stringify(word)}.`, {
      hint: 'Run `tmux -V`: it should print something like "tmux 3.4".',
    });
  }
  const version = Number(found[1]) * 100 + Number(found[2]);
  if (version < oldestVersion) {
    throw new CwError('tmux-unusable', `tmux ${word} is too old: 3.2 or newer is needed.`, {
      hint: 'Install a newer tmux, and end the server that still runs the old one: tmux kill-server',
    });
  }
  return version;
}
