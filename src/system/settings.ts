import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { durationForm, parseDuration } from './duration.js';
import { readTextIfAny } from './files.js';
import { configFolder, expandPath, homeFolder } from './paths.js';

/** The user's settings, `$XDG_CONFIG_HOME/cw/config.json`, with the defaults put in. */
export interface Settings {
  /** Folders whose subfolders are projects, absolute. */
  readonly roots: readonly string[];
  /** The size of a workspace that is opened away from a terminal, `COLUMNSxROWS`. */
  readonly size: { readonly width: number; readonly height: number };
  /** The template when nothing else names one; null: by detection. */
  readonly template: string | null;
  /** Opening a workspace starts the daemon when none answers. */
  readonly daemonAutostart: boolean;
  /** Bring back what was open before a boot. */
  readonly restoreOnBoot: boolean;
  /** What to do with a workspace whose server died: restore it, ask first, or open its template. */
  readonly restoreOnServerDeath: 'auto' | 'offer' | 'never';
  /** Patterns of the command lines that a restore starts by itself; null: the shipped ones. */
  readonly restorePrograms: readonly string[] | null;
  /** Names of variables that an imported archive may set besides the harmless ones. */
  readonly importEnvironment: readonly string[];
  /** Most lines of scrollback saved of a pane; 0 saves none. */
  readonly scrollbackLines: number;
  /** Each pane's shell keeps a history of its own. */
  readonly paneHistory: boolean;
  /** When the daemon does what, as cron expressions in local time; `off` never. */
  readonly schedules: Readonly<Record<ScheduleName, string>>;
  /** Who is told of what, and how. */
  readonly notify: {
    readonly on: readonly NoticeKind[];
    /** A message in the status line of each attached client. */
    readonly message: boolean;
    /** The bell of the pane that it is about. */
    readonly bell: boolean;
    /** A line of sh, or the words of a program; null: none. */
    readonly command: string | readonly string[] | null;
    /** A URL that gets each notice as JSON; null: none. */
    readonly webhook: string | null;
  };
  readonly context: {
    /** Tokens that fit into a context, by a part of the model's name; null: what is known of models. */
    readonly windows: Readonly<Record<string, number>> | null;
    /** Sends `/compact` when it is nearly full. */
    readonly compact: boolean;
  };
  /** How long snapshots are kept: one a minute, one an hour, one a day, one a week. */
  readonly retention: {
    readonly minutes: number;
    readonly hours: number;
    readonly days: number;
    readonly weeks: number;
  };
  readonly health: HealthLimits;
  readonly cleanup: {
    /** Milliseconds since it was last attached or active, after which a workspace may be closed. */
    readonly olderThan: number;
    /** Names of programs that keep their workspace open; null: the shipped ones. */
    readonly keepPrograms: readonly string[] | null;
  };
  readonly remote: {
    /** The ssh program, with options of its own. */
    readonly ssh: readonly string[];
    /** What `cw list --all-hosts` asks. */
    readonly hosts: readonly string[];
    /** To reach a host; for its answer as many again. */
    readonly seconds: number;
  };
}

/** From where on a health check warns. The unit is in the name; what 0 means, in `settings-schema.ts`. */
export interface HealthLimits {
  readonly openWorkspaces: number;
  readonly gitSeconds: number;
  readonly waitingMinutes: number;
  readonly saveMinutes: number;
  readonly rehearsalDays: number;
  readonly longRunningHours: number;
  readonly cpuPercent: number;
  readonly memoryMb: number;
  readonly tmuxMemoryMb: number;
  readonly diskFreeMb: number;
  readonly expiringDays: number;
  readonly unusedForks: number;
  readonly restarts: number;
}

export type ScheduleName = 'save' | 'prune' | 'verify' | 'health' | 'cleanup';

