import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { isFolder, readTextIfAny } from '../system/files.js';
import { packageFolder, shellWord } from '../system/paths.js';
import { run } from '../system/run.js';
import { hookTimeout } from './hook-settings.js';
import { spoolFolder } from './places.js';
import { Spool } from './spool.js';

/** What became of a hook that was run as Claude Code runs it. */
export type HookProbe =
  | { readonly came: true /** Milliseconds that Claude Code would have waited. */; readonly ms: number }
  | { readonly came: false; readonly launcher: string; readonly why: string };

/** No event of Claude Code's: whoever takes the spool passes over it, so a probe changes nothing. */
const probeEvent = 'Probe';

/**
 * Runs the installed hook with an event of no meaning, and looks whether it arrives in the spool and is taken out again.
 *
 * @param take takes what is in the spool, as the daemon does; not called where there is no spool yet, since then no
 *   Claude has a hook that could leave anything (the hook is run with a folder of its own then).
 */
export async function probeHook(
  registryFolder: string,
  env: NodeJS.ProcessEnv,
  take: () => Promise<unknown>,
): Promise<HookProbe> {
  const launcher = join(packageFolder(), 'shell/cw-hook');
  const failed = (why: string): HookProbe => ({ came: false, launcher, why });
  const isReal = isFolder(spoolFolder(registryFolder));
  const folder = isReal ? spoolFolder(registryFolder) : mkdtempSync(join(tmpdir(), 'cw-probe-'));
  try {
    try {
      accessSync(launcher, constants.X_OK);
    } catch {
      return failed('it is not there, or cannot be run');
    }
    const spool = new Spool(folder);
    const from = spool.end();
    const begun = performance.now();
    const ran = await run('/bin/sh', ['-c', `exec ${shellWord(launcher)} ${probeEvent}`], {
      env: { ...env, CW_SPOOL: folder },
      input: JSON.stringify({ hook_event_name: probeEvent }),
      timeout: hookTimeout * 1000,
    });
    const ms = performance.now() - begun;
    if (ran.timedOut) return failed(`it did not end within ${hookTimeout} s`);
    if (ran.exitCode !== 0) return failed(`it ended with ${ran.exitCode ?? ran.failedToStart ?? 'a signal'}`);
    // It was started by us: who called it is what it notes first.
    const line = spool.read(from).broken.find((text) => text.startsWith(`1 ${probeEvent} ${process.pid}:`));
    if (line === undefined)
      return failed(`nothing arrived in ${folder}: is the disk full, or the folder closed?`);
    if (!isReal) return { came: true, ms };
    const file = line.split(' ')[3] ?? '-';
    await take();
    if (file !== '-' && existsSync(join(folder, file)))
      return failed('it arrived, and was not taken out again');
    return { came: true, ms };
  } catch (error) {
    return failed(messageOf(error));
  } finally {
    if (!isReal) rmSync(folder, { recursive: true, force: true });
  }
}

/** True where Claude Code's settings in a folder switch all hooks off. */
export function areHooksOff(claudeFolder: string): boolean {
  try {
    const value: unknown = JSON.parse(readTextIfAny(join(claudeFolder, 'settings.json')) ?? '{}');
    return (value as { disableAllHooks?: unknown } | null)?.disableAllHooks === true;
  } catch {
    return false; // what does not parse is not followed by Claude Code either
  }
}
