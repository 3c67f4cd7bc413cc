import type { Variable } from '../blueprint/model.js';
import { randomHex } from '../system/random.js';
import type { Command, Connection } from './connection.js';
import { parseEnvironment, parseOptions } from './options.js';
import type { PaneId, SessionId, WindowId } from './target.js';

/** What is set on the things themselves, by id; the ones that were gone when it was asked are missing. */
export interface Details {
  readonly sessions: ReadonlyMap<
    SessionId,
    { readonly options: Record<string, string>; readonly environment: readonly Variable[] }
  >;
  readonly windows: ReadonlyMap<WindowId, Record<string, string>>;
  readonly panes: ReadonlyMap<PaneId, Record<string, string>>;
}

/**
 * The local options of sessions, windows and panes (our own `@cw_*` too), and the sessions' environments with the
 * hidden variables, in one batch.
 *
 * @param version of the server, from a reading of it.
 */
export async function readDetails(
  connection: Connection,
  version: number,
  things: {
    readonly sessions: readonly SessionId[];
    readonly windows: readonly WindowId[];
    readonly panes: readonly PaneId[];
  },
): Promise<Details> {
  const sections = new Sections();
  for (const id of things.sessions) {
    sections.ask('session_id', id, 'options', ['show-options', '-t', id]);
    sections.ask('session_id', id, 'environment', ['show-environment', '-s', '-t', id]);
    sections.ask('session_id', id, 'hidden', ['show-environment', '-hs', '-t', id]);
  }
  for (const id of things.windows) sections.ask('window_id', id, 'options', ['show-options', '-w', '-t', id]);
  for (const id of things.panes) sections.ask('pane_id', id, 'options', ['show-options', '-p', '-t', id]);
  const result = await connection.batch(sections.commands);
  const output = sections.read(result.stdout.toString());
  const options = (id: string) => parseOptions(output.get(`${id} options`) ?? '', version);
  const variables = (id: string) => [
    ...parseEnvironment(output.get(`${id} environment`) ?? '', version),
    ...parseEnvironment(output.get(`${id} hidden`) ?? '', version, true),
  ];
  const live = <T extends string>(ids: readonly T[]) => ids.filter((id) => output.has(`${id} options`));
  return {
    sessions: new Map(
      live(things.sessions).map((id) => [id, { options: options(id), environment: variables(id) }]),
    ),
    windows: new Map(live(things.windows).map((id) => [id, options(id)])),
    panes: new Map(live(things.panes).map((id) => [id, options(id)])),
  };
}

/** Commands whose output is told apart by a line before each that nothing of the user's can know beforehand. */
class Sections {
  readonly commands: Command[] = [];
  private readonly mark = `cw-section-${randomHex(8)}`;

  /** A thing that is gone makes the line before it print without an id, and its section is passed over. */
  ask(token: 'session_id' | 'window_id' | 'pane_id', id: string, name: string, command: Command): void {
    this.commands.push(['display-message', '-p', '-t', id, `${this.mark} #{${token}} ${name}`], command);
  }

  /** The output by `ID NAME`. */
  read(output: string): Map<string, string> {
    const sections = new Map<string, string>();
    for (const part of output.split(`${this.mark} `).slice(1)) {
      const end = part.indexOf('\n');
      sections.set(part.slice(0, end), part.slice(end + 1));
    }
    return sections;
  }
}
