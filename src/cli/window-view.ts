import { relative } from 'node:path';
import { parseLayout } from '../blueprint/layout.js';
import { waitsFor } from '../claude/overview.js';
import type { TreeState } from '../git/worktree-states.js';
import type { AgentSeen, PaneSeen, WindowSeen, WorkspaceSeen } from '../survey/model.js';
import { tildePath } from '../system/paths.js';
import { drawWindow, fitLine, type Line, type Span } from './drawing.js';
import { type Style, shortAge } from './output.js';

/** What runs in the windows of a workspace, drawn: a pure function of a survey. */

export interface ViewOptions {
  /** Cells of a line. */
  readonly width: number;
  readonly style: Style;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly env: NodeJS.ProcessEnv;
}

/** Each window of more than one pane as a drawing, each other one as a line. */
export function windowsPicture(workspace: WorkspaceSeen, options: ViewOptions): string[] {
  return (workspace.session?.windows ?? []).flatMap((window) => windowPicture(workspace, window, options));
}

export function windowPicture(workspace: WorkspaceSeen, window: WindowSeen, options: ViewOptions): string[] {
  const { style, width } = options;
  const panes = panesOf(workspace, window);
  const title: Span[] = [
    { text: `${window.index} ${window.name}`, style: (text) => style('bold', text) },
    ...(window.active ? [{ text: ' *' }] : []),
    ...(window.zoomed ? [{ text: ' zoomed' }] : []),
  ];
  const [only] = panes;
  if (only && panes.length === 1) {
    const [line = [], ...more] = paneLines(workspace, only, options, '');
    const lines = [[{ text: '  ' }, ...title, { text: '   ' }, ...line], ...more];
    return lines.map((spans) => fitLine(spans, width).drawn);
  }
  const textOf = (number: number | null, place: number): readonly Line[] => {
    const pane = panes.find(({ id }) => id === `%${number}`) ?? panes[place];
    return pane ? paneLines(workspace, pane, options, `${indexOf(pane)} `) : [];
  };
  const frame = (text: string) => style('dim', text);
  return drawWindow(parseLayout(window.layout), textOf, { width, title, frame });
}

/** The panes of a window, in tmux's order. */
export function panesOf({ panes }: WorkspaceSeen, window: WindowSeen): PaneSeen[] {
  return panes.filter((pane) => pane.window.id === window.id);
}

function indexOf({ place }: PaneSeen): string {
  return place.slice(place.indexOf('.') + 1);
}

/** What is to say of a pane: a line, and another one where there is more to it. */
function paneLines(
  workspace: WorkspaceSeen,
  pane: PaneSeen,
  { style, now, env }: ViewOptions,
  start: string,
): Line[] {
  const bold = (text: string) => style('bold', text);
  const dim = (text: string) => style('dim', text);
  const agent = agentIn(workspace, pane);
  const where = whereOf(workspace, pane, env);
  const [name, ...rest] = programWords(pane);
  const head: Span[] = [{ text: start, style: dim }];
  if (agent) {
    const branch = branchOf(workspace, pane) ?? where;
    // The branch comes last: of a narrow pane the end is cut.
    head.push({ text: 'claude', style: bold }, { text: '  ' }, stateSpan(agent, style, now));
    if (branch) head.push({ text: `  ${branch}` });
    const wish = agent.state === 'waiting' ? `for ${waitsFor(agent.detail)}` : null;
    const second = wish ?? taskOf(pane);
    return second === null ? [head] : [head, [{ text: ' '.repeat(start.length) + second, style: dim }]];
  }
  if (pane.dead) {
    head.push(
      { text: pane.role ?? pane.run ?? 'pane', style: bold },
      {
        text: `  exited${pane.deadStatus === null ? '' : ` ${pane.deadStatus}`}`,
        style: (text) => style('red', text),
      },
    );
    return [head];
  }
  if (name === undefined) {
    head.push({ text: pane.role ?? 'shell', style: bold });
    const said = pane.role === 'git' ? treeText(treeOf(workspace, pane.path)) : null;
    if (said ?? where) head.push({ text: `  ${said ?? where}` });
  } else {
    head.push({ text: name, style: bold });
    if (rest.length > 0) head.push({ text: ` ${rest.join(' ')}` });
    if (where) head.push({ text: `  ${where}`, style: dim });
  }
  if (pane.background > 0) head.push({ text: `  +${pane.background} behind`, style: dim });
  return [head];
}

