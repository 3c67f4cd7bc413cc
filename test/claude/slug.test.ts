import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  claudeFolder,
  findTranscript,
  findTranscripts,
  projectSlug,
  slugOf,
  transcriptPath,
} from '../../src/claude/slug.js';
import { sandbox } from '../support/sandbox.js';

const id = '3f2a0000-0000-4000-8000-000000000001';

/** The rule told again, character by character. */
function told(path: string): string {
  let slug = '';
  let hash = 0n;
  for (let at = 0; at < path.length; at++) {
    const unit = path.charCodeAt(at);
    const isPlain = (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122);
    slug += isPlain ? path[at] : '-';
    hash = BigInt.asIntN(32, hash * 31n + BigInt(unit));
  }
  if (slug.length <= 200) return slug;
  return `${slug.slice(0, 200)}-${(hash < 0n ? -hash : hash).toString(36)}`;
}

describe('a slug', () => {
  it('has a dash for each UTF-16 unit that is no ASCII letter or digit', () => {
    expect(slugOf('/home/me/my_app.v2')).toBe('-home-me-my-app-v2');
    expect(slugOf('/a/é')).toBe('-a--');
    expect(slugOf('/a/🙂b')).toBe('-a---b');
    expect(slugOf('/work/.worktrees/feat-x')).toBe('-work--worktrees-feat-x');
  });

  it('is cut at 200 units, with a hash of the path after it', () => {
    const path = `/${'a'.repeat(200)}`;
    expect(slugOf(path.slice(0, 200))).toBe(`-${'a'.repeat(199)}`);
    // The known value of the 32-bit string hash of this path.
    expect(slugOf(path)).toBe(`-${'a'.repeat(199)}-${told(path).slice(201)}`);
    expect(slugOf(path)).not.toBe(slugOf(`${path.slice(0, 200)}b`));
  });

  it('follows the rule for every path', () => {
    const unit = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 150, maxLength: 300 }));
    fc.assert(
      fc.property(unit, (path) => {
        expect(slugOf(path)).toBe(told(path));
        expect(slugOf(path)).toMatch(/^[A-Za-z0-9-]{0,200}(-[a-z0-9]{1,7})?$/);
      }),
      { numRuns: 300 },
    );
  });

  it('is that of the real folder, also where the folder itself is gone', () => {
    const { home } = sandbox();
    mkdirSync(join(home, 'real'));
    symlinkSync(join(home, 'real'), join(home, 'link'));
    expect(projectSlug(join(home, 'link'))).toBe(slugOf(join(home, 'real')));
    expect(projectSlug(join(home, 'link/gone/deep'))).toBe(slugOf(join(home, 'real/gone/deep')));
  });
});

describe('a transcript', () => {
  it('is looked for in the configuration folder of its environment', () => {
    const { home, env } = sandbox();
    expect(claudeFolder(null, env)).toBe(join(home, '.claude'));
    expect(claudeFolder('/elsewhere', env)).toBe('/elsewhere');
    expect(transcriptPath('/c', home, id)).toBe(join('/c/projects', slugOf(home), `${id}.jsonl`));
  });

  it('is found under any slug', () => {
    const { home } = sandbox();
    const claude = join(home, '.claude');
    expect(findTranscript(claude, id)).toBeNull();
    mkdirSync(join(claude, 'projects/-b'), { recursive: true });
    writeFileSync(join(claude, 'projects/a file'), '');
    mkdirSync(join(claude, `projects/-a/${id}.jsonl`), { recursive: true });
    expect(findTranscript(claude, id)).toBeNull();
    writeFileSync(join(claude, `projects/-b/${id}.jsonl`), '');
    expect(findTranscript(claude, id)).toBe(join(claude, `projects/-b/${id}.jsonl`));
  });

  it('under two slugs is an error that names both', () => {
    const { home } = sandbox();
    const claude = join(home, '.claude');
    for (const slug of ['-a', '-b']) {
      mkdirSync(join(claude, 'projects', slug), { recursive: true });
      writeFileSync(join(claude, 'projects', slug, `${id}.jsonl`), '');
    }
    expect(() => findTranscript(claude, id)).toThrow(/2 transcripts: .*-a\/.*, .*-b\//);
    expect(findTranscripts(claude, id)).toHaveLength(2);
  });

  it('that a linked slug shows again counts once', () => {
    const { home } = sandbox();
    const claude = join(home, '.claude');
    mkdirSync(join(claude, 'projects/-b'), { recursive: true });
    writeFileSync(join(claude, `projects/-b/${id}.jsonl`), '');
    symlinkSync('-b', join(claude, 'projects/-a'));
    expect(findTranscripts(claude, id)).toHaveLength(1);
  });

  it.each(['', '../../etc/passwd', 'not-an-id', `${id}/`, id.toUpperCase()])(
    'of no id (%j) is refused',
    (text) => {
      expect(() => transcriptPath('/c', '/', text)).toThrow(/no conversation's id/);
      expect(() => findTranscript('/c', text)).toThrow(/no conversation's id/);
    },
  );
});
