import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultPatterns, mayRun, patternFault } from '../../src/snapshot/allow-list.js';

const allowed = [
  'nvim',
  'nvim .',
  'vim src/a.ts src/b.ts',
  '/usr/bin/vim -R notes.md',
  'nvim app/(shop)/[id]/page.tsx',
  'emacs -nw a.el',
  'less -R log.txt',
  'less +F app.log',
  'man 5 crontab',
  'htop',
  'htop -u dev',
  'tail -f app.log',
  'tail -n 50 -F /var/log/syslog',
  'tail -F -n 50 a b',
  'journalctl -u nginx -f',
  'lazygit',
  'git log --oneline --graph',
  'npm run dev',
  'npm run start',
  'npm run watch',
  'npm start',
  'pnpm dev',
  'yarn run test:watch',
  'bun run dev',
  'vite',
  'vite --port 3000',
  'next dev -p 3001',
  'cargo watch -x test',
  'cargo-watch watch -x check',
  'ssh web1',
  'ssh -p 2222 dev@web1.example.org',
  'ssh dev@web1 -A',
  'docker compose logs -f web',
  'python3',
  'claude',
  'claude --resume 3f2a9c11-0000-4000-8000-000000000000',
];

const refused = [
  '',
  'npm run deploy',
  'npm run dev -- --prod',
  'npm run predev',
  'npm publish',
  'npm run',
  'npm --prefix x run dev',
  '/tmp/npm run dev',
  './nvim',
  '/home/me/bin/vim a',
  'vim -c !rm',
  'vim +!rm a',
  'vim --cmd q',
  'vim -S Session.vim',
  'vim -u x',
  'vim scp://host/a',
  'emacs --eval x',
  'less +!rm a',
  'less -o out a',
  'man -P x ls',
  'tail a',
  'watch ls',
  'git push',
  'git log --output=x',
  'git -c core.pager=x log',
  'cargo watch -s ls',
  'cargo run',
  'ssh web1 rm',
  'ssh -o ProxyCommand=x web1',
  'ssh -oProxyCommand=x',
  'ssh -L 80:a:80 web1',
  'ssh -p 22',
  'ssh',
  'docker compose up',
  'docker run x',
  'python3 x.py',
  'node server.js',
  'claude -p x',
  'claude --dangerously-skip-permissions',
  'bash',
  'rm -rf /',
  'NVIM',
];

const words = (line: string) => (line === '' ? [] : line.split(' '));

describe('what may start by itself', () => {
  it.each(allowed)('%s', (line) => expect(mayRun(words(line), defaultPatterns)).toBe(true));
  it.each(refused)('not: %s', (line) => expect(mayRun(words(line), defaultPatterns)).toBe(false));

  it('nothing with a character of a shell in a word, nor a control character', () => {
    const evil = fc.constantFrom(...';&|<>$`\\"\'*?!#~^{}\n\r\t\0\x1b\x7f\u202e\u2028\ufffd');
    fc.assert(
      fc.property(fc.constantFrom(...allowed), fc.nat(), fc.nat(), evil, (line, which, where, character) => {
        const argv = words(line);
        const at = which % argv.length;
        const word = argv[at] ?? '';
        const cut = where % (word.length + 1);
        argv[at] = word.slice(0, cut) + character + word.slice(cut);
        expect(mayRun(argv, defaultPatterns)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('nothing of which a fixed word was changed, and no option or command that was put in', () => {
    const exact = [
      'npm run dev',
      'npm start',
      'pnpm dev',
      'cargo watch -x test',
      'next dev',
      'htop',
      'docker compose logs -f',
    ];
    const other = fc
      .stringMatching(/^[a-z]{3,8}$/)
      .filter((word) => !defaultPatterns.join(' ').includes(word));
    const option = fc
      .stringMatching(/^(--?|\+)[a-z=:!]{1,8}$/)
      .filter((word) => !defaultPatterns.join(' ').includes(word));
    fc.assert(
      fc.property(fc.constantFrom(...exact), fc.nat(), other, (line, which, word) => {
        const argv = words(line);
        argv[which % argv.length] = word;
        expect(mayRun(argv, defaultPatterns)).toBe(false);
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...allowed), fc.nat(), option, (line, which, word) => {
        const argv = words(line);
        argv.splice(1 + (which % argv.length), 0, word);
        expect(mayRun(argv, defaultPatterns)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('patterns of the user mean what the page of the settings says', () => {
    expect(mayRun(['make', 'dev'], ['make dev|watch'])).toBe(true);
    expect(mayRun(['make', 'deploy'], ['make dev|watch'])).toBe(false);
    expect(mayRun(['/opt/x', 'a'], ['/opt/x ...'])).toBe(true);
    expect(mayRun(['x', '-n', '5', '-q', 'f'], ['x [-n NUMBER|-q] FILE'])).toBe(true);
    expect(mayRun(['x', '-n', 'five', 'f'], ['x [-n NUMBER|-q] FILE'])).toBe(false);
    expect(mayRun(['toString', 'x'], ['toString toString'])).toBe(false);
    expect(mayRun(['anything'], [])).toBe(false);
  });

  it('a pattern that would allow anything, or is broken, is none', () => {
    for (const pattern of ['', '  ', '...', 'FILE', '[a] b', 'vim|FILE x', 'vim [-R', 'vim []', 'vim -R]']) {
      expect(patternFault(pattern), pattern).not.toBeNull();
      expect(mayRun(words(pattern), [pattern])).toBe(false);
      expect(mayRun(['vim'], [pattern])).toBe(false);
    }
    expect(defaultPatterns.filter((pattern) => patternFault(pattern) !== null)).toEqual([]);
  });
});
