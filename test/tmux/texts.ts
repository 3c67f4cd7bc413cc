import fc from 'fast-check';

/** Pieces that mean something to tmux, to a shell, or to a parser of lines. */
const pieces = [
  '#',
  '##',
  '#{',
  '}',
  '{',
  '#{session_name}',
  '#(echo x)',
  '#[fg=red]',
  '#,',
  ',',
  ':',
  ';',
  '\\;',
  ' ; ',
  '\\',
  '\\\\',
  '"',
  "'",
  '`',
  '$',
  '$HOME',
  '${HOME}',
  '~',
  '~root',
  '%',
  '%H',
  '%if',
  '%end 1 1 1',
  '%begin',
  '%exit',
  '\n',
  '\t',
  '\r',
  '\x1b',
  '\x1f',
  '\x7f',
  '\\033',
  '\\n',
  '\\$x',
  '-',
  '--',
  '-t',
  '=',
  'A=b',
  ' ',
  '  ',
  '/',
  'é',
  '日本',
  '😀',
  '\u00a0',
  '\u0301',
];

/** Any text that tmux can hold: all but NUL, with the odd pieces often. */
export const anyText = (): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...pieces),
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.string({ maxLength: 4 }),
      ),
      {
        maxLength: 6,
      },
    )
    .map((parts) => parts.join('').replaceAll('\0', ''));

/** The same of printable characters that every C library knows: tmux takes no title with any other. */
export const anyTitle = (): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 6 })), { maxLength: 8 })
    .map((parts) => parts.join('').replace(/[\p{C}\p{M}]/gu, ''));
