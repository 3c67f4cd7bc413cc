import { CwError, messageOf } from '../../errors.js';
import { isKept, readShares, type ShareRecord } from '../../share/record.js';
import { endShare } from '../../share/unshare.js';
import { Registry } from '../../workspace/registry.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'unshare',
  summary: 'End what cw share began.',
  description:
    'Who looks is told, and sees nothing more at once. What --write gave is taken back: tmux puts its users out, and their access to its socket is gone. Without a name all shares end.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'Workspaces that are shared.', variadic: true },
  ],
  examples: [
    { line: 'cw unshare', does: 'Nobody sees anything any more.' },
    { line: 'cw unshare shop', does: 'End the share of one workspace.', exit: 3 },
  ],
  async run(args, context) {
    const connection = context.tmux();
    const { env } = context;
    const { folder } = new Registry(connection.address, env);
    const shares = readShares(folder);
    const chosen =
      args.rest.length === 0 ? shares : [...new Set(args.rest.flatMap((name) => called(name, shares)))];
    if (chosen.length === 0) return { data: [], text: 'Nothing is shared.' };
    const failures: string[] = [];
    const lines: string[] = [];
    for (const share of chosen) {
      const was = isKept(share);
      try {
        await endShare(connection, folder, share, env);
        lines.push(
          was
            ? `The share of ${share.name} is over.`
            : `The share of ${share.name} had ended by itself; what it left is gone.`,
        );
      } catch (error) {
        if (chosen.length === 1) throw error;
        failures.push(`${share.name}: ${messageOf(error)}`);
      }
    }
    for (const failure of failures) context.note(failure);
    return {
      data: chosen.map(({ id, name, mode, guests }) => ({ id, name, mode, guests })),
      text: lines.join('\n'),
      ...(failures.length > 0 ? { exit: lines.length > 0 ? 6 : 1 } : {}),
    };
  },
};

/** @throws CwError `not-found` for a workspace that is not shared. */
function called(name: string, shares: readonly ShareRecord[]): ShareRecord[] {
  const found = shares.filter((share) => [share.name, share.workspace, share.id].includes(name));
  if (found.length > 0) return found;
  const names = shares.map((share) => share.name);
  throw new CwError('not-found', `${JSON.stringify(name.slice(0, 60))} is not shared.`, {
    hint: names.length > 0 ? `Shared are: ${names.join(', ')}` : 'Nothing is.',
  });
}
