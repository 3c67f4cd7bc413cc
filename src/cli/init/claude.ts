import { CwError } from '../../errors.js';
import { changeUserFile, changingOptions, checkChanging } from '../changing-file.js';
import type { Command } from '../command.js';

export const claude: Command = {
  name: 'init claude',
  summary: "Write cw's hooks into Claude Code's own settings.",
  description:
    'Panes that cw starts bring their hooks along; this is for those in which you start claude yourself. Shows what would change in settings.json and asks before it is written; comments, order and form stay. The undo gives the file back as it was.',
  options: {
    user: { type: 'boolean', describe: 'Your own settings, for all projects (the default).' },
    project: { type: 'boolean', describe: "The settings of the project's folder that you are in." },
    ...changingOptions,
  },
  examples: [
    { line: 'cw init claude --print', does: 'See the hooks first.' },
    { line: 'cw init claude --yes', does: 'Write them, for all projects.' },
    { line: 'cw init claude --remove --yes', does: 'As it was before.' },
  ],
  async run(args, context) {
    const { print, remove, user, project, yes } = args.options;
    checkChanging(args.options);
    if (user && project)
      throw new CwError('usage', 'Both --user and --project were given.', { hint: 'Give one of them.' });
    // Loaded here: its library is large.
    const { claudeSettings, settingsPath } = await import('../../integration/claude-settings.js');
    const path = settingsPath(project ? 'project' : 'user', context.env, context.cwd);
    if (print) {
      const text = claudeSettings.put(null, path);
      return { data: { path, settings: JSON.parse(text) }, text: text.trimEnd() };
    }
    return changeUserFile(
      {
        path,
        edit: claudeSettings,
        what: 'hooks',
        line: `cw init claude${project ? ' --project' : ''}`,
        remove: remove === true,
        yes: yes === true,
      },
      context,
    );
  },
};
