import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CwError } from '../errors.js';
import { homeFolder, tildePath } from '../system/paths.js';
import { sanitiseSessionName } from '../tmux/target.js';
import type { Registry } from '../workspace/registry.js';
import type { PathPair } from './path-map.js';

/**
 * Where an archive may put files unasked. What it calls its project's folder could be one that programs read, such as
 * `~/.config/autostart` or `~/bin`: so only below the user's roots, where a project of a workspace is, or where the user
 * said by `--map`.
 */
export class ImportPlaces {
  private readonly roots: readonly string[];
  private readonly known: ReadonlySet<string>;

  constructor(
    registry: Registry,
    private readonly request: {
      readonly roots: readonly string[];
      readonly pairs: readonly PathPair[];
      readonly env: NodeJS.ProcessEnv;
    },
  ) {
    const { roots, env } = request;
    this.roots = roots.length > 0 ? roots : [join(homeFolder(env), 'projects')];
    this.known = new Set(registry.readAll().records.map(({ path }) => path));
  }

  /** The path itself where it is allowed, else a folder of its name in the first of the roots. */
  allowed(path: string): string {
    return this.isAllowed(path)
      ? path
      : join(this.roots[0]!, sanitiseSessionName(basename(path) || 'project'));
  }

  /** @throws CwError `refused` when it is here at its own place, where the user has to say that it is meant. */
  refuseUnasked(own: string, project: string, wished: string | null): void {
    if (wished !== null || this.isAllowed(own) || existsSync(project) || !existsSync(own)) return;
    const shown = tildePath(own, this.request.env);
    throw new CwError('refused', `${shown} is here, and is below none of your roots.`, {
      hint: `To use it: --into ${shown}. For all below a folder: cw config set roots`,
    });
  }

  private isAllowed(path: string): boolean {
    const asked = this.request.pairs.some(({ to }) => path === to || path.startsWith(`${to}/`));
    return asked || this.known.has(path) || this.roots.some((root) => isPlainlyBelow(path, root));
  }
}

/** Below it, and nothing on the way is hidden. */
function isPlainlyBelow(path: string, root: string): boolean {
  const base = root === '/' ? '' : root;
  if (!path.startsWith(`${base}/`)) return false;
  return path
    .slice(base.length + 1)
    .split('/')
    .every((part) => part !== '' && !part.startsWith('.'));
}
