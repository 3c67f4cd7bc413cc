import { isPrintable } from './command-line.js';

/** Those of `defaultPatterns` whose programs stay until they are ended. */
export const stayingPatterns: readonly string[] = [
  // What serves and watches a project. Never a script of another name: `deploy` and its like change the world.
  'npm|pnpm|yarn|bun run dev|start|watch|serve|storybook|preview|test:watch|dev:server|start:dev',
  'pnpm|yarn|bun dev|start|watch|serve|storybook|preview|test:watch|start:dev',
  'npm start',
  'vite [--host|--port NUMBER] ...',
  'vite dev|serve|preview [--host|--port NUMBER]',
  'vitest|next|nuxt|astro|nodemon [--watch]',
  'next|nuxt|astro|remix|ng|webpack dev|serve|watch [-p NUMBER|--port NUMBER|--turbo|--turbopack]',
  'cargo watch [-x check|-x test|-x build|-x clippy|-x run]',
  'cargo-watch watch [-x check|-x test|-x build|-x clippy|-x run]',
  'tail -f|-F [-n NUMBER|-q|-v] ...',
  'tail [-n NUMBER|-q|-v] -f|-F ...',
  'docker|podman|kubectl logs -f|--follow [--tail NUMBER] NAME',
  'docker compose logs -f|--follow [--tail NUMBER] ...',
];

/**
 * Which programs a restore may start by itself: those all of whose words match a pattern. A pattern is words with
 * spaces between them:
 *
 *     word          that word
 *     a|b|c         one of these words
 *     FILE          a name that is no option
 *     NAME          a plain name: letters, digits and `. _ @ : / -`, not an option
 *     HOST          `host` or `user@host`
 *     NUMBER        digits
 *     [-a|-b NAME]  any of these options, any number of times, or none
 *     ...           any number of FILEs, or none
 *
 * So `npm run dev|start` allows these two and no `npm run dev -- x`. Capitals mean what they say above only as a whole
 * word. A program without a slash is that of the user's PATH, or of one of the system's folders.
 */
export const defaultPatterns: readonly string[] = [
  // Editors. Options that run commands (`-c`, `--cmd`, `-S`, `-u`, `+cmd`, `--eval`) are not among these.
  'vi|vim|nvim|view|vimdiff [-R|-p|-o|-O|-d|-n|-b] ...',
  'nano|pico|micro|hx|helix|kak|ne|joe|jed|mg ...',
  'emacs -nw|-t [-q|-Q] ...',
  'emacs -nw|--no-window-system ...',
  // Pagers and watchers of the system. Not `watch`: its words are a command of any kind.
  'less|more|most|bat [-R|-S|-N|-F|-X|-i|-I|+F|+G] ...',
  'man [NUMBER] NAME',
  'top|htop|btop|atop|iotop|nvtop|glances|bottom|btm',
  'htop|top [-d NUMBER|-u NAME|-H|-t|-c]',
  'journalctl [-n NUMBER|-u NAME|--user|-k|-b] -f|--follow [-n NUMBER|-u NAME|--user|-k|-b]',
  'dmesg -w|-wH|--follow',
  // Git. No word that changes a repository.
  'lazygit|tig|gitui|lazydocker|k9s|ranger|nnn|lf|yazi|mc|ncdu',
  'git log|show|diff|reflog|status|blame [--oneline|--graph|--all|--stat|-p|--staged|--cached|--decorate] ...',
  ...stayingPatterns,
  'python|python3|ipython|node|irb|ghci|psql|sqlite3',
  // A remote shell and no command. No option that forwards ports (they may be taken by now) or sets others (`-o`).
  'ssh [-4|-6|-A|-C|-q|-v|-t|-X|-Y|-p NUMBER|-l NAME|-i FILE|-J HOST] HOST [-4|-6|-A|-C|-t|-p NUMBER|-l NAME]',
  // Claude Code, by itself or with a conversation of its own. No prompt and no permission is given on the line.
  'claude [-c|--continue|-r NAME|--resume NAME|--session-id NAME|--model NAME]',
];

/**
 * Whether a program with these words may start by itself.
 *
 * @param argv the full words, the program first; not what a shell would still expand.
 */
export function mayRun(argv: readonly string[], patterns: readonly string[]): boolean {
  if (argv.length === 0 || argv.length > 200 || !argv.every(isPrintable)) return false;
  return patterns.some((pattern) => matchesPattern(argv, pattern));
}

