import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './support/sandbox.js';

const src = join(root, 'src');

/** Which rooms a room may import from; each may import from itself, `errors` and `blueprint` too. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  blueprint: [],
  errors: [],
  system: [],
  tmux: ['system'],
  git: ['tmux', 'system'],
  claude: ['tmux', 'system'],
  project: ['git', 'tmux', 'system'],
  template: ['project', 'git', 'tmux', 'system'],
  workspace: ['template', 'project', 'claude', 'git', 'tmux', 'system'],
  metrics: ['claude', 'tmux', 'system'],
  snapshot: ['metrics', 'workspace', 'template', 'project', 'claude', 'git', 'tmux', 'system'],
  archive: ['snapshot', 'workspace', 'template', 'project', 'claude', 'git', 'tmux', 'system'],
  share: ['rpc', 'workspace', 'template', 'project', 'claude', 'git', 'tmux', 'system'],
  survey: ['share', 'snapshot', 'workspace', 'template', 'project', 'claude', 'git', 'tmux', 'system'],
  cleanup: [
    'survey',
    'share',
    'snapshot',
    'workspace',
    'template',
    'project',
    'claude',
    'git',
    'tmux',
    'system',
  ],
  health: [
    'survey',
    'share',
    'snapshot',
    'workspace',
    'template',
    'project',
    'claude',
    'git',
    'tmux',
    'system',
  ],
  remote: ['archive', 'snapshot', 'workspace', 'tmux', 'system'],
  integration: ['workspace', 'template', 'project', 'claude', 'git', 'tmux', 'system'],
  rpc: ['tmux', 'system'],
  daemon: [
    'rpc',
    'archive',
    'cleanup',
    'health',
    'share',
    'survey',
    'snapshot',
    'metrics',
    'workspace',
    'integration',
    'template',
    'project',
    'claude',
    'git',
    'tmux',
    'system',
  ],
  cli: [
    'rpc',
    'archive',
    'remote',
    'cleanup',
    'health',
    'share',
    'survey',
    'snapshot',
    'metrics',
    'workspace',
    'integration',
    'template',
    'project',
    'claude',
    'git',
    'tmux',
    'system',
  ],
};

/** Files above the rooms: they wire, and may import from all. */
const above = ['app', 'cw'];

interface Import {
  readonly file: string;
  readonly target: string;
  /** Types alone, which are gone at run time. */
  readonly types: boolean;
  readonly dynamic: boolean;
}

const statement = /^(?:import|export)\s+(type\s)?(?:[\w*{][^'";]*?\sfrom\s+)?'([^']+)'/gms;
const call = /\bimport\(\s*'([^']+)'\s*\)/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const made = (target: string, types: boolean, dynamic: boolean): Import => ({
    file,
    target: target.startsWith('.') ? sourceOf(relative(src, resolve(src, dirname(file), target))) : target,
    types,
    dynamic,
  });
  return [
    ...[...text.matchAll(statement)].map(([, type, target]) => made(target!, type !== undefined, false)),
    ...[...text.matchAll(call)].map(([, target]) => made(target!, false, true)),
  ];
}

/** The file behind a `.js` that is imported. */
function sourceOf(target: string): string {
  const file = target.replace(/\.js$/, '.ts');
  return existsSync(join(src, file)) ? file : file.replace(/\.ts$/, '.tsx');
}

const files = (readdirSync(src, { recursive: true }) as string[]).filter(isOurs);
const imports = files.flatMap(importsOf);

function isOurs(target: string): boolean {
  return /\.tsx?$/.test(target);
}

function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.ts$/, '');
}

function isBuiltin(target: string): boolean {
  return target.startsWith('node:') || builtinModules.includes(target);
}

const told = ({ file, target }: Import) => `${file} -> ${target}`;

describe('the arrows', () => {
  it('are read from every import there is', () => {
    expect(files.length).toBeGreaterThan(50);
    for (const { file, target } of imports.filter((one) => isOurs(one.target))) {
      expect([file, target, existsSync(join(src, target))]).toEqual([file, target, true]);
    }
    // A way of importing that the patterns above do not know must not pass unseen.
    for (const file of files) {
      const words = codeOf(file).match(/\bfrom\s+['"]\.?|^import\s*['"]|\bimport\s*\(|\brequire\(/gm) ?? [];
      expect([file, words.length]).toEqual([file, importsOf(file).length]);
    }
  });

  it('go one way', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (!isOurs(target) || above.includes(roomOf(file))) return false;
      const [from, to] = [roomOf(file), roomOf(target)];
      const allowed = arrows[from];
      if (!allowed) throw new Error(`${from} is a new room: say in this test what it may know`);
      return from !== to && to !== 'errors' && to !== 'blueprint' && !allowed.includes(to);
    });
    expect(wrong.map(told)).toEqual([]);
  });

  it('leave the blueprint pure: it knows no other room and nothing of Node', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (roomOf(file) !== 'blueprint') return false;
      if (isOurs(target)) return !['blueprint', 'errors'].includes(roomOf(target));
      return target !== 'zod' && target !== 'node:path'; // node:path without resolve is text alone
    });
    expect(wrong.map(told)).toEqual([]);
    const impure = files
      .filter((file) => roomOf(file) === 'blueprint')
      .filter((file) =>
        /\b((?:resolve|relative)(?=\()|process|Date\.now|new Date\(\)|Math\.random|console)\b\.?/.test(
          codeOf(file),
        ),
      );
    expect(impure).toEqual([]);
  });

  it('let only the doors start processes', () => {
    const starters = imports.filter(({ target }) => /^(node:)?child_process$|^execa$/.test(target));
    expect(starters.filter(({ file }) => !['system', 'tmux'].includes(roomOf(file))).map(told)).toEqual([]);
  });

  it.each(['up', 'switch', 'list'])('cw %s begins with no library loaded', (verb) => {
    const reached = new Set(['cw.ts', `cli/commands/${verb}.ts`]);
    for (const file of reached) {
      for (const { target, types, dynamic } of importsOf(file)) {
        if (types || dynamic) continue;
        if (isOurs(target)) reached.add(target);
        else expect([file, target, isBuiltin(target)]).toEqual([file, target, true]);
      }
    }
    expect(reached.size).toBeGreaterThan(10);
  });
});

/** The text of a file without its comments. */
function codeOf(file: string): string {
  return readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
}
