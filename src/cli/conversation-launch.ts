import { quoteWord } from '../blueprint/fill.js';
import { type Conversation, pruned } from '../claude/catalog.js';
import { writeHookSettings } from '../claude/hook-settings.js';
import { spoolFolder } from '../claude/intake.js';
import { modeOf, type StartMode, startLine } from '../claude/launch.js';
import { isConversationId } from '../claude/model.js';
import { claudeStateFolder } from '../claude/registry.js';
import { pasteable, specialBeginning } from '../claude/send.js';
import { claudeFolder, transcriptPath } from '../claude/slug.js';
import { Spool } from '../claude/spool.js';
import { isObject, isPrompted } from '../claude/transcripts.js';
import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { shellWord } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import type { Session } from '../tmux/reading.js';
import type { Args, Context, OptionSpec, Outcome } from './command.js';
import { type Conversations, gone, goneHint, labelOf } from './conversations.js';
import { harmless, visible } from './output.js';

/** How a conversation comes to run: noted first, then started in a pane or headless. */

export const startOptions: Readonly<Record<string, OptionSpec>> = {
  print: { type: 'boolean', short: 'p', describe: 'Without a pane: print the answer and what it cost.' },
  workspace: { type: 'string', value: 'NAME', describe: 'The open workspace that gets the pane.' },
};

/** @throws CwError `usage` for a name that is taken, or could be read as something else. */
export function newName(name: string, { all }: Conversations): string {
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.@/ -]{0,79}$/u.test(name) || isConversationId(name)) {
    throw new CwError('usage', `${JSON.stringify(name.slice(0, 60))} cannot be a conversation's name.`, {
      hint: 'Letters, digits and _ . @ / - are fine, at most 80.',
    });
  }
  const taken = all.find((one) => one.name === name && one.known?.ended?.reason !== pruned);
  if (!taken) return name;
  throw new CwError('usage', `There is a conversation "${name}" already: ${taken.id}.`, {
    hint: `Go on with it: cw conversation resume ${shellWord(name)}`,
  });
}

export function promptOf(text: string | undefined, context: Context): string | null {
  if (text === undefined) return null;
  const plain = pasteable(text);
  const remark = specialBeginning(plain);
  if (remark !== null) context.note(remark);
  return plain;
}

export interface Beginning {
  readonly conversation: string;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly mode: StartMode;
  readonly flags: readonly string[];
  readonly forkOf: string | null;
  readonly configDir: string | null;
  readonly evidence: string;
}

export type Placed = Beginning & { readonly cwd: string };

/**
 * The open workspace that gets the pane: the one that the line names, the one that it was in, or the one of the folder.
 *
 * @throws CwError `not-found` when that is not open.
 */
export function workspaceFor(args: Args, cwd: string, home: string | null, world: Conversations): Session {
  const sessions = (world.reading?.sessions ?? []).filter(({ workspace }) => workspace !== null);
  const { workspace } = args.options;
  if (typeof workspace === 'string') {
    const found = sessions.find((session) => world.names.get(session.workspace ?? '') === workspace);
    if (found) return found;
    throw new CwError('not-found', `The workspace ${JSON.stringify(workspace)} is not open.`, {
      hint: `Open it: cw up ${shellWord(workspace)}`,
    });
  }
  const own = sessions.find((session) => session.workspace === home);
  if (own) return own;
  const within = sessions
    .filter(({ path }) => path !== null && (cwd === path || cwd.startsWith(`${path}/`)))
    .sort((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0));
  if (within[0]) return within[0];
  throw new CwError('not-found', 'No workspace of this folder is open, so there is no place for a pane.', {
    hint: 'Open it: cw up. Or name one with --workspace. Or without a pane: -p',
  });
}

