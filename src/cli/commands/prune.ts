import { pruneSetAside } from '../../snapshot/damaged.js';
import { pruneAll, retentionOf } from '../../snapshot/save.js';
import { Registry } from '../../workspace/registry.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'prune',
  summary: 'Remove snapshots that are older than the settings keep, and text that none names any more.',
  description:
    'The daemon does it every hour. The newest one of each workspace, pinned ones, and the last of each life of a tmux server always stay; one with a note stays as long as the oldest that the settings keep. Damaged files that were set aside are kept for 30 days.',
  examples: [{ line: 'cw prune', does: 'Remove what is too old now.' }],
  async run(_args, context) {
    const registry = new Registry(context.tmux().address, context.env);
    const damaged = pruneSetAside(registry.folder, Date.now());
    const removed = await pruneAll(registry, retentionOf(context.settings().retention));
    const text = [
      `${removed} ${removed === 1 ? 'snapshot' : 'snapshots'} removed.`,
      ...(damaged > 0 ? [`${damaged} damaged ${damaged === 1 ? 'file' : 'files'} removed.`] : []),
    ];
    return { data: { removed, damaged }, text: text.join('\n') };
  },
};
