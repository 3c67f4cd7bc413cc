import { type SnapshotEntry, SnapshotStore } from '../../snapshot/store.js';
import { requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Command } from '../command.js';
import { age, table } from '../output.js';

export const verb: Command = {
  name: 'snapshots',
  summary: 'What was saved, newest first.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'A workspace; all of them when not given.' },
  ],
  examples: [
    { line: 'cw snapshots shop', does: 'The saved moments of one workspace.' },
    { line: 'cw snapshots --json', does: 'Of all, for programs.' },
  ],
  async run(args, context) {
    const world = await readWorld(context.tmux(), context.env);
    const name = args.positionals.name;
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = name === undefined ? world.workspaces : [requireWorkspace(name, places)];
    const rows: { name: string; entry: SnapshotEntry; order: string }[] = [];
    for (const workspace of chosen) {
      const store = new SnapshotStore(world.registry.folder, workspace.id);
      // A clock may have been put back: within a workspace the order is that of the saves.
      let order = '';
      for (const entry of (await store.list()).reverse()) {
        if (entry.at > order) order = entry.at;
        rows.push({ name: workspace.name, entry, order });
      }
      for (const finding of store.takeFindings())
        context.note(`${workspace.name}: ${finding.path} cannot be read: ${finding.why}`);
    }
    rows.sort((a, b) => b.order.localeCompare(a.order) || b.entry.sequence - a.entry.sequence);
    const data = rows.map(({ name: workspace, entry }) => ({
      id: entry.id,
      workspace,
      at: entry.at,
      reason: entry.reason,
      note: entry.note,
      panes: entry.panes,
      bytes: entry.bytes,
      pinned: entry.pinned,
    }));
    if (rows.length === 0)
      return { data, text: 'Nothing is saved yet. Save with cw save, or start the daemon: cw daemon start' };
    const lines = rows.map(({ name: workspace, entry }) => [
      entry.id,
      workspace,
      age(entry.at),
      entry.reason,
      `${entry.windows} win, ${entry.panes} panes`,
      [entry.pinned ? 'pinned' : '', entry.doubtful ? 'from a server that was ending' : '', entry.note ?? '']
        .filter(Boolean)
        .join(', '),
    ]);
    return {
      data,
      text: table([['ID', 'WORKSPACE', 'AGE', 'WHY', 'HOLDS', 'NOTE'], ...lines], context.terminal.columns),
    };
  },
};