/** Notes the conversation, and starts it in a new pane. */
export async function inPane(
  begin: Placed,
  place: Session,
  world: Conversations,
  context: Context,
): Promise<Outcome> {
  const program = requireClaude(context);
  if (!isFolder(begin.cwd)) throw folderGone(begin.cwd);
  new Spool(spoolFolder(world.folder)).prepare();
  const settingsFile = writeHookSettings(claudeStateFolder(world.folder));
  const { addPane, newPaneKey } = await import('../workspace/panes.js');
  const key = newPaneKey();
  const { conversation, mode, forkOf, name, flags, configDir } = begin;
  // On the disk before its process is: after a crash it is known whose that is.
  world.registry.choose(
    [
      {
        conversation,
        workspace: place.workspace ?? '',
        paneKey: key,
        pane: null,
        server: world.facts.server?.pid ?? null,
        cwd: begin.cwd,
        flags,
        configDir,
        forkOf,
        name,
        evidence: begin.evidence,
      },
    ],
    world.facts.processes,
  );
  const assignments = configDir === null ? [] : [`CLAUDE_CONFIG_DIR=${configDir}`];
  const line = startLine({
    program,
    assignments,
    // After `--` a prompt is never taken for the value of an option.
    flags: begin.prompt === null ? flags : [...flags, '--', begin.prompt],
    conversation,
    mode,
    forkOf,
    settingsFile,
    name,
  });
  const connection = context.tmux();
  // Its hooks need to know whose spool it is; a session of an older version may not say.
  await connection.batch([['set-environment', '-t', place.id, 'CW_SPOOL', spoolFolder(world.folder)]]);
  const pane = await addPane(connection, {
    workspace: place.id,
    pane: {
      key,
      role: 'claude',
      title: name ?? 'claude',
      cwd: begin.cwd,
      // As a template would declare it: the conversation is no part of what a workspace is.
      run: [...(assignments.length > 0 ? ['env', ...assignments] : []), 'claude', ...flags]
        .map(quoteWord)
        .join(' '),
    },
    start: line,
  });
  const label = labelOf({ name, id: conversation });
  return {
    data: {
      conversation,
      name,
      pane,
      workspace: world.names.get(place.workspace ?? '') ?? null,
      cwd: begin.cwd,
      forkOf,
    },
    text: `${label} (${conversation}) starts in pane ${pane} of ${world.names.get(place.workspace ?? '') ?? place.name}.`,
  };
}

function requireClaude(context: Context): string {
  const found = findProgram('claude', context.env.PATH);
  if (found !== null) return found;
  throw new CwError('failed', 'claude was not found on your PATH.', {
    hint: 'Install it: npm install -g @anthropic-ai/claude-code',
  });
}

function folderGone(cwd: string): CwError {
  return new CwError('failed', `Its folder is gone: ${cwd}.`, {
    hint: 'A conversation is found from its own folder only: make the folder again, or put the copy back elsewhere: cw conversation restore NAME --folder PATH',
  });
}

/** Minutes that a headless turn may take. */
export const headlessLimit = 60;

interface Headless {
  readonly result: string;
  readonly isError: boolean;
  readonly dollars: number | null;
  readonly turns: number | null;
}

/** Runs one turn without a pane, and prints the answer and what it cost. */
export async function headless(begin: Placed, world: Conversations, context: Context): Promise<Outcome> {
  if (begin.prompt === null) {
    throw new CwError('usage', 'A headless conversation needs a prompt.', {
      hint: 'cw conversation start NAME "PROMPT" -p',
    });
  }
  requireClaude(context);
  const { conversation, name, flags, configDir, forkOf, cwd } = begin;
  const place = world.reading?.sessions.find(
    ({ path }) => path !== null && (cwd === path || cwd.startsWith(`${path}/`)),
  );
  world.registry.choose(
    [
      {
        conversation,
        workspace: place?.workspace ?? '',
        paneKey: `headless-${conversation.slice(0, 8)}`,
        pane: null,
        server: null,
        cwd,
        flags,
        configDir,
        forkOf,
        name,
        evidence: `${begin.evidence} --print`,
      },
    ],
    world.facts.processes,
  );
  const answer = await runHeadless(begin, context);
  const cost = answer.dollars === null ? 'its cost is not known' : `$${answer.dollars.toFixed(4)}`;
  context.note(
    `${labelOf({ name, id: conversation })} (${conversation}): ${answer.turns ?? '?'} ${answer.turns === 1 ? 'turn' : 'turns'}, ${cost}`,
  );
  return {
    data: { conversation, name, cwd, ...answer },
    text: harmless(answer.result),
    ...(answer.isError && { exit: 1 }),
  };
}

