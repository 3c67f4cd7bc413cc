import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CwError, messageOf, systemCode } from '../../errors.js';
import { projectTemplateName } from '../../project/project-file.js';
import { trustState } from '../../project/trust.js';
import { expandPath, tildePath } from '../../system/paths.js';
import { chooseTemplate } from '../../template/choose.js';
import {
  type LoadedTemplate,
  loadTemplate,
  loadTemplateFile,
  templateNames,
  userTemplateFiles,
  userTemplatesFolder,
} from '../../template/load.js';
import { projectFolder } from '../../workspace/find.js';
import type { Command, Context, Verb } from '../command.js';
import { exportCommand, importCommand } from '../foreign-templates.js';
import { table, visible } from '../output.js';
import { checkExpansion } from '../template-check.js';

const list: Command = {
  name: 'template list',
  summary: 'All templates: yours, then the shipped ones, by name.',
  examples: [{ line: 'cw template list', does: 'What there is to open a project with.' }],
  async run(_args, context) {
    const { env } = context;
    const own = userTemplateFiles(env);
    const entries = await Promise.all(
      (await templateNames(env)).map(async (name) => {
        try {
          const { origin, file, template } = await loadTemplate(name, env);
          return { name, origin, file, description: template.description ?? '' };
        } catch (error) {
          // One that does not read must not hide the others.
          const reason = messageOf(error).split('\n')[0] ?? '';
          return { name, origin: 'user', file: own.get(name) ?? '', description: '', error: reason };
        }
      }),
    );
    const rows = entries.map((entry) => [
      entry.name,
      entry.origin === 'user' ? 'yours' : entry.origin,
      'error' in entry ? `broken: ${entry.error}` : entry.description,
    ]);
    return {
      data: entries,
      text: table([['TEMPLATE', 'FROM', 'FOR'], ...rows], context.terminal.columns, [
        { fixed: true },
        { fixed: true },
      ]),
    };
  },
};

const show: Command = {
  name: 'template show',
  summary: 'One template as YAML, with what it extends put in.',
  positionals: [
    { name: 'name', completes: 'template', describe: 'A template, or a YAML file.', required: true },
  ],
  examples: [{ line: 'cw template show react', does: 'What a React project is opened with.' }],
  async run(args, context) {
    const loaded = await load(args.positionals.name ?? '', context);
    const { printTemplate } = await import('../../template/print.js');
    const { name, origin, file, template } = loaded;
    const head = `# ${name}, ${origin === 'shipped' ? 'shipped' : 'yours'}: ${visible(tildePath(file, context.env))}`;
    return { data: { name, origin, file, template }, text: `${head}\n${printTemplate(template).trimEnd()}` };
  },
};

const detect: Command = {
  name: 'template detect',
  summary: 'Which template a folder is opened with, and why.',
  positionals: [{ name: 'path', describe: 'A folder; this one when not given.' }],
  examples: [
    { line: 'cw template detect', does: 'Of the folder you are in.' },
    { line: 'cw template detect ~/projects/shop', does: 'Of another one.' },
  ],
  async run(args, context) {
    const path = folder(args.positionals.path ?? '.', context);
    const trusted = trustState(path, context.env).state === 'trusted';
    const { env, cwd } = context;
    const chosen = await chooseTemplate({ path, trusted, preferred: context.settings().template, env, cwd });
    for (const note of chosen.notes) context.note(visible(note));
    const { name, origin, file, reason, notes } = chosen;
    return { data: { path, name, origin, file, reason, notes }, text: visible(`${name}: ${reason}`) };
  },
};

const validate: Command = {
  name: 'template validate',
  summary: 'Check a template: its YAML, keys and values, what it extends, its layouts and holes.',
  positionals: [
    {
      name: 'template',
      completes: 'template',
      describe: `A name or a YAML file; ${projectTemplateName} of this folder when not given.`,
    },
  ],
  examples: [
    { line: 'cw template validate python', does: 'Check a template by name.' },
    { line: 'cw template validate ./.cw.yaml', does: "Check a project's own.", exit: 3 },
  ],
  async run(args, context) {
    const loaded = await load(args.positionals.template ?? projectTemplateName, context);
    checkExpansion(loaded, context);
    const windows = loaded.template.windows?.length ?? 0;
    return {
      data: { valid: true, name: loaded.name, origin: loaded.origin, file: loaded.file },
      text: `${visible(tildePath(loaded.file, context.env))} is a good template: ${windows} window${windows === 1 ? '' : 's'}.`,
    };
  },
};

const create: Command = {
  name: 'template new',
  summary: 'Write a template of your own to begin with, full of comments.',
  positionals: [{ name: 'name', describe: 'Its name: letters, digits, - and _.', required: true }],
  options: {
    from: {
      type: 'string',
      completes: 'template',
      value: 'T',
      describe: 'The template that it extends; generic when not given.',
    },
  },
  examples: [{ line: 'cw template new shop --from react', does: 'A variation of the React template.' }],
  async run(args, context) {
    const { env } = context;
    const name = args.positionals.name ?? '';
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
      throw new CwError('usage', `${JSON.stringify(name.slice(0, 80))} cannot be the name of a template.`, {
        hint: 'Up to 64 letters, digits, - and _, the first one a letter or a digit.',
      });
    }
    const names = await templateNames(env);
    const existing = userTemplateFiles(env).get(name);
    if (existing !== undefined) throw exists(existing, env);
    // A template of a shipped one's name takes its place, and extends it.
    const base =
      typeof args.options.from === 'string' ? args.options.from : names.includes(name) ? name : 'generic';
    await loadTemplate(base, env);
    const { starterTemplate } = await import('../../template/starter.js');
    const file = join(userTemplatesFolder(env), `${name}.yaml`);
    mkdirSync(userTemplatesFolder(env), { recursive: true, mode: 0o700 });
    try {
      writeFileSync(file, starterTemplate(name, base), { flag: 'wx' });
    } catch (error) {
      if (systemCode(error) === 'EEXIST') throw exists(file, env);
      throw error;
    }
    const replaces = names.includes(name) ? [`It takes the place of the shipped "${name}".`] : [];
    return {
      data: { name, file, extends: base },
      text: [
        `Wrote ${tildePath(file, env)}, which extends ${base}.`,
        ...replaces,
        `  edit   ${env.EDITOR ?? 'vi'} ${tildePath(file, env)}`,
        `  check  cw template validate ${name}`,
        `  use    cw up PATH --template ${name}`,
      ].join('\n'),
    };
  },
};

function exists(file: string, env: NodeJS.ProcessEnv): CwError {
  return new CwError('refused', `${tildePath(file, env)} is there already. Nothing was written.`, {
    hint: 'Edit it, or give another name.',
  });
}

/** A template by name, or in a file: a word with a slash, or one that ends in .yaml or .yml. */
async function load(word: string, context: Context): Promise<LoadedTemplate> {
  if (word === '') throw new CwError('usage', 'The template is an empty word.', { hint: 'cw template list' });
  if (!word.includes('/') && !/\.ya?ml$/.test(word)) return loadTemplate(word, context.env);
  return loadTemplateFile(expandPath(word, context.cwd, context.env), 'file', context.env);
}

function folder(word: string, context: Context): string {
  return projectFolder(expandPath(word, context.cwd, context.env), context.env);
}

export const verb: Verb = {
  name: 'template',
  summary: 'The templates that projects are opened with.',
  subcommands: { list, show, detect, validate, new: create, import: importCommand, export: exportCommand },
};
