import pLimit from 'p-limit';
import { z } from 'zod';
import { CwError, isCwError } from '../errors.js';
import { packageVersion } from '../system/version.js';
import type { ListEntry } from '../workspace/list.js';
import { farError, otherVersion } from './failure.js';
import { askFar, documentOf, type FarAnswer, type SshSettings } from './ssh.js';

/** One host's workspaces, or why they are not known. */
export interface HostList {
  readonly host: string;
  /** null: `error` says why. */
  readonly workspaces: readonly ListEntry[] | null;
  readonly error: CwError | null;
}

/** Each is an ssh process and a connection; more hosts than this wait for one that has answered. */
const atOnce = 64;

const text = z.string().nullable().default(null);
// Foreign text: what is no time is not known.
const time = text.transform((value) => (value === null || Number.isNaN(Date.parse(value)) ? null : value));
const number = z.number().nullable().default(null);

/** What a list of another host holds. It may be of an older or a newer cw: only what every one has must be there. */
const entrySchema = z.object({
  name: z.string(),
  state: z.enum(['open', 'closed']),
  path: z.string().default(''),
  session: z.string().default(''),
  template: text,
  windows: z.number().default(0),
  panes: z.number().default(0),
  attached: z.boolean().default(false),
  createdAt: time,
  lastAttachedAt: time,
  branch: text,
  dirty: z.boolean().nullable().default(null),
  ahead: number,
  gitAt: time,
  agents: z
    .array(
      z.object({
        pane: z.string().default(''),
        state: z.string(),
        detail: text,
        since: time.transform((value) => value ?? new Date().toISOString()),
        conversation: z.string().default(''),
      }),
    )
    .nullable()
    .default(null),
  savedAt: time,
  memory: number,
  memoryAt: time,
});
const listSchema = z.array(entrySchema).max(100_000);

/**
 * The workspaces of several hosts, in their order. All are asked at once: it takes as long as the slowest, and one that
 * does not answer costs its own time limit.
 *
 * @param flags options of `cw list` that are passed on.
 */
export async function listHosts(
  hosts: readonly string[],
  flags: readonly string[],
  settings: SshSettings,
): Promise<HostList[]> {
  const limit = pLimit(atOnce);
  return Promise.all(
    hosts.map((host) =>
      limit(async (): Promise<HostList> => {
        try {
          const answer = await askFar(host, ['cw', 'list', '--json', ...flags], settings);
          return { host, workspaces: workspacesOf(host, answer), error: null };
        } catch (error) {
          if (!isCwError(error)) throw error;
          return { host, workspaces: null, error };
        }
      }),
    ),
  );
}

function workspacesOf(host: string, answer: FarAnswer): ListEntry[] {
  const document = documentOf(answer.output);
  const list = listSchema.safeParse(document);
  if (list.success) return list.data;
  throw farError(host, document) ?? noList(host, answer);
}

function noList(host: string, { version, exitCode, stderr, output }: FarAnswer): CwError {
  // It could not even begin: its launcher says why (no Node, not built), on standard error.
  const said = stderr.trim().split('\n');
  if (output.trim() === '' && exitCode !== 0 && said[0])
    return new CwError('failed', `${host}: ${said[0].trim()}`, {
      hint:
        said
          .slice(1)
          .map((line) => line.trim())
          .join('\n') || undefined,
    });
  return otherVersion(host, version, packageVersion());
}
