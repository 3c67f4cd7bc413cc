import { z } from 'zod';
import { parseDuration } from './duration.js';
import {
  defaultSettings,
  expected,
  isWebAddress,
  noticeKinds,
  parseSize,
  type SettingKey,
  type StoredSettings,
} from './settings.js';

/** What each setting is for and may hold: the thorough twin of the checks in `settings.ts`, for `cw config`. */
export const settingsSchema = z.strictObject({
  roots: words('roots', 'Folders whose subfolders are projects: where a name is looked up.'),
  size: z
    .string(expected.size)
    .refine((text) => parseSize(text) !== null, expected.size)
    .default(defaultSettings.size)
    .describe('Columns and rows of a workspace that is opened away from a terminal.'),
  template: z
    .string(expected.template)
    .min(1, expected.template)
    .nullable()
    .default(defaultSettings.template)
    .describe('The template for projects that name none; null: by the type of the project.'),
  'daemon.autostart': flag('daemon.autostart', 'Opening a workspace starts the daemon when none answers.'),
  'restore.on_boot': flag('restore.on_boot', 'Bring back after a boot what was open before it.'),
  'restore.on_server_death': z
    .enum(['auto', 'offer', 'never'], expected['restore.on_server_death'])
    .default(defaultSettings['restore.on_server_death'])
    .describe('A workspace whose tmux server died: restore it, ask first, or open its template.'),
  'restore.programs': z
    .array(z.string().min(1, expected['restore.programs']), expected['restore.programs'])
    .nullable()
    .default(null)
    .describe('Patterns of command lines that a restore starts by itself; null: the shipped ones.'),
  'import.environment': z
    .array(z.string().regex(/^[A-Za-z_]\w*$/), expected['import.environment'])
    .default([...defaultSettings['import.environment']])
    .describe('Names of variables that an imported archive may set besides the harmless ones.'),
  scrollback_lines: count('scrollback_lines', 'Most lines of scrollback saved of a pane; 0 saves none.'),
  pane_history: flag('pane_history', "Each pane's shell keeps a history of its own."),
  'schedule.save': schedule('schedule.save', 'When the daemon saves whatever events it may have missed.'),
  'schedule.prune': schedule('schedule.prune', 'When the daemon removes snapshots that are too old.'),
  'schedule.verify': schedule('schedule.verify', 'When the daemon rehearses a restore.'),
  'schedule.health': schedule('schedule.health', 'When the daemon looks at the health of workspaces.'),
  'schedule.cleanup': schedule(
    'schedule.cleanup',
    'When the daemon closes what `cw cleanup` would close; off until you set it.',
  ),
  'retention.minutes': count('retention.minutes', 'For so long one snapshot a minute is kept.'),
  'retention.hours': count('retention.hours', 'For so long one snapshot an hour is kept.'),
  'retention.days': count('retention.days', 'For so long one snapshot a day is kept.'),
  'retention.weeks': count('retention.weeks', 'For so long one snapshot a week is kept.'),
  'notify.on': z
    .array(z.enum(noticeKinds, expected['notify.on']), expected['notify.on'])
    .default([...defaultSettings['notify.on']])
    .describe(
      'What you are told of: an agent waits, finished or failed; a context fills; transcripts expire.',
    ),
  'notify.message': flag('notify.message', 'Tell in the status line of attached tmux clients.'),
  'notify.bell': flag('notify.bell', "Ring the bell of the agent's pane."),
  'notify.command': z
    .union([
      z.string().min(1),
      z.array(z.string()).refine((words) => Boolean(words[0]), expected['notify.command']),
    ])
    .nullable()
    .default(null)
    .describe(
      'Run this: words of a program with {title} and {text}, or a line of sh with $CW_TITLE and $CW_TEXT.',
    ),
  'notify.webhook': z
    .string(expected['notify.webhook'])
    .refine(isWebAddress, expected['notify.webhook'])
    .nullable()
    .default(null)
    .describe('Post each notice as JSON to this URL.'),
  'context.windows': z
    .record(z.string(), z.int().min(1000).max(1e9), expected['context.windows'])
    .nullable()
    .default(null)
    .describe("Tokens that fit into a context, by a part of the model's name; null: as cw knows them."),
  'context.compact': flag('context.compact', 'Send /compact to an idle agent whose context is 95 % full.'),
  'health.open_workspaces': count(
    'health.open_workspaces',
    'More open workspaces than this are too many to keep in mind.',
  ),
  'health.git_seconds': count(
    'health.git_seconds',
    'Seconds that git has for one working tree; after them its state is unknown.',
    1,
  ),
  'health.waiting_minutes': count(
    'health.waiting_minutes',
    'An agent that waits for you longer than this is told of.',
  ),
  'health.save_minutes': count(
    'health.save_minutes',
    'What was not saved for longer than this, though it changed, is told of.',
  ),
  'health.rehearsal_days': count(
    'health.rehearsal_days',
    'A workspace whose restore was not rehearsed for longer than this is told of; 0: none is.',
  ),
  'health.long_running_hours': count(
    'health.long_running_hours',
    'A command that runs longer than this, and is none that stays, is told of; 0: none is.',
  ),
  'health.cpu_percent': count(
    'health.cpu_percent',
    'A workspace that uses more of one core than this is told of; 0: none is.',
  ),
  'health.memory_mb': count(
    'health.memory_mb',
    'A workspace that uses more memory than this is told of, in MiB; 0: none is.',
  ),
  'health.tmux_memory_mb': count(
    'health.tmux_memory_mb',
    'More memory of the tmux server than this is told of, in MiB; 0: it is not.',
  ),
  'health.disk_free_mb': count(
    'health.disk_free_mb',
    'Less free space than this where the state is kept is told of, in MiB.',
  ),
  'health.expiring_days': count(
    'health.expiring_days',
    'Transcripts that Claude Code deletes within so many days are told of, where there is no copy.',
  ),
  'health.unused_forks': count(
    'health.unused_forks',
    'More unused forks of conversations than this are told of.',
  ),
  'health.restarts': count(
    'health.restarts',
    'How often in a row a program of the template (restart: always or on-failure) is started again.',
  ),
  'cleanup.older_than': z
    .string(expected['cleanup.older_than'])
    .refine((text) => parseDuration(text) !== null, expected['cleanup.older_than'])
    .default(defaultSettings['cleanup.older_than'])
    .describe('For so long a workspace has to be neither attached nor active before a cleanup may close it.'),
  'cleanup.keep_programs': z
    .array(
      z.string().regex(/^[^\s/]+$/, expected['cleanup.keep_programs']),
      expected['cleanup.keep_programs'],
    )
    .nullable()
    .default(null)
    .describe('Names of programs that keep their workspace from being cleaned; null: the shipped ones.'),
  'remote.ssh': words(
    'remote.ssh',
    'The ssh that reaches other hosts: a program, and options of its own.',
    1,
  ),
  'remote.hosts': words('remote.hosts', 'The hosts that `cw list --all-hosts` asks.'),
  'remote.seconds': z
    .int(expected['remote.seconds'])
    .min(1, expected['remote.seconds'])
    .max(600, expected['remote.seconds'])
    .default(defaultSettings['remote.seconds'])
    .describe('Seconds until a host counts as dead that cannot be reached; as many again for its answer.'),
}) satisfies z.ZodType<StoredSettings>;