/** What there is to be told. */
export const noticeKinds = ['waiting', 'finished', 'failed', 'context', 'retention', 'health'] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** The values as the file has them. */
export interface StoredSettings {
  readonly roots: readonly string[];
  readonly size: string;
  readonly template: string | null;
  readonly 'daemon.autostart': boolean;
  readonly 'restore.on_boot': boolean;
  readonly 'restore.on_server_death': 'auto' | 'offer' | 'never';
  readonly 'restore.programs': readonly string[] | null;
  readonly 'import.environment': readonly string[];
  readonly scrollback_lines: number;
  readonly pane_history: boolean;
  readonly 'schedule.save': string;
  readonly 'schedule.prune': string;
  readonly 'schedule.verify': string;
  readonly 'schedule.health': string;
  readonly 'schedule.cleanup': string;
  readonly 'retention.minutes': number;
  readonly 'retention.hours': number;
  readonly 'retention.days': number;
  readonly 'retention.weeks': number;
  readonly 'notify.on': readonly NoticeKind[];
  readonly 'notify.message': boolean;
  readonly 'notify.bell': boolean;
  readonly 'notify.command': string | readonly string[] | null;
  readonly 'notify.webhook': string | null;
  readonly 'context.windows': Readonly<Record<string, number>> | null;
  readonly 'context.compact': boolean;
  readonly 'health.open_workspaces': number;
  readonly 'health.git_seconds': number;
  readonly 'health.waiting_minutes': number;
  readonly 'health.save_minutes': number;
  readonly 'health.rehearsal_days': number;
  readonly 'health.long_running_hours': number;
  readonly 'health.cpu_percent': number;
  readonly 'health.memory_mb': number;
  readonly 'health.tmux_memory_mb': number;
  readonly 'health.disk_free_mb': number;
  readonly 'health.expiring_days': number;
  readonly 'health.unused_forks': number;
  readonly 'health.restarts': number;
  readonly 'cleanup.older_than': string;
  readonly 'cleanup.keep_programs': readonly string[] | null;
  readonly 'remote.ssh': readonly string[];
  readonly 'remote.hosts': readonly string[];
  readonly 'remote.seconds': number;
}

export type SettingKey = keyof StoredSettings;

/**
 * What each key may hold, checked by hand: the everyday verbs read settings, and must not load a schema library for
 * it. `settings-schema.ts` says the same to `cw config`, with descriptions; a test holds the two together.
 */
const checks: { readonly [Key in SettingKey]: (value: unknown) => boolean } = {
  roots: isWords,
  size: (value) => typeof value === 'string' && parseSize(value) !== null,
  template: (value) => value === null || (typeof value === 'string' && value.length > 0),
  'daemon.autostart': isBoolean,
  'restore.on_boot': isBoolean,
  'restore.on_server_death': (value) => value === 'auto' || value === 'offer' || value === 'never',
  'import.environment': (value) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string' && /^[A-Za-z_]\w*$/.test(name)),
  'restore.programs': (value) =>
    value === null ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string' && item.length > 0)),
  scrollback_lines: isCount,
  pane_history: isBoolean,
  'schedule.save': isSchedule,
  'schedule.prune': isSchedule,
  'schedule.verify': isSchedule,
  'schedule.health': isSchedule,
  'schedule.cleanup': isSchedule,
  'retention.minutes': isCount,
  'retention.hours': isCount,
  'retention.days': isCount,
  'retention.weeks': isCount,
  'notify.on': (value) =>
    Array.isArray(value) && value.every((item) => noticeKinds.some((kind) => kind === item)),
  'notify.message': isBoolean,
  'notify.bell': isBoolean,
  'notify.command': (value) =>
    value === null ||
    (typeof value === 'string' && value.length > 0) ||
    (Array.isArray(value) && Boolean(value[0]) && value.every((word) => typeof word === 'string')),
  'notify.webhook': (value) => value === null || (typeof value === 'string' && isWebAddress(value)),
  'context.windows': (value) => value === null || isWindows(value),
  'context.compact': isBoolean,
  'health.open_workspaces': isCount,
  'health.git_seconds': (value) => isCount(value) && value !== 0,
  'health.waiting_minutes': isCount,
  'health.save_minutes': isCount,
  'health.rehearsal_days': isCount,
  'health.long_running_hours': isCount,
  'health.cpu_percent': isCount,
  'health.memory_mb': isCount,
  'health.tmux_memory_mb': isCount,
  'health.disk_free_mb': isCount,
  'health.expiring_days': isCount,
  'health.unused_forks': isCount,
  'health.restarts': isCount,
  'cleanup.older_than': (value) => typeof value === 'string' && parseDuration(value) !== null,
  'cleanup.keep_programs': (value) =>
    value === null ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string' && /^[^\s/]+$/.test(item))),
  'remote.ssh': (value) => isWords(value) && value.length > 0,
  'remote.hosts': isWords,
  'remote.seconds': (value) => isCount(value) && Number(value) >= 1 && Number(value) <= 600,
};

function isWords(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item.length > 0);
}

/** A URL that something can be posted to. */
export function isWebAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

function isWindows(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (tokens) => typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 1000 && tokens <= 1e9,
  );
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 1_000_000;
}

/** Five or six fields, or `off`. What they mean is checked by who runs them. */
function isSchedule(value: unknown): boolean {
  return typeof value === 'string' && (value === 'off' || /^\S+( +\S+){4,5}$/.test(value));
}

