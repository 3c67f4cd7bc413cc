import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { CwError, messageOf } from '../errors.js';
import { readSmallFile } from '../project/small-file.js';
import { isFile, isFolder, writeFileAtomic } from '../system/files.js';
import { expandPath, shellWord, tildePath } from '../system/paths.js';
import { harmless } from '../system/visible.js';
import { type ExportFormat, exportFormats } from '../template/foreign/export.js';
import {
  type ForeignFormat,
  foreignFormats,
  type Imported,
  isForeignFormat,
} from '../template/foreign/model.js';
import { loadTemplate, loadTemplateFile, userTemplateFiles, userTemplatesFolder } from '../template/load.js';
import { sanitiseSessionName } from '../tmux/target.js';
import { projectFolder } from '../workspace/find.js';
import { readIfRunning } from '../workspace/start-server.js';
import type { Args, Command, Context } from './command.js';
import { visible } from './output.js';
import { checkExpansion } from './template-check.js';

export const importCommand: Command = {
  name: 'template import',
  summary: "Make templates of another manager's files: tmuxinator, tmuxp, smug, tmuxifier, teamocil.",
  description:
    'Nothing of a file is run. What has no counterpart here is named, and stands as a comment in the template. A folder: all such files in it.',
  positionals: [{ name: 'path', describe: 'A file, or a folder of them.', required: true }],
  options: {
    from: { type: 'string', value: 'F', describe: 'Whose file it is; told by what is in it when not given.' },
    name: {
      type: 'string',
      value: 'N',
      describe: 'Call the template N; the name of its session when not given.',
    },
    output: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      describe: 'Write it there, in place of your templates.',
    },
    'dry-run': { type: 'boolean', describe: 'Print the template, and write nothing.' },
    force: { type: 'boolean', describe: 'Write over one that is there.' },
  },
  examples: [
    { line: 'cw template import ~/.config/tmuxinator/shop.yml --dry-run', does: 'See what becomes of it.' },
    { line: 'cw template import ~/.config/tmuxinator', does: 'All projects of tmuxinator.' },
  ],
  async run(args, context) {
    const path = expandPath(args.positionals.path ?? '', context.cwd, context.env);
    const format = formatOption(args.options.from);
    const files = filesAt(path, context);
    const one = files.length === 1;
    for (const option of ['name', 'output'])
      if (!one && args.options[option] !== undefined)
        throw new CwError('usage', `--${option} is for one file, and this folder has ${files.length}.`, {
          hint: 'Name one of them.',
        });
    const reading = await readIfRunning(context.tmux());
    const indexes = { baseIndex: reading?.baseIndex ?? 0, paneBaseIndex: reading?.paneBaseIndex ?? 0 };
    const results: Result[] = [];
    for (const file of files) {
      try {
        results.push(await importOne(file, format, indexes, args, context));
      } catch (error) {
        if (one) throw error;
        results.push({
          source: file,
          error: messageOf(error),
          text: `${tildePath(file, context.env)}: ${messageOf(error)}`,
        });
      }
    }
    const failed = results.filter(({ error }) => error !== undefined).length;
    return {
      data: results.map(({ text: _text, ...rest }) => rest),
      text: results.map(({ text }) => text).join('\n\n'),
      ...(failed > 0 && { exit: failed === results.length ? 1 : 6 }),
    };
  },
};

interface Result {
  readonly source: string;
  readonly error?: string;
  readonly name?: string;
  readonly format?: ForeignFormat;
  /** null: it was a dry run. */
  readonly file?: string | null;
  readonly warnings?: readonly string[];
  readonly text: string;
}

function formatOption(word: unknown): ForeignFormat | null {
  if (typeof word !== 'string') return null;
  if (isForeignFormat(word)) return word;
  throw new CwError('usage', `${JSON.stringify(word)} is no manager that cw can read.`, {
    hint: `--from is one of ${foreignFormats.join(', ')}.`,
  });
}

/** Hidden ones that stand in a project's own folder. */
const projectFiles = new Set(['.tmuxinator.yml', '.tmuxp.yaml', '.tmuxp.yml', '.tmuxp.json', '.smug.yml']);

function filesAt(path: string, { env }: Context): string[] {
  if (!isFolder(path)) {
    if (statSync(path, { throwIfNoEntry: false })) return [path];
    throw new CwError('not-found', `There is no file ${tildePath(path, env)}.`, { hint: 'Check the path.' });
  }
  const files = readdirSync(path)
    .filter((name) => projectFiles.has(name) || (!name.startsWith('.') && /\.(ya?ml|json|sh)$/.test(name)))
    .sort()
    .map((name) => join(path, name))
    .filter(isFile);
  // The windows that a session of tmuxifier loads are in its template.
  const sessions = files.filter((file) => file.endsWith('.session.sh'));
  const found = sessions.length > 0 ? files.filter((file) => !file.endsWith('.window.sh')) : files;
  if (found.length > 0) return found;
  throw new CwError('not-found', `${tildePath(path, env)} holds no file that could be one of theirs.`, {
    hint: 'They end in .yml, .yaml, .json or .sh.',
  });
}

