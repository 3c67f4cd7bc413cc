import { parseLayout } from '../../blueprint/layout.js';
import { messageOf } from '../../errors.js';
import { gitStatus } from '../../git/status.js';
import { SnapshotStore } from '../../snapshot/store.js';
import { takeSurvey } from '../../survey/survey.js';
import type { World } from '../../workspace/world.js';
import type { Context } from '../command.js';
import { drawWindow, fitLine, type Line } from '../drawing.js';
import { age, type Style, styler } from '../output.js';
import { treeOf, treeText, windowPicture } from '../window-view.js';
import type { Choice } from './choices.js';

/** What is shown beside the list of the chosen one: as it is now, or as it was saved. */
export async function previewOf(
  choice: Choice,
  size: { readonly width: number; readonly height: number },
  world: World,
  context: Context,
): Promise<string[]> {
  const style = styler(context.terminal.color);
  const plain = (text: string) => fitLine([{ text }], size.width).drawn;
  try {
    const { found } = choice;
    const head = [
      fitLine([{ text: choice.name, style: bold(style) }, { text: `  ${choice.path}` }], size.width).drawn,
    ];
    if (!('workspace' in found)) return [...head, plain(await gitLine(found.folder, context))];
    const { id, session, path } = found.workspace;
    const pinned = world.registry.isPinned(id) ? ['pinned'] : [];
    if (!session)
      return [
        ...head,
        plain([await gitLine(path, context), ...pinned].join(', ')),
        '',
        ...(await saved(id, size, world, style)),
      ];
    return [...head, ...(await open(id, size, world, context, pinned))].slice(0, size.height);
  } catch (error) {
    return [plain(messageOf(error))];
  }
}

async function open(
  id: string,
  size: { readonly width: number; readonly height: number },
  world: World,
  context: Context,
  pinned: readonly string[],
): Promise<string[]> {
  const { connection } = world;
  const { survey } = await takeSurvey({
    connection,
    env: context.env,
    settings: context.settings(),
    only: new Set([id]),
    // It is only looked at: who takes what hooks have told is another.
    intake: 'peek',
  });
  const workspace = survey.workspaces.find((one) => one.id === id);
  if (!workspace?.session) return ['It is not open any more.'];
  const style = styler(context.terminal.color);
  const options = { width: size.width, style, now: Date.parse(survey.at), env: context.env };
  const window = workspace.session.windows.find(({ active }) => active);
  const tree = treeOf(workspace, workspace.path);
  const others = workspace.session.windows.filter((one) => one !== window).map(({ name }) => name);
  const facts = [
    ...(tree
      ? [`${tree.branch ?? 'detached'} ${treeText(tree)}`]
      : workspace.git.kind === 'unknown'
        ? ['git unknown']
        : []),
    ...(workspace.snapshot ? [`saved ${age(workspace.snapshot.at)} ago`] : ['never saved']),
    ...pinned,
  ];
  const lines = [
    fitLine([{ text: facts.join(', ') }], size.width).drawn,
    '',
    ...(window ? windowPicture(workspace, window, options) : []),
    ...(others.length === 0 ? [] : [fitLine([{ text: `also: ${others.join(', ')}` }], size.width).drawn]),
    '',
  ];
  const pane = workspace.panes.find(({ active }) => active);
  const room = size.height - lines.length - 1;
  if (!pane || room < 2) return lines;
  const { stdout } = await connection.batch([['capture-pane', '-p', '-t', pane.id]]);
  const text = stdout.toString('utf8').trimEnd().split('\n').slice(-room);
  return [...lines, ...text.map((line) => style('dim', fitLine([{ text: line }], size.width).drawn))];
}

async function saved(
  id: string,
  size: { readonly width: number; readonly height: number },
  { registry }: World,
  style: Style,
): Promise<string[]> {
  const snapshot = await new SnapshotStore(registry.folder, id).latest();
  if (!snapshot) return ['Nothing was saved of it.'];
  const said = [`saved ${age(snapshot.at)} ago (${snapshot.reason})`, ''];
  const drawn = snapshot.blueprint.windows.flatMap((window) => {
    const textOf = (_: number | null, place: number): Line[] => {
      const pane = window.panes[place];
      return pane ? [[{ text: pane.run ?? pane.startCommand ?? pane.role ?? 'shell' }]] : [];
    };
    return drawWindow(parseLayout(window.layout), textOf, {
      width: size.width,
      title: [{ text: window.name, style: bold(style) }],
      frame: (text) => style('dim', text),
    });
  });
  return [...said, ...drawn];
}

async function gitLine(path: string, { env }: Context): Promise<string> {
  const status = await gitStatus(path, { timeout: 2000, env });
  if (status.kind === 'none') return 'no git repository';
  if (status.kind === 'unknown') return `git: ${status.reason}`;
  const files = Math.max(status.staged, status.changed) + status.untracked + status.conflicted;
  const parts = [
    status.branch ?? 'detached',
    ...(status.ahead ? [`${status.ahead} ahead`] : []),
    files > 0 ? `${files} changed` : 'clean',
  ];
  return parts.join(', ');
}

function bold(style: Style): (text: string) => string {
  return (text) => style('bold', text);
}
