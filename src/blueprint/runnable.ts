import type { ProjectFacts } from './facts.js';

// Words that a shell knows itself, and the beginnings of compound commands.
const shellWords = new Set(
  (
    '! . : [ [[ { ( alias and begin break builtin case cd command continue echo env eval exec exit export false ' +
    'for function if nohup not or printf pushd pwd read return set sleep source test time trap true type ulimit ' +
    'umask unset until wait while'
  ).split(' '),
);

// What pnpm, yarn and bun do themselves; any other word after them is a script or a program of the project.
const managerWords = new Set(
  (
    'add audit bin build cache config create dedupe dlx exec i import info init install link list outdated pack ' +
    'patch publish remove up update upgrade why workspace workspaces x'
  ).split(' '),
);

/**
 * What a command line lacks to work in a project (`no cargo`, `no script "dev"`), or null when nothing speaks
 * against it: its program exists, and so does the script that `npm run` and its like name.
 *
 * @param cwd the folder that it would run in; programs given with a path (`./gradlew`) are looked up from there.
 */
export function whyNotRunnable(command: string, cwd: string, facts: ProjectFacts): string | null {
  const words = leadingWords(command);
  const program = words[0];
  if (program === undefined) return null; // only assignments, or nothing
  if (shellWords.has(program) || program.startsWith('(') || program.includes('$')) return null;
  if (!programExists(program, cwd, facts)) return `no ${packageProgram(program)}`;
  return whyNoScript(words, facts);
}

function programExists(program: string, cwd: string, facts: ProjectFacts): boolean {
  if (!program.includes('/')) return facts.findProgram(program) !== null;
  const absolute = program.startsWith('~/')
    ? `${facts.home}${program.slice(1)}`
    : program.startsWith('/')
      ? program
      : `${cwd}/${program}`;
  return facts.findProgram(absolute) !== null;
}

function whyNoScript([manager, ...words]: readonly string[], facts: ProjectFacts): string | null {
  if (!manager || !['npm', 'pnpm', 'yarn', 'bun'].includes(manager)) return null;
  const first = words[0];
  // With options before the verb (`npm --prefix web run dev`) it may well be another package's script.
  if (first === undefined || first.startsWith('-')) return null;
  let script: string | undefined;
  if (first === 'run' || first === 'run-script')
    script = words.slice(1).find((word) => !word.startsWith('-'));
  else if (manager === 'npm') script = { start: 'start', test: 'test', t: 'test', stop: 'stop' }[first];
  else if (manager !== 'bun' && !managerWords.has(first)) script = first;
  if (script === undefined || Object.hasOwn(facts.scripts, script) || script.includes('$')) return null;
  if (manager === 'bun' && /[./]/.test(script)) return facts.fileExists(script) ? null : `no ${script}`;
  return `no script "${script}"`;
}

/** A program of the project's packages by its name alone. */
export function packageProgram(program: string): string {
  return program.replace(/^(\.\/)?node_modules\/\.bin\//, '');
}

/** The words of the first simple command, without quotes and without the assignments before them. */
function leadingWords(command: string): string[] {
  const words: string[] = [];
  const word = /\s*((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;&|<>])+|[;&|<>\n])/sy;
  for (;;) {
    const found = word.exec(command);
    const text = found?.[1];
    if (text === undefined || /^[;&|<>\n]/.test(text)) return words;
    if (words.length === 0 && /^[A-Za-z_]\w*=/.test(text)) continue;
    words.push(
      text.replace(
        /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs,
        (_, single, double, escaped) => single ?? double ?? escaped,
      ),
    );
  }
}