function flag<Key extends SettingKey>(key: Key, description: string) {
  return z
    .boolean(expected[key])
    .default(defaultSettings[key] as boolean)
    .describe(description);
}

function words<Key extends SettingKey>(key: Key, description: string, least = 0) {
  return z
    .array(z.string().min(1, expected[key]), expected[key])
    .min(least, expected[key])
    .default([...(defaultSettings[key] as readonly string[])])
    .describe(description);
}

function count<Key extends SettingKey>(key: Key, description: string, least = 0) {
  return z
    .int(expected[key])
    .min(least, expected[key])
    .max(1_000_000, expected[key])
    .default(defaultSettings[key] as number)
    .describe(description);
}

function schedule<Key extends SettingKey>(key: Key, description: string) {
  return z
    .string(expected[key])
    .regex(/^(off|\S+( +\S+){4,5})$/, expected[key])
    .default(defaultSettings[key] as string)
    .describe(description);
}

export const settingKeys = Object.keys(settingsSchema.shape) as readonly SettingKey[];

/** One line on what a setting is for. */
export function describeSetting(key: SettingKey): string {
  return settingsSchema.shape[key].description ?? '';
}

/**
 * The value that words of a command line stand for: JSON (`null`, `["~/a"]`), or the text itself, or for a list the
 * words one by one.
 *
 * @returns null when the setting cannot hold any of them.
 */
export function valueFromWords(
  key: SettingKey,
  words: readonly string[],
): { readonly value: unknown } | null {
  const [first = ''] = words;
  const readings: unknown[] = words.length === 1 ? [...jsonOf(first), first, [first]] : [words];
  for (const reading of readings) {
    const result = settingsSchema.shape[key].safeParse(reading);
    if (result.success) return { value: result.data };
  }
  return null;
}

function jsonOf(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return []; // plain text
  }
}
