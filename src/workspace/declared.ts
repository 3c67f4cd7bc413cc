import { join } from 'node:path';
import type { Blueprint, Restart } from '../blueprint/model.js';
import { messageOf } from '../errors.js';
import { projectTemplateName } from '../project/project-file.js';
import { trustState } from '../project/trust.js';
import { isFile } from '../system/files.js';
import { chooseTemplate } from '../template/choose.js';
import { draw } from './open.js';
import type { WorkspaceRecord } from './registry.js';

export interface DeclaredWindow {
  readonly key: string;
  readonly name: string;
  readonly panes: readonly {
    readonly key: string;
    readonly role: string | null;
    readonly run: string | null;
    readonly restart: Restart;
  }[];
}

/** What a workspace's template says that it holds. */
export type Declared =
  | {
      readonly kind: 'windows';
      readonly windows: readonly DeclaredWindow[];
      readonly environment: readonly string[];
    }
  /** It was opened from none: an adopted session, or one that was imported. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * What the template of a workspace says now, for its project as that is now. Windows that are opened on demand
 * (`manual`) are not among these. It never throws. No process is started.
 *
 * @param preferred the template of the settings.
 */
export async function declaredOf(
  record: WorkspaceRecord,
  preferred: string | null,
  env: NodeJS.ProcessEnv,
): Promise<Declared> {
  const { path, template } = record;
  if (template === null) return { kind: 'none' };
  try {
    const trusted = trustState(path, env).state === 'trusted';
    const ask = { path, trusted, preferred, env, cwd: path };
    let chosen = isFile(join(path, projectTemplateName)) ? await chooseTemplate(ask) : null;
    if (chosen?.name !== template) chosen = await chooseTemplate({ ...ask, explicit: template });
    const { blueprint } = draw(
      { path, env, overrides: {}, size: anySize, windows: [] },
      chosen,
      trusted,
      record,
    );
    return {
      kind: 'windows',
      windows: windowsOf(blueprint),
      environment: blueprint.environment.flatMap(({ name, value }) => (value ? [name] : [])),
    };
  } catch (error) {
    return { kind: 'unknown', reason: messageOf(error) };
  }
}

/** Large enough for every layout: only what stands in it is asked for. */
const anySize = { width: 1000, height: 1000 };

function windowsOf({ windows }: Blueprint): DeclaredWindow[] {
  return windows.map(({ key, name, panes }) => ({
    key,
    name,
    panes: panes.map(({ key: pane, role, run, restart }) => ({ key: pane, role, run, restart })),
  }));
}