/** The words of what runs in a pane, its program by name alone; none for a shell at its prompt. */
export function programWords({ program, run, startCommand }: PaneSeen): string[] {
  switch (program.kind) {
    case 'declared':
      return (run ?? startCommand ?? '').split(' ').filter((word) => word !== '');
    case 'group': {
      const [first, ...others] = program.processes;
      const [name = '?', ...rest] = first?.argv ?? [];
      const short = name.slice(name.lastIndexOf('/') + 1) || name;
      return [short, ...rest, ...(program.form === 'pipe' && others.length > 0 ? ['| ...'] : [])];
    }
    case 'shell': {
      const stopped = program.stopped[0]?.argv ?? [];
      return stopped.length === 0 ? [] : ['stopped:', ...stopped];
    }
    case 'dead':
      return [];
    case 'unknown':
      return ['?'];
  }
}

export function agentIn({ agents }: WorkspaceSeen, pane: PaneSeen): AgentSeen | null {
  return agents.find((agent) => agent.pane === pane.id && agent.state !== 'exited') ?? null;
}

function stateSpan({ state, detail, since }: AgentSeen, style: Style, now: number): Span {
  const age = shortAge(since, now);
  if (state === 'waiting')
    return { text: `waiting ${age}`, style: (text) => style(['bold', 'yellow'], text) };
  if (state === 'idle' && detail !== null)
    return { text: `failed ${age}`, style: (text) => style('red', text) };
  if (state === 'working') return { text: `working ${age}`, style: (text) => style('green', text) };
  return { text: `${state} ${age}` };
}

/** What Claude says in the title of its pane that it is at; null where that says nothing. */
function taskOf({ title }: PaneSeen): string | null {
  const text = title.replace(/^[^\p{L}\p{N}]+/u, '').trim();
  return text === '' || /^claude( code)?$/i.test(text) ? null : text;
}

/** The working tree that a folder lies in. */
export function treeOf({ git }: WorkspaceSeen, path: string): TreeState | null {
  if (git.kind !== 'repository') return null;
  const holding = git.trees.filter((tree) => path === tree.path || path.startsWith(`${tree.path}/`));
  return holding.toSorted((a, b) => b.path.length - a.path.length)[0] ?? null;
}

export function branchOf(workspace: WorkspaceSeen, pane: PaneSeen): string | null {
  return treeOf(workspace, pane.path)?.branch ?? null;
}

/** Where a pane is, when it is not in the project's own folder. */
function whereOf({ path }: WorkspaceSeen, pane: PaneSeen, env: NodeJS.ProcessEnv): string | null {
  if (pane.path === path || pane.path === '') return null;
  return pane.path.startsWith(`${path}/`) ? relative(path, pane.path) : tildePath(pane.path, env);
}

/** The state of a working tree in words: `2 ahead, 3 changed`; null where there is none, or it could not be read. */
export function treeText(tree: TreeState | null): string | null {
  if (tree === null || tree.status.kind === 'none') return null;
  if (tree.status.kind === 'unknown') return 'state unknown';
  const { staged, changed, untracked, conflicted, ahead, behind, operation, stashes } = tree.status;
  const files = Math.max(staged, changed) + untracked + conflicted;
  const parts = [
    ...(operation === null ? [] : [`in a ${operation}`]),
    ...(conflicted > 0 ? [`${conflicted} conflicts`] : []),
    ...(ahead ? [`${ahead} ahead`] : []),
    ...(behind ? [`${behind} behind`] : []),
    ...(files > 0 ? [`${files} changed`] : []),
    ...(tree.main && stashes > 0 ? [`${stashes} stashed`] : []),
  ];
  return parts.length === 0 ? 'clean' : parts.join(', ');
}