export const defaultSettings: StoredSettings = {
  roots: ['~/projects'],
  size: '200x50',
  template: null,
  'daemon.autostart': true,
  'restore.on_boot': true,
  'restore.on_server_death': 'offer',
  'restore.programs': null,
  'import.environment': [],
  scrollback_lines: 5000,
  pane_history: true,
  'schedule.save': '*/15 * * * *',
  'schedule.prune': '7 * * * *',
  'schedule.verify': '23 3 * * *',
  'schedule.health': '*/10 * * * *',
  'schedule.cleanup': 'off',
  'retention.minutes': 60,
  'retention.hours': 24,
  'retention.days': 14,
  'retention.weeks': 13,
  'notify.on': noticeKinds,
  'notify.message': true,
  'notify.bell': false,
  'notify.command': null,
  'notify.webhook': null,
  'context.windows': null,
  'context.compact': false,
  'health.open_workspaces': 10,
  'health.git_seconds': 5,
  'health.waiting_minutes': 30,
  'health.save_minutes': 60,
  'health.rehearsal_days': 7,
  'health.long_running_hours': 24,
  'health.cpu_percent': 150,
  'health.memory_mb': 4096,
  'health.tmux_memory_mb': 1024,
  'health.disk_free_mb': 1024,
  'health.expiring_days': 3,
  'health.unused_forks': 10,
  'health.restarts': 5,
  'cleanup.older_than': '24h',
  'cleanup.keep_programs': null,
  'remote.ssh': ['ssh'],
  'remote.hosts': [],
  'remote.seconds': 10,
};

/** What stands in words for a value that is right. */
export const expected: { readonly [Key in SettingKey]: string } = {
  roots: 'a list of folders',
  size: 'a size like 200x50, each side 10 to 10000',
  template: 'the name of a template, or null',
  'daemon.autostart': 'true or false',
  'restore.on_boot': 'true or false',
  'restore.on_server_death': 'auto, offer or never',
  'restore.programs': 'a list of patterns, or null',
  'import.environment': 'a list of names of variables',
  scrollback_lines: 'a whole number of lines',
  pane_history: 'true or false',
  'schedule.save': 'a cron expression, or off',
  'schedule.prune': 'a cron expression, or off',
  'schedule.verify': 'a cron expression, or off',
  'schedule.health': 'a cron expression, or off',
  'schedule.cleanup': 'a cron expression, or off',
  'retention.minutes': 'a whole number',
  'retention.hours': 'a whole number',
  'retention.days': 'a whole number',
  'retention.weeks': 'a whole number',
  'notify.on': `a list of ${noticeKinds.join(', ')}`,
  'notify.message': 'true or false',
  'notify.bell': 'true or false',
  'notify.command': 'a line of sh, or a list of words, or null',
  'notify.webhook': 'an http or https URL, or null',
  'context.windows': 'an object of models with their tokens, or null',
  'context.compact': 'true or false',
  'health.open_workspaces': 'a whole number',
  'health.git_seconds': 'a whole number of seconds from 1',
  'health.waiting_minutes': 'a whole number of minutes',
  'health.save_minutes': 'a whole number of minutes',
  'health.rehearsal_days': 'a whole number of days',
  'health.long_running_hours': 'a whole number of hours',
  'health.cpu_percent': 'a whole number of percent',
  'health.memory_mb': 'a whole number of MiB',
  'health.tmux_memory_mb': 'a whole number of MiB',
  'health.disk_free_mb': 'a whole number of MiB',
  'health.expiring_days': 'a whole number of days',
  'health.unused_forks': 'a whole number',
  'health.restarts': 'a whole number',
  'cleanup.older_than': durationForm,
  'cleanup.keep_programs': 'a list of names of programs, or null',
  'remote.ssh': 'the words of an ssh program',
  'remote.hosts': 'a list of hosts',
  'remote.seconds': 'a whole number of seconds from 1 to 600',
};

/** A size as `COLUMNSxROWS`, or null. tmux takes up to 10,000 cells a side. */
export function parseSize(text: string): { width: number; height: number } | null {
  const match = /^(\d{2,5})x(\d{2,5})$/.exec(text);
  if (!match) return null;
  const [width, height] = [Number(match[1]), Number(match[2])];
  return width >= 10 && height >= 10 && width <= 10_000 && height <= 10_000 ? { width, height } : null;
}

export function settingsPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(configFolder(env), 'config.json');
}