const runners = new Set(['npm', 'pnpm', 'yarn', 'bun', 'make', 'just', 'task', 'rake']);

/**
 * Whether one of these commands deploys or publishes, as its words tell. Such a one is never started by a restore,
 * whoever has declared it: that somebody opened the project once is no wish to do it again.
 */
export function isDeployment(commands: readonly (readonly string[])[]): boolean {
  return commands.some(([program = '', ...words]) => {
    const name = program.slice(program.lastIndexOf('/') + 1);
    return runners.has(name) && words.some((word) => /^(?:deploy|publish|release)(?:$|[:_.-])/.test(word));
  });
}

/** Why a text is no pattern, for the check of settings; null when it is one. */
export function patternFault(pattern: string): string | null {
  const items = parse(pattern);
  if (items === null) return 'a [ without its ], or nothing in it';
  if (items.length === 0) return 'it has no words';
  // Without a program's name it would allow anything.
  if (items[0]?.kind !== 'word' || items[0].choices.some((choice) => choice in placeholders))
    return "its first word must be a program's name";
  return null;
}

type Item =
  | { readonly kind: 'word'; readonly choices: readonly string[] }
  | { readonly kind: 'options'; readonly choices: readonly (readonly string[])[] }
  | { readonly kind: 'rest' };

function matchesPattern(argv: readonly string[], pattern: string): boolean {
  const items = patternFault(pattern) === null ? parse(pattern) : null;
  if (!items) return false;
  const [program, ...rest] = items;
  return (
    program?.kind === 'word' &&
    program.choices.some((name) => isProgram(argv[0] ?? '', name)) &&
    follows(argv, 1, rest)
  );
}

function follows(argv: readonly string[], at: number, items: readonly Item[]): boolean {
  const [item, ...rest] = items;
  if (!item) return at === argv.length;
  switch (item.kind) {
    case 'word':
      return isOneOf(argv[at], item.choices) && follows(argv, at + 1, rest);
    case 'rest':
      return follows(argv, at, rest) || (placeholders.FILE(argv[at] ?? '') && follows(argv, at + 1, items));
    case 'options':
      return (
        follows(argv, at, rest) ||
        item.choices.some(
          (words) =>
            words.every((word, place) => isOneOf(argv[at + place], [word])) &&
            follows(argv, at + words.length, items),
        )
      );
  }
}

function isOneOf(word: string | undefined, choices: readonly string[]): boolean {
  if (word === undefined) return false;
  return choices.some((choice) =>
    Object.hasOwn(placeholders, choice)
      ? placeholders[choice as keyof typeof placeholders](word)
      : word === choice,
  );
}

const placeholders = {
  // Brackets and parentheses are in the names of routes (`app/(shop)/[id]/page.tsx`); other characters of shells are
  // in no name that anyone misses, and `scheme://` makes editors fetch. An option begins with `-`, in editors also
  // with `+`.
  FILE: (word: string) => /^[^-+\s]/.test(word) && !/[;&|<>$`\\"'*?!#~^{}=%]|:\/\//.test(word),
  NAME: (word: string) => /^[A-Za-z0-9_.@:/][A-Za-z0-9_.@:/-]*$/.test(word),
  HOST: (word: string) => /^(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?[A-Za-z0-9_:.][A-Za-z0-9_:.-]*$/.test(word),
  NUMBER: (word: string) => /^\d+$/.test(word),
};

function parse(pattern: string): Item[] | null {
  const items: Item[] = [];
  for (const part of pattern.match(/\[[^\]]*\](?=\s|$)|\S+/g) ?? []) {
    if (part === '...') items.push({ kind: 'rest' });
    else if (part.startsWith('[') || part.endsWith(']')) {
      if (!/^\[.+\]$/.test(part)) return null;
      const choices = part
        .slice(1, -1)
        .split('|')
        .map((choice) => choice.split(' ').filter((word) => word !== ''));
      if (choices.some((words) => words.length === 0)) return null;
      items.push({ kind: 'options', choices });
    } else items.push({ kind: 'word', choices: part.split('|').filter((choice) => choice !== '') });
  }
  return items;
}

const systemFolders = new Set(
  '/bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /opt/homebrew/bin /opt/local/bin /snap/bin'.split(
    ' ',
  ),
);

function isProgram(word: string, name: string): boolean {
  if (word === name) return true;
  const slash = word.lastIndexOf('/');
  return slash >= 0 && word.slice(slash + 1) === name && systemFolders.has(word.slice(0, slash));
}
