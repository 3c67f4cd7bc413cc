import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Blueprint } from '../../blueprint/model.js';
import { CwError } from '../../errors.js';
import { resolveEnvironment } from '../../project/environment.js';
import { trustState } from '../../project/trust.js';
import { capture, indexReading } from '../../snapshot/capture.js';
import { commandLine, isPrintable } from '../../snapshot/command-line.js';
import { programsOf } from '../../snapshot/programs.js';
import { writeFileAtomic } from '../../system/files.js';
import { expandPath, homeFolder, shellWord, tildePath } from '../../system/paths.js';
import { harmless } from '../../system/visible.js';
import { readDetails, readServer } from '../../tmux/reading.js';
import { sessionLabel } from '../../workspace/find.js';
import type { Command } from '../command.js';
import { visible } from '../output.js';

export const verb: Command = {
  name: 'freeze',
  summary: 'Make a template of a workspace, or of any tmux session, as it is now.',
  description:
    'Windows, panes, layouts, folders, options, variables, and what runs. Folders are told relative to the project, and what looks secret is left out.',
  positionals: [{ name: 'name', describe: 'A workspace that is open, or a tmux session.', required: true }],
  options: {
    output: { type: 'string', short: 'o', value: 'FILE', describe: 'Write it there.' },
    force: { type: 'boolean', describe: 'Write over a file that is there.' },
  },
  examples: [
    { line: 'cw freeze shop', does: 'Print the template.' },
    { line: 'cw freeze shop -o ./mine.yaml', does: 'Write it, for cw up --template.' },
  ],
  async run(args, context) {
    const { env, cwd } = context;
    const name = args.positionals.name ?? '';
    const connection = context.tmux();
    const reading = await readServer(connection);
    const session =
      reading.sessions.find((one) => one.name === name) ??
      reading.sessions.find((one) => one.workspace !== null && sessionLabel(one.name) === name);
    if (!session)
      throw new CwError('not-found', `No workspace and no tmux session ${JSON.stringify(name)} is open.`, {
        hint: 'All workspaces: cw list. All sessions: tmux list-sessions',
      });
    const index = indexReading(reading);
    const windows = index.windows.get(session.id) ?? [];
    const panes = windows.flatMap((window) => index.panesByWindow.get(window.id) ?? []);
    const details = await readDetails(connection, reading.version, {
      sessions: [session.id],
      windows: windows.map((window) => window.id),
      panes: panes.map((pane) => pane.id),
    });
    const captured = capture(index, details, session);
    if (!captured) throw new CwError('failed', `${name} ended while it was being read.`);
    const { paneIds } = captured;
    const blueprint = withPlainStarts(captured.blueprint, (key) => {
      const pane = panes.find(({ id }) => id === paneIds.get(key));
      return !pane?.mark;
    });
    const root = blueprint.path || blueprint.windows[0]!.panes[0]!.cwd;
    const programs = programsOf(panes);
    const running = new Map(
      [...paneIds].flatMap(([key, id]) => {
        const program = programs.get(id);
        const argv =
          program?.kind === 'group' && program.form === 'command' ? program.processes[0]?.argv : undefined;
        const line = argv && commandLine(argv);
        return line !== undefined && isPrintable(line) ? [[key, line] as const] : [];
      }),
    );
    const given = resolveEnvironment({
      path: root,
      name: blueprint.name,
      template: {},
      overrides: {},
      trusted: trustState(root, env).state === 'trusted',
      env,
    });
    const { freeze } = await import('../../template/freeze.js');
    const { template, warnings } = freeze(blueprint, {
      root,
      home: homeFolder(env),
      hostName: hostname(),
      given: Object.fromEntries(given.variables.map((one) => [one.name, one.value])),
      running,
    });
    const { printTemplate } = await import('../../template/print.js');
    const yaml = printTemplate(template);
    for (const warning of warnings) context.note(visible(warning));
    const data = { name: blueprint.name, template, warnings };
    if (typeof args.options.output !== 'string') return { data, text: harmless(yaml.trimEnd()) };
    const file = expandPath(args.options.output, cwd, env);
    if (args.options.force !== true && statSync(file, { throwIfNoEntry: false }))
      throw new CwError('refused', `${tildePath(file, env)} is there already. Nothing was written.`, {
        hint: 'Write over it: --force',
      });
    writeFileAtomic(file, yaml);
    return {
      data: { ...data, file },
      text: `Wrote ${tildePath(file, env)}.\n  open   cw up PATH --template ${shellWord(tildePath(file, env))}`,
    };
  },
};

/** tmux shows a start command of one word, which is a line for the shell, in quotes: without them, where tmux made the pane. */
function withPlainStarts(blueprint: Blueprint, isForeign: (key: string) => boolean): Blueprint {
  const plain = (line: string | null): string | null =>
    line === null || !/^"(?:[^"\\]|\\.)*"$/.test(line)
      ? line
      : line.slice(1, -1).replace(/\\(["\\$])/g, '$1');
  return {
    ...blueprint,
    windows: blueprint.windows.map((window) => ({
      ...window,
      panes: window.panes.map((pane) =>
        isForeign(pane.key) ? { ...pane, startCommand: plain(pane.startCommand) } : pane,
      ),
    })),
  };
}
