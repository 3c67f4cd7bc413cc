import type { ServerFacts } from './facts.js';
import { isNamedLayout, type Size } from './layout.js';
import type { Options, Pane } from './model.js';
import { chosenWindows, type Draft, isCreateOption, step, type WindowDraft } from './plan-draft.js';
import { paneRecord, windowRecord } from './record.js';
import type { Step, Word } from './step.js';
import { unvis } from './unvis.js';

/** The steps that make what was created what it should be. They act by the ids of what was created. */
export function finishSteps(draft: Draft): Step[] {
  const joined = draft.group.kind === 'join';
  const own = joined ? [] : draft.windows.filter((window) => window.linked === null);
  return [
    ...own.flatMap((window) => windowSteps(window, draft)),
    ...own.flatMap((window) => typeSteps(window)),
    // After typing: what is typed into one pane of a synchronized window goes to all.
    ...own.flatMap(({ window }) => [
      ...optionSteps(window.options, isSynchronize, ['-w', '-t', ref('window', window.key)], window.name),
      ...window.panes.flatMap((pane) =>
        optionSteps(pane.options, isSynchronize, ['-p', '-t', ref('pane', pane.key)], 'a pane'),
      ),
    ]),
    // A joined group has its windows, but each member its own active one.
    ...(joined ? chosenWindows(draft) : []),
    ...sessionSteps(draft),
  ];
}

function windowSteps(made: WindowDraft, draft: Draft): Step[] {
  const { window, layout } = made;
  const target = ref('window', window.key);
  const steps: Step[] = [
    step(`name the window ${window.name}`, [
      'rename-window',
      '-t',
      target,
      '--',
      { literal: unvis(window.name) },
    ]),
  ];
  if (!Object.hasOwn(window.options, 'automatic-rename')) {
    // Naming a window switches it off.
    steps.push(step('let tmux name it', ['set-option', '-w', '-u', '-t', target, 'automatic-rename']));
  }
  steps.push(...sizeSteps(made, draft.blueprint.size));
  const settable = (name: string) => !isSynchronize(name);
  steps.push(...optionSteps(window.options, settable, ['-w', '-t', target], window.name));
  for (const pane of window.panes) steps.push(...paneSteps(pane, draft.facts));
  // After the options: those of its main pane and of pane borders count in a layout.
  steps.push(step('lay it out', ['select-layout', '-t', target, layout]));
  steps.push(
    step('note what was meant', ['set-option', '-w', '-t', target, '--', '@cw_window', windowRecord(window)]),
  );
  steps.push(...chosenPanes(made));
  if (window.zoomed && window.panes.length > 1) {
    const active = ref('pane', window.activePane);
    steps.push(step('zoom the active pane', ['resize-pane', '-Z', '-t', active]));
  }
  return steps;
}

/** A layout string brings its size along; a named layout is made for the size that the window has. */
function sizeSteps({ window, layout, splits }: WindowDraft, session: Size): Step[] {
  const { width, height } = window.size;
  const target = ref('window', window.key);
  const other = width !== session.width || height !== session.height || splits.size !== null;
  const needed = window.options['window-size'] === 'manual' || (other && isNamedLayout(layout));
  const steps: Step[] = [];
  if (needed) {
    const words = ['-x', String(width), '-y', String(height)];
    steps.push(step('give it its size', ['resize-window', '-t', target, ...words]));
  }
  if ((needed || splits.size !== null) && !Object.hasOwn(window.options, 'window-size')) {
    // Giving a window a size makes that fixed. The size itself stays until a client comes.
    steps.push(step('let clients size it', ['set-option', '-w', '-u', '-t', target, 'window-size']));
  }
  return steps;
}

function paneSteps(pane: Pane, facts: ServerFacts): Step[] {
  const resume = facts.resume?.get(pane.key);
  const run = resume?.run ?? pane.run;
  const record = paneRecord(pane, run === pane.run ? null : run, resume?.typed ?? null);
  const target = ref('pane', pane.key);
  return [
    step('note what was started', ['set-option', '-p', '-t', target, '--', '@cw_pane', record]),
    ...optionSteps(pane.options, (name) => !isSynchronize(name), ['-p', '-t', target], 'a pane'),
    step('title the pane', ['select-pane', '-t', target, '-T', { literal: pane.title }]),
  ];
}

function chosenPanes({ window }: WindowDraft): Step[] {
  const keys = window.panes.map((pane) => pane.key);
  const first = keys[0]!;
  const active = keys.includes(window.activePane) ? window.activePane : first;
  const last = window.lastPane !== null && keys.includes(window.lastPane) ? window.lastPane : active;
  const select = (key: string) => step('choose the pane', ['select-pane', '-t', ref('pane', key)]);
  // The first pane is the active one until now: what is chosen next leaves it as the last one.
  return [
    ...(last === active || last === first ? [] : [last]),
    ...(active === first && last === active ? [] : [active]),
  ].map(select);
}

function typeSteps({ window, starts }: WindowDraft): Step[] {
  return window.panes.flatMap((pane, at) => {
    const typed = starts[at]?.typed ?? null;
    if (typed === null) return [];
    const target = ref('pane', pane.key);
    return [
      step('type its command', ['send-keys', '-l', '-t', target, '--', typed]),
      step('start it', ['send-keys', '-t', target, 'Enter']),
    ];
  });
}

function sessionSteps({ blueprint, group }: Draft): Step[] {
  const target = ref('session');
  const ours: Record<string, string | null> = {
    '@cw_id': blueprint.id,
    '@cw_name': blueprint.name,
    '@cw_path': blueprint.path,
    '@cw_template': blueprint.template,
    ...Object.fromEntries(
      Object.entries(blueprint.hooks).map(([name, hook]) => [`@cw_hook_${name}`, hook ?? null]),
    ),
  };
  const joined = group.kind === 'join';
  const settable = (name: string) => joined || !isCreateOption(name);
  const steps = optionSteps(blueprint.options, settable, ['-t', target], 'the session');
  if (!joined && !Object.hasOwn(blueprint.options, 'renumber-windows')) {
    steps.push(step('renumber windows as ever', ['set-option', '-u', '-t', target, 'renumber-windows']));
  }
  for (const [name, value] of Object.entries(ours)) {
    if (value !== null) steps.push(step('mark it as ours', ['set-option', '-t', target, '--', name, value]));
  }
  // `.` and `:` cannot be in a session's name.
  const name = unvis(blueprint.session).replace(/[.:]/g, '_');
  steps.push(step('give it its name', ['rename-session', '-t', target, '--', { literal: name }]));
  return steps;
}

function optionSteps(
  options: Options,
  wanted: (name: string) => boolean,
  target: readonly Word[],
  of: string,
): Step[] {
  return Object.entries(options)
    .filter(([name]) => wanted(name) && !name.startsWith('@cw_'))
    .map(([name, value]) => step(`set ${name} of ${of}`, ['set-option', ...target, '--', name, value]));
}

function isSynchronize(name: string): boolean {
  return name === 'synchronize-panes';
}

function ref(kind: 'session'): Word;
function ref(kind: 'window' | 'pane', key: string): Word;
function ref(kind: string, key?: string): Word {
  return { ref: key === undefined ? kind : `${kind}:${key}` };
}
