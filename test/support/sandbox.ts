import { onTestFinished } from 'vitest';
import { makeSandbox, type Sandbox } from './world.js';

export { type Ran, root, type Sandbox } from './world.js';

/** A sandbox of one test, taken down when that ends. */
export function sandbox(): Sandbox {
  const made = makeSandbox();
  onTestFinished(() => made.dispose());
  return made;
}

/**
 * Has tmux see which of its programs have ended. tmux 3.3a sometimes misses the signal that tells: the pane is dead then
 * and its exit code unknown, until the next child of the server ends.
 */
export function reapChildren(world: Sandbox): void {
  world.tmux('run-shell', '-b', 'true');
}
