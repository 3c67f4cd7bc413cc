import { trust, trustState } from '../project/trust.js';
import { tildePath } from '../system/paths.js';
import type { Context } from './command.js';

/**
 * Before a project is opened: what it wants to run by its own files is allowed by `--trust`, or by one question on
 * a terminal. Elsewhere it stays as it is, and the opening says what was left out.
 */
export async function ensureTrust(path: string, allowed: boolean, context: Context): Promise<void> {
  const report = trustState(path, context.env);
  if (report.state === 'trusted' || report.state === 'nothing-to-trust') return;
  if (!allowed) {
    if (!context.terminal.interactive || context.json) return;
    const { trustPicture } = await import('./trust-picture.js');
    context.note(trustPicture(report, context.env));
    if (!(await context.ask(`Trust ${tildePath(path, context.env)} to run this?`))) return;
  }
  await trust(report, context.env);
}
