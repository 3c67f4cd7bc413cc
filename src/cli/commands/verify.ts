import { messageOf } from '../../errors.js';
import { BlobStore } from '../../snapshot/blobs.js';
import { isFaithful, recordRehearsal } from '../../snapshot/rehearsal.js';
import { SnapshotStore } from '../../snapshot/store.js';
import { type Fidelity, verifySnapshot } from '../../snapshot/verify.js';
import { requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Command } from '../command.js';
import { age, visible } from '../output.js';

export const verb: Command = {
  name: 'verify',
  summary: 'Rehearse a restore of the newest snapshots, on a tmux server of its own.',
  description: 'Programs are not started. What came back is compared with what was saved, value by value.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'A workspace; all of them when not given.' },
  ],
  options: { all: { type: 'boolean', describe: 'All workspaces.' } },
  examples: [{ line: 'cw verify shop', does: 'Rehearse one workspace.' }],
  async run(args, context) {
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const name = args.positionals.name;
    const workspaces = name === undefined ? world.workspaces : [requireWorkspace(name, places)];
    const blobs = new BlobStore(world.registry.folder);
    const results: Fidelity[] = [];
    for (const workspace of workspaces) {
      const snapshot = await new SnapshotStore(world.registry.folder, workspace.id).latest();
      if (snapshot) {
        const found = await verifySnapshot(snapshot, blobs, context.env);
        try {
          recordRehearsal(world.registry, found);
        } catch (error) {
          context.note(`${found.name}: the result could not be noted: ${messageOf(error)}`);
        }
        results.push(found);
      } else context.note(`${workspace.name} has no snapshot yet.`);
    }
    const failed = !results.every(isFaithful);
    return {
      data: results,
      text: results.map(picture).join('\n') || 'Nothing is saved yet.',
      ...(failed && { exit: 1 }),
    };
  },
};

function picture(result: Fidelity): string {
  const value = (part: unknown) => visible(typeof part === 'string' ? part : (JSON.stringify(part) ?? '-'));
  return [
    `${result.name}  snapshot ${result.sequence}, ${age(result.at)} old: ${result.equal} of ${result.fields} fields`,
    ...result.differences.map(
      (one) => `  ${one.path}: saved ${value(one.before)}, came back ${value(one.after)}`,
    ),
    ...result.problems.map((problem) => `  ${problem}`),
  ].join('\n');
}
