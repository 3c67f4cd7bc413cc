import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { looksSecret } from '../blueprint/secrets.js';
import { parseDotenv } from '../project/dotenv.js';
import { readSmallFile } from '../project/small-file.js';
import type { Snapshot } from '../snapshot/model.js';
import type { KnownSecret } from './redact.js';

/** A file of variables at the top of a project: `.env`, `.env.claude`, `.env.local`; no example of one. */
export const envFilePattern = /^\.env(?!.*\.(?:example|sample|template|dist)$)(\.[\w-]+)*$/;

/** The files of variables at the top of a folder, by their names. Ones that cannot be read are not among them. */
export function envFiles(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of namesIn(folder)
    .filter((one) => envFilePattern.test(one))
    .sort()) {
    const text = readable(join(folder, name));
    if (text !== null) found.set(name, text);
  }
  return found;
}

/**
 * Values that are secrets by what they are called or look like, in the workspace's environment and in the files of
 * variables of its folders: so that they are found wherever else they stand.
 */
export function knownSecrets(snapshot: Snapshot, folders: readonly string[]): KnownSecret[] {
  const { environment, windows } = snapshot.blueprint;
  const variables = [
    ...environment.map(({ name, value }) => [name, value ?? ''] as const),
    ...windows.flatMap((window) => window.panes.flatMap((pane) => Object.entries(pane.environment))),
    ...folders.flatMap((folder) =>
      [...envFiles(folder).values()].flatMap((text) =>
        parseDotenv(text).entries.map(({ name, value }) => [name, value] as const),
      ),
    ),
  ];
  return variables.flatMap(([name, value]) => (looksSecret(name, value) ? [{ name, value }] : []));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone, or closed to us: nothing of it is in the archive either
  }
}

function readable(path: string): string | null {
  try {
    return readSmallFile(path);
  } catch {
    return null;
  }
}
