import {
  type CheckedSettings,
  checkSettings,
  readSettingsFile,
  type Settings,
  type StoredSettings,
  settingsOf,
  settingsPath,
} from './settings.js';

/**
 * The settings of a process that lives long: read anew each time, so that a change holds without a restart. What
 * cannot be read, or is wrong, is as it was before: with the defaults in the place of a file that somebody is just
 * writing, more would be pruned than the user wants.
 */
export class KeptSettings {
  private values: Partial<StoredSettings> = {};

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  now(): Settings {
    return settingsOf(this.read().values, this.env);
  }

  /** A sentence for each thing that is wrong with the file. */
  problems(): string[] {
    return this.read().problems.map((problem) => `${settingsPath(this.env)}: ${problem}`);
  }

  private read(): CheckedSettings {
    const checked = checkSettings(readSettingsFile(settingsPath(this.env)), this.values);
    this.values = checked.values;
    return checked;
  }
}