/** @throws CwError `failed` when claude gives no answer that can be read. */
export async function runHeadless(begin: Placed, context: Context): Promise<Headless> {
  const { run } = await import('../system/run.js');
  const identity: Record<StartMode, string[]> = {
    new: ['--session-id', begin.conversation],
    resume: ['--resume', begin.conversation],
    fork: ['--resume', begin.forkOf ?? '', '--fork-session', '--session-id', begin.conversation],
  };
  // Nested in a pane's agent, its hooks are not that agent's.
  const { CW_SPOOL: _spool, TMUX_PANE: _pane, CLAUDECODE: _nested, ...env } = context.env;
  const words = [
    '-p',
    ...identity[begin.mode],
    '--output-format',
    'json',
    ...begin.flags,
    '--',
    begin.prompt ?? '',
  ];
  const ran = await run(requireClaude(context), words, {
    cwd: begin.cwd,
    env: { ...env, ...(begin.configDir !== null && { CLAUDE_CONFIG_DIR: begin.configDir }) },
    timeout: headlessLimit * 60_000,
  });
  const answer = lastObject(ran.stdout);
  if (!answer) {
    const said = ran.stderr.trim().split('\n').at(-1) || ran.stdout.trim().slice(0, 200) || 'it said nothing';
    throw new CwError(
      'failed',
      `claude gave no answer (exit code ${ran.exitCode ?? 'none'}): ${visible(said)}`,
      {
        hint: 'See what it says in a terminal: claude -p "hello"',
      },
    );
  }
  return {
    result: typeof answer.result === 'string' ? answer.result : '',
    // `subtype` can say success where this says that it is none.
    isError: answer.is_error === true,
    dollars: typeof answer.total_cost_usd === 'number' ? answer.total_cost_usd : null,
    turns: typeof answer.num_turns === 'number' ? answer.num_turns : null,
  };
}

function lastObject(text: string): Readonly<Record<string, unknown>> | null {
  for (const line of [text, ...text.trim().split('\n').reverse()]) {
    try {
      const value: unknown = JSON.parse(line);
      if (isObject(value) && 'result' in value) return value;
    } catch {
      // A warning before it, or no JSON at all.
    }
  }
  return null;
}

/**
 * How a conversation starts again.
 *
 * @throws CwError `not-found` when its transcript is gone and the vault has a copy, with the way to that.
 */
export function again(one: Conversation, world: Conversations): Placed {
  const parent = one.forkOf === null ? null : (world.all.find(({ id }) => id === one.forkOf) ?? null);
  const mode = modeOf({ prompted: one.prompted, forkOf: one.forkOf });
  // One that was prompted and has neither a transcript nor a copy begins anew under its id, which is free: it was killed
  // before it wrote what it was told, or all of it is gone.
  if (!one.prompted && one.vault !== null) throw gone(one);
  if (!one.prompted && one.transcript !== null) {
    // A file without a prompt: claude takes the id for used, and finds nothing to resume.
    throw new CwError(
      'failed',
      `${labelOf(one)} was never prompted, and its transcript is in the way: ${one.transcript}.`,
      {
        hint: `Move that file away; then try again: mv ${shellWord(one.transcript)} ${shellWord(`${one.transcript}.unprompted`)}`,
      },
    );
  }
  if (mode === 'fork' && parent?.prompted !== true) {
    throw new CwError(
      'not-found',
      `${labelOf(one)} was never prompted, and what it was forked from is gone.`,
      {
        hint: parent ? goneHint(parent).hint : 'Start a new one: cw conversation start NAME',
      },
    );
  }
  return {
    conversation: one.id,
    name: one.name,
    prompt: null,
    mode,
    flags: one.known?.flags ?? [],
    forkOf: one.forkOf,
    configDir: one.configDir,
    cwd: one.cwd,
    evidence: '',
  };
}

/** Milliseconds in which a running Claude Code writes what was said. */
const writing = 3000;

/**
 * @returns it with its transcript.
 * @throws CwError `not-found` when its transcript is gone, `refused` when nothing was ever said in it.
 */
export async function requirePrompted(
  one: Conversation,
  what: string,
  { facts }: Pick<Conversations, 'facts'>,
): Promise<Conversation> {
  if (one.prompted) return one;
  if (one.live && one.known?.prompted) {
    const path = one.transcript ?? transcriptPath(claudeFolder(one.configDir, facts.env), one.cwd, one.id);
    const end = performance.now() + writing;
    while (performance.now() < end) {
      if (await isPrompted(path)) return { ...one, prompted: true, transcript: path };
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  if (one.known?.prompted || one.vault) throw gone(one);
  throw new CwError('refused', `${labelOf(one)} was never prompted: there is nothing to ${what}.`, {
    hint: 'Start a new one: cw conversation start NAME',
  });
}
