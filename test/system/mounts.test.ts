import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answers, mountOf, parseMounts } from '../../src/system/mounts.js';

it('reads what is mounted where, with spaces and optional fields', () => {
  const text =
    '21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n' +
    '40 21 0:38 / /mnt/my\\040disk\\134x rw,nosuid shared:9 master:2 - fuse.sshfs host:/ - rw,user_id=0\n' +
    '41 21 0:39 / /home rw - nfs4 server:/home rw\n\nbroken\n';
  expect(parseMounts(text)).toEqual([
    { at: '/', type: 'ext4' },
    { at: '/mnt/my disk\\x', type: 'fuse.sshfs' },
    { at: '/home', type: 'nfs4' },
  ]);
  const of = (path: string) => mountOf(path, parseMounts(text))?.type;
  expect([of('/'), of('/homework'), of('/home'), of('/home/a/b')]).toEqual(['ext4', 'ext4', 'nfs4', 'nfs4']);
});

it('takes what was mounted last over what lies below it, whatever the paths', () => {
  const segment = fc.constantFrom('a', 'b', 'a b', 'ab');
  const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(fc.array(path, { maxLength: 8 }), path, (places, asked) => {
      const all = places.map((at, type) => ({ at, type: String(type) }));
      const above = all.filter(({ at }) => `${asked}/`.startsWith(at === '/' ? '/' : `${at}/`));
      const longest = Math.max(...above.map(({ at }) => at.length));
      expect(mountOf(asked, all)).toEqual(above.findLast(({ at }) => at.length === longest) ?? null);
    }),
  );
});

it('a folder of this machine answers', () => {
  expect(answers(import.meta.dirname)).toBe(true);
});
