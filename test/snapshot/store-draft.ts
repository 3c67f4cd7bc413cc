import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export { draftOf, workspace } from './store-draft-data.js';

/** A folder of one test, as `registryFolder` gives it. */
export function registry(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cw-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'host', 'tmux-0');
}
