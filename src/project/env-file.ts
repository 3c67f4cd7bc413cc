import { join } from 'node:path';
import { type Dotenv, parseDotenv } from './dotenv.js';
import { readSmallFile } from './small-file.js';

/** A project's variables, in its folder. */
export const envFileName = '.env.claude';

/**
 * Reads the project's `.env.claude`; without one there are no variables.
 *
 * @throws CwError `failed` when there is one that cannot be read.
 */
export function readEnvFile(project: string): Dotenv {
  const text = readSmallFile(join(project, envFileName));
  return text === null ? { entries: [], problems: [] } : parseDotenv(text);
}
