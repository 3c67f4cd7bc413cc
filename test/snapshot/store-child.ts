// One life of a process that saves, for the tests that end it at each step: `node child.mjs FOLDER STEP`. It says
// each thing that is done, at once, and kills itself before step number STEP (0: never; `images`: never, but before
// each step it copies the folder to FOLDER-STEP).
import { cpSync, writeSync } from 'node:fs';
import { BlobStore } from '../../src/snapshot/blobs.js';
import { collectBlobs } from '../../src/snapshot/blobs-collect.js';
import { SnapshotStore, StoreCache, saveAll, settle } from '../../src/snapshot/store.js';
import { FileLayer } from '../../src/system/file-layer.js';
import { draftOf } from './store-draft-data.js';

const [folder = '', end = '0'] = process.argv.slice(2);
/** Several of these at once: each has something of its own to save. */
const crowd = end === 'crowd';
let step = 0;
const files = new FileLayer((operation, path) => {
  step++;
  if (end === 'images') {
    // What a kill would leave here: all that the process has done is in the kernel's hands.
    cpSync(folder, `${folder}-${step}`, { recursive: true, preserveTimestamps: true });
    say({ killed: operation, path });
  }
  if (step !== Number(end)) return;
  say({ killed: operation, path });
  process.kill(process.pid, 'SIGKILL');
});
const say = (done: object) => writeSync(1, `${JSON.stringify(done)}\n`);

const ids = Array.from({ length: 4 }, (_, index) => `w00000000000${index}`);
const stores = ids.map((id) => new SnapshotStore(folder, id, { files }));
const store = stores[0]!;
const options = (second: string) =>
  ({ reason: 'change', server: 'alive', now: new Date(`2026-03-01T10:00:${second}Z`) }) as const;
const blobs = new BlobStore(folder, files);
/** With a text of its own, which is on its way to the disk when the draft is saved. */
const draft = (id: string, cwd: string, title = '') => {
  const own = crowd ? `${cwd}/${process.pid}` : cwd;
  return draftOf({ id, cwd: own, title, chunks: blobs.add(['some\n', `text of ${own}\n`]) });
};

for (const [cwd, title, second] of [
  ['/a', '', '01'],
  ['/b', '', '02'],
  ['/b', 'amended', '03'],
] as const) {
  const [result] = await saveAll(
    [{ store, draft: draft(store.workspace, cwd, title), options: options(second) }],
    blobs,
  );
  if (result instanceof Error) throw result;
  say({ workspace: store.workspace, sequence: result!.sequence, cwd });
}
await store.pin(1);
say({ pinned: 1 });
for (const [cwd, second] of [
  ['/c', '04'],
  ['/d', '05'],
] as const) {
  const results = await saveAll(
    stores.map((one) => ({ store: one, draft: draft(one.workspace, cwd), options: options(second) })),
    blobs,
  );
  for (const [index, result] of results.entries()) {
    if (result instanceof Error) throw result;
    say({ workspace: ids[index], sequence: result.sequence, cwd });
  }
  if (cwd === '/c') await settle(folder, files);
}
// As one that saves often does: into a journal that was made ahead.
const cache = new StoreCache(files);
for (const [cwd, second] of [
  ['/e', '06'],
  ['/f', '07'],
  ['/g', '08'],
] as const) {
  await settle(folder, files, cache.ahead);
  await cache.ahead.prepare(folder);
  const often = new SnapshotStore(folder, store.workspace, { files, cache });
  const [result] = await saveAll(
    [{ store: often, draft: draft(store.workspace, cwd), options: options(second) }],
    blobs,
  );
  if (result instanceof Error) throw result;
  say({ workspace: store.workspace, sequence: result!.sequence, cwd });
}
if (!crowd) await store.remove(3);
await store.prune({ tiers: [] }, Date.parse('2026-03-01T10:01:00Z'));
say({ pruned: true });
await collectBlobs(folder, Date.now(), files);
say({ steps: step });
