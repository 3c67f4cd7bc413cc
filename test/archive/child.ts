// One process that is ended in the middle: `node child.mjs write TARGET SIGNAL`, `node child.mjs read FILE PARENT SIGNAL`.
// It sends the signal to itself while half of the bytes are done, or to none.
import { join } from 'node:path';
import { memberName } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { withStaging } from '../../src/archive/staging.js';
import { writeArchive } from '../../src/archive/write.js';

const [what, path = '', ...rest] = process.argv.slice(2);
const signal = (what === 'write' ? rest[0] : rest[1]) as NodeJS.Signals | undefined;

if (what === 'write') {
  await writeArchive(path, members(), (entries) => ({
    format: 1,
    cw: '0.1.0',
    tmux: null,
    host: 'desk',
    at: '2026-11-29T10:00:00.000Z',
    workspace: 'shop',
    project: '/p',
    home: '/h',
    members: [...entries],
    leftOut: [],
    redacted: [],
  }));
} else {
  await withStaging(rest[0]!, async (staging) => {
    await readArchive(path, ({ name }) => {
      if (signal !== undefined && name === memberName.journal('5')) process.kill(process.pid, signal);
      return { file: join(staging, name) };
    });
  });
}
process.stdout.write('done\n');

async function* members() {
  for (let at = 0; at < 10; at++) {
    if (at === 5 && signal !== undefined) process.kill(process.pid, signal);
    yield { name: memberName.journal(`${at}`), bytes: 2 << 20, stream };
  }
}

async function* stream() {
  let state = 1;
  for (let piece = 0; piece < 32; piece++) {
    const bytes = Buffer.alloc(1 << 16);
    for (let at = 0; at < bytes.length; at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[at] = state >>> 24;
    }
    yield bytes;
  }
}
