import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject } from '../claude/transcripts.js';
import { messageOf, systemCode } from '../errors.js';
import { envFilePattern } from './known-secrets.js';
import { memberName } from './members.js';
import type { ReadArchive } from './read.js';

/** Files of an archive that go into the project's folder. What is there already is never written over. */

/** Puts the journal into `.sessions`. @returns sentences on what was not. */
export function placeJournal(
  archive: ReadArchive,
  fileOf: (name: string) => string,
  project: string,
): string[] {
  return archive.members.flatMap((member) => {
    if (member.kind !== 'journal') return [];
    return placeFile(project, `.sessions/${member.path}`, readFileSync(fileOf(member.name)));
  });
}

/** Puts the files of variables into the project. @returns sentences on what was not. */
export function placeVariables(archive: ReadArchive, project: string): string[] {
  const bytes = archive.memory.get(memberName.variables);
  if (!bytes) return [];
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    value = null;
  }
  if (!isObject(value)) return ['The files of variables were left out: they cannot be read.'];
  return Object.entries(value).flatMap(([name, text]) =>
    envFilePattern.test(name) && typeof text === 'string' ? placeFile(project, name, Buffer.from(text)) : [],
  );
}

/** @param path below the project's folder, of names that `members.ts` or `envFilePattern` has checked. */
function placeFile(project: string, path: string, data: Buffer): string[] {
  try {
    if (!makeFolders(project, dirname(path))) return [`${path} was left out: a folder of it is a link here.`];
    writeFileSync(join(project, path), data, { flag: 'wx', mode: 0o600 });
    return [];
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') return [`${path} was left out: ${messageOf(error)}.`];
    return isEqual(join(project, path), data) ? [] : [`${path} is here and differs: it was left as it is.`];
  }
}

/** Makes the folders down to this one. @returns false where one is a link, which could lead anywhere. */
function makeFolders(project: string, folder: string): boolean {
  let at = project;
  for (const name of folder.split('/').filter((part) => part !== '.')) {
    at = join(at, name);
    const state = lstatSync(at, { throwIfNoEntry: false });
    if (state?.isSymbolicLink()) return false;
    if (!state) mkdirSync(at, { mode: 0o700 });
  }
  return true;
}

function isEqual(path: string, data: Buffer): boolean {
  const state = lstatSync(path, { throwIfNoEntry: false });
  return state?.isFile() === true && state.size === data.length && readFileSync(path).equals(data);
}