async function importOne(
  file: string,
  format: ForeignFormat | null,
  indexes: { readonly baseIndex: number; readonly paneBaseIndex: number },
  args: Args,
  context: Context,
): Promise<Result> {
  const { env } = context;
  const { importForeign } = await import('../template/foreign/import.js');
  const imported = importForeign(readSmallFile(file) ?? '', format, {
    ...indexes,
    label: tildePath(file, env),
    name: basename(file, extname(file)).replace(/^\./, ''),
    folder: dirname(file),
    env,
    readFile: readSmallFile,
  });
  const asked = args.options.name;
  const name = typeof asked === 'string' ? asked : sanitiseSessionName(imported.session);
  const yaml = await yamlOf(imported, tildePath(file, env));
  // It was made by a program: better now than at its first opening.
  const { parseTemplate } = await import('../template/parse.js');
  const template = parseTemplate(yaml, `the template of ${tildePath(file, env)}`);
  checkExpansion({ template, file }, context);
  const base = { source: file, name, format: imported.format, warnings: imported.warnings };
  if (args.options['dry-run']) return { ...base, file: null, text: harmless(yaml.trimEnd()) };
  const target = targetOf(name, args, context);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  writeFileAtomic(target, yaml);
  const word = target.startsWith(userTemplatesFolder(env)) ? name : shellWord(tildePath(target, env));
  const root = imported.root ?? 'PATH';
  return {
    ...base,
    file: target,
    text: [
      `Wrote ${tildePath(target, env)}, from ${imported.format}.`,
      ...imported.warnings.map((warning) => visible(`  ! ${warning}`)),
      visible(`  open   cw up ${root === 'PATH' ? root : shellWord(root)} --template ${word} --name ${name}`),
    ].join('\n'),
  };
}

/** With what is not carried over in comments at its head. */
async function yamlOf({ template, format, warnings }: Imported, source: string): Promise<string> {
  const { printTemplate } = await import('../template/print.js');
  const head = [`From ${source} of ${format}.`, ...warnings.map((warning) => `Note: ${warning}`)];
  const comments = head.map((line) => `# ${line.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')}`);
  return `${comments.join('\n')}\n${printTemplate(template)}`;
}

function targetOf(name: string, args: Args, { cwd, env }: Context): string {
  const { output, force } = args.options;
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new CwError('usage', `${JSON.stringify(name.slice(0, 80))} cannot be the name of a template.`, {
      hint: 'Up to 64 letters, digits, - and _: --name N',
    });
  }
  const target =
    typeof output === 'string'
      ? expandPath(output, cwd, env)
      : (userTemplateFiles(env).get(name) ?? join(userTemplatesFolder(env), `${name}.yaml`));
  if (force !== true && statSync(target, { throwIfNoEntry: false })) {
    throw new CwError('refused', `${tildePath(target, env)} is there already. Nothing was written.`, {
      hint: 'Another name: --name N, or write over it: --force',
    });
  }
  return target;
}

export const exportCommand: Command = {
  name: 'template export',
  summary: 'Print a template as a file of another manager, as it would open a project.',
  description:
    'Holes are filled for the project, and what cannot run here is left out. What the other manager has no word for is named.',
  positionals: [{ name: 'name', describe: 'A template, or a YAML file.', required: true }],
  options: {
    to: { type: 'string', value: 'F', describe: `One of ${exportFormats.join(', ')}.` },
    project: { type: 'string', value: 'PATH', describe: 'The project; this folder when not given.' },
    output: { type: 'string', short: 'o', value: 'FILE', describe: 'Write it there.' },
    force: { type: 'boolean', describe: 'Write over a file that is there.' },
  },
  examples: [
    { line: 'cw template export react --to tmuxp', does: 'This folder, as tmuxp would open it.' },
    { line: 'cw template export go --to smug --project ~/projects/api -o api.yml', does: 'Into a file.' },
  ],
  async run(args, context) {
    const { env, cwd } = context;
    const format = exportFormats.find((one): one is ExportFormat => one === args.options.to);
    if (!format)
      throw new CwError('usage', 'The manager to export to is not known.', {
        hint: `--to is one of ${exportFormats.join(', ')}.`,
      });
    const word = args.positionals.name ?? '';
    const { template, file } =
      word.includes('/') || /\.ya?ml$/.test(word)
        ? await loadTemplateFile(expandPath(word, cwd, env), 'file', env)
        : await loadTemplate(word, env);
    const project = typeof args.options.project === 'string' ? args.options.project : '.';
    const path = projectFolder(expandPath(project, cwd, env), env);
    const { drawn, manual } = await drawFor(template, path, context);
    const { exportTo } = await import('../template/foreign/export.js');
    const { text, warnings } = exportTo(format, drawn);
    const all = [
      ...drawn.notes,
      ...warnings,
      ...manual.map((name) => `The window "${name}" is not exported: it is opened by --window only.`),
    ];
    for (const warning of all) context.note(visible(warning));
    const data = { template: file, format, project: path, warnings: all, text };
    if (typeof args.options.output !== 'string') return { data, text: text.trimEnd() };
    const target = expandPath(args.options.output, cwd, env);
    if (args.options.force !== true && statSync(target, { throwIfNoEntry: false }))
      throw new CwError('refused', `${tildePath(target, env)} is there already. Nothing was written.`, {
        hint: 'Write over it: --force',
      });
    writeFileAtomic(target, text);
    return { data: { ...data, file: target }, text: `Wrote ${tildePath(target, env)}, for ${format}.` };
  },
};

async function drawFor(
  template: Awaited<ReturnType<typeof loadTemplate>>['template'],
  path: string,
  { env, settings }: Context,
) {
  const { draw } = await import('../workspace/open.js');
  const { trustState } = await import('../project/trust.js');
  const name = sanitiseSessionName(basename(path) || 'root');
  const size = settings().size;
  const drawn = draw(
    { path, env, overrides: {}, size, windows: [] },
    { name: '', origin: 'file', file: '', template, reason: '', notes: [] },
    trustState(path, env).state === 'trusted',
    { id: 'w000000000000', name, session: name },
  );
  const manual = (template.windows ?? []).flatMap((window) => (window.manual ? [window.name] : []));
  return { drawn, manual };
}
