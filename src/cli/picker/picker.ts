import { CwError, messageOf } from '../../errors.js';
import { daemonRuns } from '../../rpc/answers.js';
import { type Found, type Places, projectFolder, type Workspace } from '../../workspace/find.js';
import { readGlance } from '../../workspace/glance.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Context } from '../command.js';
import { styler } from '../output.js';
import { type Choice, folderChoices, knownChoices, Search } from './choices.js';
import type { Key } from './keys.js';
import { FullScreen } from './screen.js';
import { begin, refreshed, type State, step, type Wish } from './state.js';
import { cursorColumn, pageOf, previewSize, screenLines } from './view.js';

/** Milliseconds that a choice must stand before it is looked at: who holds an arrow key starts nothing. */
const previewWait = 60;

/**
 * Lets the user pick among the open workspaces, the closed ones, and the folders below the roots, on a screen of its
 * own. null: the user left without picking.
 *
 * @throws CwError `not-found` when there is nothing to pick from.
 */
export async function pick(world: World, places: Places, context: Context): Promise<Found | null> {
  const known = knownNow(world, places, context);
  if (known.length === 0 && folderChoices(world, places).length === 0) {
    throw new CwError('not-found', 'There are no workspaces yet, and no projects below the roots.', {
      hint: `Open a folder: cw up PATH        roots searched: ${places.roots.join(', ')}   (cw config set roots ...)`,
    });
  }
  const found = await new Picker(world, places, known, context).run();
  if (found === null) return null;
  return 'folder' in found ? { folder: projectFolder(found.folder, context.env) } : found;
}

function knownNow(world: World, places: Places, context: Context): Choice[] {
  const runs = daemonRuns(context.tmux().address.socketPath, context.env);
  return knownChoices(world, places, runs ? readGlance(world.registry.folder) : null);
}

class Picker {
  private search: Search;
  private state: State;
  private preview: { readonly of: Choice | null; readonly lines: readonly string[] } = {
    of: null,
    lines: [],
  };
  private timer: NodeJS.Timeout | null = null;
  private isBusy = false;
  private readonly screen = new FullScreen(
    (key) => this.pressed(key),
    () => this.resized(),
  );
  private finish: (found: Found | null) => void = () => {};
  private fail: (error: unknown) => void = () => {};

  constructor(
    private world: World,
    private places: Places,
    private known: readonly Choice[],
    private readonly context: Context,
  ) {
    this.search = new Search(known);
    this.state = begin(this.search);
  }

  async run(): Promise<Found | null> {
    this.screen.open();
    try {
      return await new Promise<Found | null>((finish, fail) => {
        this.finish = finish;
        this.fail = fail;
        this.show();
        // Thousands of folders take longer to read than all else: what is known is shown before.
        setImmediate(() => this.addFolders());
      });
    } finally {
      if (this.timer) clearTimeout(this.timer);
      this.screen.close();
    }
  }

  private addFolders(): void {
    this.search = new Search([...this.known, ...folderChoices(this.world, this.places)]);
    this.state = refreshed(this.state, this.search);
    this.show();
  }

  private get size() {
    const { columns, rows } = this.context.terminal;
    return { columns, rows };
  }

  private get chosen(): Choice | null {
    return this.state.matches[this.state.at] ?? null;
  }

  private pressed(key: Key): void {
    if (this.isBusy) return;
    const { state, wish } = step(this.state, key, this.search, pageOf(this.size));
    this.state = state;
    if (wish) this.fulfil(wish).catch(this.fail);
    else this.show();
  }

  private resized(): void {
    this.preview = { of: null, lines: [] };
    this.show();
  }

  private show(): void {
    const { chosen } = this;
    if (this.preview.of !== chosen) {
      this.preview = { of: chosen, lines: [] };
      if (this.timer) clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.look(chosen), previewWait);
    }
    const style = styler(this.context.terminal.color);
    this.screen.draw(
      screenLines(this.state, this.preview.lines, this.size, style),
      cursorColumn(this.state, this.size),
    );
  }

  private async look(choice: Choice | null): Promise<void> {
    const size = previewSize(this.size);
    if (choice === null || size === null) return;
    const { previewOf } = await import('./preview.js');
    const lines = await previewOf(choice, size, this.world, this.context);
    if (this.preview.of !== choice) return; // another one is chosen by now
    this.preview = { of: choice, lines };
    this.show();
  }

  private async fulfil(wish: Wish): Promise<void> {
    const { chosen } = this;
    if (wish === 'leave') return this.finish(null);
    if (chosen === null) return;
    if (wish === 'open') return this.finish(chosen.found);
    const workspace = 'workspace' in chosen.found ? chosen.found.workspace : null;
    if (workspace === null || (wish !== 'pin' && !workspace.session))
      return this.say(`${chosen.name} is not open.`);
    this.isBusy = true;
    try {
      await this.act(wish, workspace);
      // What was done shows in it; what is shown stays until then.
      if (wish !== 'kill') void this.look(this.chosen);
    } catch (error) {
      this.say(messageOf(error));
    } finally {
      this.isBusy = false;
    }
  }

  private async act(wish: Wish, workspace: Workspace): Promise<void> {
    const { world, context } = this;
    const { name, id } = workspace;
    switch (wish) {
      case 'pin': {
        const isNew = world.registry.pin(id);
        if (!isNew) world.registry.unpin(id);
        return this.say(
          isNew ? `${name} is pinned: no cleanup closes it.` : `${name} is not pinned any more.`,
        );
      }
      case 'save': {
        this.say(`Saving ${name} ...`);
        const { Saver } = await import('../../snapshot/save.js');
        const saver = new Saver(world.connection, world.registry, context.settings());
        const [saved] = await saver.save({ reason: 'manual', note: null, only: new Set([id]) });
        await saver.settle();
        return this.say(
          saved && saved.failure === null
            ? `${name} is saved as snapshot ${saved.sequence}.`
            : `${name} was not saved: ${saved?.failure ?? 'it is not open any more'}`,
        );
      }
      case 'kill': {
        const { objections } = await import('../../cleanup/protect.js');
        const against = (await objections(world.connection, world.registry, context.env)).get(id) ?? [];
        const panes = workspace.session?.panes ?? 0;
        const why = against.length === 0 ? '' : ` ${against.join('; ')}.`;
        this.say(
          `Close ${name} (${panes} ${panes === 1 ? 'pane' : 'panes'}; it is saved first)?${why} [y/N]`,
          'confirm',
        );
        return;
      }
      case 'killed': {
        this.say(`Closing ${name} ...`);
        const { killWorkspace } = await import('../../cleanup/kill.js');
        const killed = await killWorkspace(world, workspace, context.settings(), context.env);
        await this.readAgain();
        return this.say([`Closed ${name}. Undo: cw restore ${name}`, ...killed.notes].join('  '));
      }
      default:
        return;
    }
  }

  private say(message: string, view: State['view'] = 'list'): void {
    this.state = { ...this.state, message, view };
    this.show();
  }

  private async readAgain(): Promise<void> {
    const { context } = this;
    this.world = await readWorld(context.tmux(), context.env);
    this.places = placesOf(this.world, context.settings(), context.cwd, context.env);
    this.known = knownNow(this.world, this.places, context);
    this.addFolders();
  }
}
