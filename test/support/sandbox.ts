import { onTestFinished } from 'vitest';
import { makeSandbox, type Sandbox } from './world.js';

export { type Ran, root, type Sandbox } from './world.js';

/** A sandbox of one test, taken down when that ends. */
export function sandbox(): Sandbox {
  const made = makeSandbox();
  onTestFinished(() => made.dispose());
  return made;
}
