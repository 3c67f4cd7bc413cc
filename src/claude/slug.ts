import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { answers } from '../system/mounts.js';
import { homeFolder } from '../system/paths.js';
import { isConversationId } from './model.js';

/** Where Claude Code keeps the transcript of a conversation: `<configuration folder>/projects/<slug>/<id>.jsonl`. */

/** Claude Code's configuration folder: what `CLAUDE_CONFIG_DIR` said where the conversation ran, else `~/.claude`. */
export function claudeFolder(configDir: string | null, env: NodeJS.ProcessEnv = process.env): string {
  return configDir || join(homeFolder(env), '.claude');
}

const longestSlug = 200;

/**
 * The name that Claude Code gives to a folder: each UTF-16 unit of its path that is no ASCII letter or digit becomes
 * `-` (an emoji becomes two). A name of more than 200 is cut there, and a hash of the path is put after it.
 *
 * @param path absolute and real; links are resolved by whoever calls (`projectSlug`).
 */
export function slugOf(path: string): string {
  const slug = path.replace(/[^A-Za-z0-9]/g, '-');
  return slug.length <= longestSlug ? slug : `${slug.slice(0, longestSlug)}-${hash(path)}`;
}

/** The string hash of Java in 32 bits, without its sign, in base 36. */
function hash(text: string): string {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = ((sum << 5) - sum + text.charCodeAt(at)) | 0;
  return Math.abs(sum).toString(36);
}

/** The slug of a folder as it is on disk. Of one that is gone, as it would be. */
export function projectSlug(folder: string): string {
  return slugOf(realPath(resolve(folder)));
}

function realPath(path: string): string {
  // The path of a project is a real one as it was when it was noted.
  if (!answers(path)) return path;
  try {
    return realpathSync(path);
  } catch (error) {
    const parent = dirname(path);
    // What is gone had no links in it that anybody could still follow; its parents may have.
    if (parent === path || (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR')) return path;
    return join(realPath(parent), basename(path));
  }
}

/**
 * Where the transcript of a conversation is that was started in this folder; whether there is one is not looked at.
 *
 * @throws CwError `usage` for an id that is none.
 */
export function transcriptPath(configDir: string, folder: string, id: string): string {
  return join(configDir, 'projects', projectSlug(folder), `${checkedId(id)}.jsonl`);
}

/** All places where a conversation has a transcript. More than one make it unfindable for Claude Code. */
export function findTranscripts(configDir: string, id: string): string[] {
  const name = `${checkedId(id)}.jsonl`;
  const projects = join(configDir, 'projects');
  const seen = new Set<string>();
  return slugsIn(projects).flatMap((slug) => {
    const path = join(projects, slug, name);
    const identity = fileIdentity(path);
    // A slug that is a link to another one shows the same file again.
    if (identity === null || seen.has(identity)) return [];
    seen.add(identity);
    return [path];
  });
}

/**
 * The transcript of a conversation, under whichever slug it is; null when there is none.
 *
 * @throws CwError `failed`, naming both, when the same id is under two slugs: `--resume` then finds neither.
 */
export function findTranscript(configDir: string, id: string): string | null {
  const found = findTranscripts(configDir, id);
  if (found.length > 1) {
    throw new CwError(
      'failed',
      `The conversation ${id} has ${found.length} transcripts: ${found.join(', ')}.`,
      {
        hint: 'Claude Code finds neither of them. Compare them, and move the older one out of "projects".',
      },
    );
  }
  return found[0] ?? null;
}

function slugsIn(projects: string): string[] {
  try {
    return readdirSync(projects).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function fileIdentity(path: string): string | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? `${found.dev} ${found.ino}` : null;
  } catch (error) {
    // A file in the place of a slug, or a slug that is closed to us: there is no transcript to be had.
    if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'EACCES' || systemCode(error) === 'ELOOP')
      return null;
    throw error;
  }
}

function checkedId(id: string): string {
  const isId: boolean = isConversationId(id);
  if (isId) return id;
  throw new CwError('usage', `${JSON.stringify(id.slice(0, 60))} is no conversation's id.`, {
    hint: 'Ids are UUIDs in small letters: cw conversation list --json',
  });
}
