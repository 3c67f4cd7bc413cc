import { describe, expect, it } from 'vitest';
import { portableLimits } from '../../src/git/portable.js';
import { twoHomes } from './carry.js';

describe('a bundle', () => {
  it('of a branch into which another was merged thousands of times needs its newest commit alone', async () => {
    const homes = await twoHomes(true);
    const count = portableLimits.commits + 100;
    // The n-th commit of the branch merges the n-th of main.
    await homes.repo.sh(`
      awk -v count=${count} 'BEGIN {
        who = "committer t <t@t> ";
        for (n = 1; n <= count; n++) {
          printf "commit refs/heads/main\\nmark :%d\\n%s%d +0000\\ndata 1\\nm\\n", n, who, 1700000000 + n;
          printf (n == 1) ? "from refs/heads/main^0\\n\\n" : "from :" n - 1 "\\n\\n";
          printf "commit refs/heads/often\\nmark :%d\\n%s%d +0000\\ndata 1\\nf\\n", count + n, who, 1700000000 + n;
          if (n == 1) printf "from :1\\n"; else printf "from :%d\\nmerge :%d\\n", count + n - 1, n;
          printf "M 644 inline f\\ndata %d\\n%s\\n\\n", length(n ""), n;
        }
      }' | git fast-import --quiet
      git push -q origin main; git checkout -q often
    `);
    const gathered = await homes.gather();
    expect(gathered.leftOut).toEqual([]);
    expect(gathered.described.bundle?.needs).toEqual([(await homes.repo.sh('git rev-parse main')).trim()]);
    await homes.place(gathered);
    expect(
      await homes.sh('git rev-parse often main; git rev-list --count --all; git fsck --no-dangling; cat f'),
    ).toBe(
      await homes.repo.sh(
        'git rev-parse often main; git rev-list --count --all; git fsck --no-dangling; cat f',
      ),
    );
  });
});
