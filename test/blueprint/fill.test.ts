import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillCommand, fillText, fillVariable, quoteWord, type Values } from '../../src/blueprint/fill.js';
import { findProgram } from '../../src/system/programs.js';
import { hostileText, hostileTexts } from '../support/arbitraries.js';

const values: Values = {
  project: { text: 'shop', trusted: false },
  root: { text: "/p/it's", trusted: false },
  editor: { text: 'nvim -p', trusted: true },
  url: { text: 'http://localhost/${project}', trusted: true },
};

describe('text that no shell reads', () => {
  test('holes are filled, also those in trusted values, once', () => {
    expect(fillText('${project}: ${url} $project $$ {root}', values, 'x')).toBe(
      'shop: http://localhost/shop $project $$ {root}',
    );
    const odd = { project: { text: '${root}', trusted: false }, root: { text: '/p', trusted: false } };
    expect(fillText('${project}', odd, 'x')).toBe('${root}');
  });

  test('an unknown hole is an error that names the nearest', () => {
    expect(() => fillText('a ${projekt}', values, 'the title')).toThrow(
      /Nothing is known for \$\{projekt\} in the title/,
    );
    expect(() => fillText('${projekt}', values, 'x')).toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.stringContaining('Did you mean ${project}?') }),
    );
    expect(() => fillText('${toString}', values, 'x')).toThrow(/Nothing is known/);
  });

  test('in a variable unknown holes stay', () => {
    expect(fillVariable('${root}:${HOME}', values)).toBe("/p/it's:${HOME}");
  });
});

describe('commands', () => {
  test.each([
    ['${editor} ${project}', 'nvim -p shop'],
    ['cd ${root} && ls', "cd '/p/it'\\''s' && ls"],
    ['echo "$HOME ${HOME} ${root}"', `echo "$HOME \${HOME} "'/p/it'\\''s'""`],
    ["echo '${root}'", "echo '''/p/it'\\''s'''"],
    ['echo \\${root} ${unknown}', 'echo \\${root} ${unknown}'],
    ['# ${project}', '# shop'],
  ])('%s', (text, filled) => {
    expect(fillCommand(text, values, 'x')).toBe(filled);
  });

  test.each([
    '`ls ${root}`',
    "echo $'${root}'",
    'echo ${x:-${root}}',
    'echo $(( ${root} ))',
    'ls # ${root}',
    'cat <<E\n${root}\nE',
    'case x in x) ls ${root};; esac',
  ])('foreign text has no safe place in %s', (text) => {
    expect(() => fillCommand(text, values, 'the command')).toThrow(/cannot be quoted/);
    expect(() => fillCommand(text, { root: { text: '/plain', trusted: false } }, 'x')).not.toThrow();
  });
});

/** What a shell makes of the words: each on its own, NUL between. */
function evaluated(shell: string, commands: readonly string[]): string[] {
  const script = commands.map((command) => `${command}\n`).join('');
  const out = execFileSync(shell, ['-c', script], {
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'], // a bash whose input is a socket takes itself for a remote shell
  });
  return out.split('\0').slice(0, -1);
}

// In all the places where a hole may stand. Each prints the value once; a substitution with an end, since it
// would drop final newlines.
const places = [
  "printf '%s\\0' ${root}",
  'printf "%s\\0" "${root}"',
  `: "it's ( # <<"; printf "%s\\0" "\${root}"`,
  "printf '%s\\0' '${root}'",
  `printf '%s\\0' "$(printf %s~end "\${root}")"`,
  `printf '%s\\0' "$(printf %s~end \${root})"`,
  "(printf '%s\\0' ${root}; : # it's a \"comment\"\n)",
  'case_in=${root}; printf "%s\\0" "$case_in" # $( ( "',
];

const shells = ['sh', 'bash', 'zsh'].filter((shell) => findProgram(shell, process.env.PATH ?? ''));

test.each(shells)('%s takes foreign text as one word and runs none of it, wherever it stands', (shell) => {
  const all = fc.array(hostileText(), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(all, (more) => {
      const texts = [
        ...hostileTexts,
        "'; echo \0pwned; '".replace('\0', ''),
        '"$(echo pwned)"',
        '\\',
        "\\'",
        ...more,
      ];
      const commands = texts.flatMap((text) =>
        places.map((place) => fillCommand(place, { root: { text, trusted: false } }, 'x')),
      );
      const got = evaluated(shell, commands).map((text) => text.replace(/~end$/, ''));
      expect(got).toEqual(texts.flatMap((text) => places.map(() => text)));
    }),
    { numRuns: 3 },
  );
});

test('a quoted word means the same to fish, which escapes within single quotes', () => {
  // By its manual: in single quotes only \' and \\ are escapes; outside, a backslash quotes what follows.
  const fish = (word: string): string => {
    let text = '';
    let quoted = false;
    for (let at = 0; at < word.length; at += 1) {
      const char = word[at]!;
      const next = word[at + 1] ?? '';
      if (char === '\\' && (!quoted || next === "'" || next === '\\')) {
        text += next;
        at += 1;
      } else if (char === "'") quoted = !quoted;
      else {
        if (!quoted) expect(char).toMatch(/[A-Za-z0-9_@%+=:,./-]/);
        text += char;
      }
    }
    expect(quoted).toBe(false);
    return text;
  };
  fc.assert(
    fc.property(hostileText(), (text) => {
      expect(fish(quoteWord(text))).toBe(text);
    }),
  );
});