/** True for a key that there is. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(checks, key);
}

/** Reads the settings. A value that is wrong counts as its default, and is warned of with its file and key. */
export function loadSettings(env: NodeJS.ProcessEnv, warn: (text: string) => void): Settings {
  const path = settingsPath(env);
  const { values, problems } = checkSettings(readSettingsFile(path));
  for (const problem of problems) warn(`${path}: ${problem}`);
  return settingsOf(values, env);
}

/** The right values of a file, and the defaults for all others, as the program uses them. */
export function settingsOf(values: Partial<StoredSettings>, env: NodeJS.ProcessEnv): Settings {
  const stored = { ...defaultSettings, ...values };
  return {
    roots: stored.roots.map((root) => expandPath(root, homeFolder(env), env)),
    size: parseSize(stored.size)!,
    template: stored.template,
    daemonAutostart: stored['daemon.autostart'],
    restoreOnBoot: stored['restore.on_boot'],
    restoreOnServerDeath: stored['restore.on_server_death'],
    restorePrograms: stored['restore.programs'],
    importEnvironment: stored['import.environment'],
    scrollbackLines: stored.scrollback_lines,
    paneHistory: stored.pane_history,
    schedules: {
      save: stored['schedule.save'],
      prune: stored['schedule.prune'],
      verify: stored['schedule.verify'],
      health: stored['schedule.health'],
      cleanup: stored['schedule.cleanup'],
    },
    retention: {
      minutes: stored['retention.minutes'],
      hours: stored['retention.hours'],
      days: stored['retention.days'],
      weeks: stored['retention.weeks'],
    },
    notify: {
      on: stored['notify.on'],
      message: stored['notify.message'],
      bell: stored['notify.bell'],
      command: stored['notify.command'],
      webhook: stored['notify.webhook'],
    },
    context: { windows: stored['context.windows'], compact: stored['context.compact'] },
    health: {
      openWorkspaces: stored['health.open_workspaces'],
      gitSeconds: stored['health.git_seconds'],
      waitingMinutes: stored['health.waiting_minutes'],
      saveMinutes: stored['health.save_minutes'],
      rehearsalDays: stored['health.rehearsal_days'],
      longRunningHours: stored['health.long_running_hours'],
      cpuPercent: stored['health.cpu_percent'],
      memoryMb: stored['health.memory_mb'],
      tmuxMemoryMb: stored['health.tmux_memory_mb'],
      diskFreeMb: stored['health.disk_free_mb'],
      expiringDays: stored['health.expiring_days'],
      unusedForks: stored['health.unused_forks'],
      restarts: stored['health.restarts'],
    },
    cleanup: {
      olderThan: parseDuration(stored['cleanup.older_than'])!,
      keepPrograms: stored['cleanup.keep_programs'],
    },
    remote: {
      ssh: stored['remote.ssh'],
      hosts: stored['remote.hosts'],
      seconds: stored['remote.seconds'],
    },
  };
}

/** The file's content: a JSON object, `{}` where there is no file, or why it cannot be read. */
export function readSettingsFile(
  path: string,
): Readonly<Record<string, unknown>> | { readonly unreadable: string } {
  try {
    const text = readTextIfAny(path);
    if (text === null) return {};
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      return content as Record<string, unknown>;
    }
    return { unreadable: 'it does not hold a JSON object' };
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

export interface CheckedSettings {
  /** The right values of the file. */
  readonly values: Partial<StoredSettings>;
  /** A sentence for each value that is wrong. */
  readonly problems: readonly string[];
  /** Keys that nothing here knows. */
  readonly unknown: readonly string[];
}

/**
 * Sorts the content of a settings file into right, wrong and unknown.
 *
 * @param before the right values of an earlier reading, which hold where something is wrong now; else the defaults do.
 */
export function checkSettings(
  content: ReturnType<typeof readSettingsFile>,
  before: Partial<StoredSettings> = {},
): CheckedSettings {
  if (typeof content.unreadable === 'string') {
    const held = Object.keys(before).length > 0 ? 'what was read before holds' : 'the defaults hold';
    return { values: before, problems: [`cannot be read (${content.unreadable}); ${held}.`], unknown: [] };
  }
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(content)) {
    if (!isSettingKey(key)) unknown.push(key);
    else if (checks[key](value)) values[key] = value;
    else {
      const isKnown = before[key] !== undefined;
      const held = JSON.stringify(before[key] ?? defaultSettings[key]);
      if (isKnown) values[key] = before[key];
      problems.push(
        `"${key}" is ${JSON.stringify(value)}, not ${expected[key]}; ${isKnown ? `${held}, as before,` : `the default ${held}`} holds.`,
      );
    }
  }
  return { values, problems, unknown };
}
