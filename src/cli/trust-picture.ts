import type { Template, TemplatePane } from '../blueprint/template.js';
import { isCwError } from '../errors.js';
import { envFileName } from '../project/env-file.js';
import { projectFileName, projectTemplateName } from '../project/project-file.js';
import type { TrustReport } from '../project/trust.js';
import { tildePath } from '../system/paths.js';
import { parseTemplate } from '../template/parse.js';
import { visible } from './output.js';

/**
 * What a project would run by its own files, for people who are asked whether it may. Loads the YAML parser: import
 * it dynamically.
 */
export function trustPicture(report: TrustReport, env: NodeJS.ProcessEnv): string {
  const path = tildePath(report.path, env);
  if (report.state === 'nothing-to-trust')
    return `${path} has no commands of its own: there is nothing to trust.`;
  const head =
    report.state === 'trusted'
      ? `${path} is trusted to run this, of its own:`
      : report.state === 'changed'
        ? `${path} has changed since you trusted it. It now wants to run this, of its own:`
        : `${path} wants to run this, of its own:`;
  const scripts = report.files.filter(
    (file) => ![projectTemplateName, projectFileName, envFileName].includes(file),
  );
  return [
    head,
    ...section(projectTemplateName, report.template === null ? [] : templateLines(report.template)),
    ...section(
      projectFileName,
      report.commands.map(({ from, run }) => `${from}: ${run}`),
    ),
    ...section(
      envFileName,
      report.variables.map(({ name, value }) => `${name}=${value}`),
    ),
    ...(scripts.length === 0
      ? []
      : [`  and the scripts ${scripts.map(visible).join(', ')}, as they are now`]),
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines.map((line) => `    ${visible(line)}`)];
}

/** Everything of a template that can run or change what runs. */
function templateLines(text: string): string[] {
  let template: Template;
  try {
    template = parseTemplate(text, projectTemplateName);
  } catch (error) {
    if (!isCwError(error)) throw error;
    return [`cannot be read: ${error.message.split('\n')[0]}`];
  }
  const lines: string[] = [];
  const map = (place: string, entries: Readonly<Record<string, unknown>> | undefined) => {
    for (const [name, value] of Object.entries(entries ?? {})) lines.push(`${place} ${name}: ${value}`);
  };
  if (template.extends !== undefined) lines.push(`extends: ${template.extends}`);
  map('variable', template.vars);
  map('environment', template.env);
  map('option', template.options);
  map('hook', template.hooks);
  for (const window of template.windows ?? []) {
    map(`window ${window.name}, option`, window.options);
    for (const [at, entry] of (window.panes ?? []).entries()) {
      const place = `window ${window.name}, pane ${at + 1}`;
      const pane: TemplatePane = typeof entry === 'string' ? { run: entry } : (entry ?? {});
      for (const candidate of [pane.run ?? []].flat()) {
        lines.push(`${place}: ${typeof candidate === 'string' ? candidate : candidate.run}`);
      }
      if (pane.start_command !== undefined) lines.push(`${place}: ${pane.start_command}`);
      if (pane.typed !== undefined) lines.push(`${place}, typed: ${pane.typed}`);
      map(`${place}, option`, pane.options);
      if (pane.shell !== undefined) lines.push(`${place}, shell: ${pane.shell}`);
      map(`${place}, environment`, pane.env);
    }
  }
  return lines.length > 0 ? lines : ['no commands: names, folders and layouts only'];
}
