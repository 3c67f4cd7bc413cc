import { expand } from '../blueprint/expand.js';
import { CwError, messageOf } from '../errors.js';
import { gatherProjectFacts } from '../project/facts.js';
import { tildePath } from '../system/paths.js';
import type { LoadedTemplate } from '../template/load.js';
import type { Context } from './command.js';

/** Draws all windows, manual ones too, as an opening would: layouts and holes show their faults only then. */
export function checkExpansion(
  { template, file }: Pick<LoadedTemplate, 'template' | 'file'>,
  context: Pick<Context, 'cwd' | 'env' | 'settings'>,
): void {
  const facts = gatherProjectFacts({
    name: 'example',
    id: 'example',
    session: 'claude-dev-example',
    path: context.cwd,
    env: context.env,
    environment: [],
    size: context.settings().size,
    // A name with a hole is known only once it is filled; such a window is drawn when it is not manual.
    windows: (template.windows ?? []).map((window) => window.name).filter((name) => !name.includes('${')),
  });
  try {
    expand(template, facts);
  } catch (error) {
    throw new CwError('failed', `${tildePath(file, context.env)}: ${messageOf(error)}`, {
      hint: (error as Partial<CwError>).hint,
      cause: error,
    });
  }
}
