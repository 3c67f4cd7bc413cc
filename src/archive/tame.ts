import type { Blueprint, Options, Pane, Variable, Window } from '../blueprint/model.js';
import { looksSecret } from '../blueprint/secrets.js';
import { isDangerousName } from '../project/dangerous.js';
import { isPrintable } from '../snapshot/command-line.js';
import type { ObservedPane, Snapshot } from '../snapshot/model.js';
import { resumeOf } from '../snapshot/resume.js';
import type { SavedConversation } from '../workspace/conversations.js';
import type { PathMap } from './path-map.js';

/**
 * What a snapshot of another machine becomes before anything of it is made here. Whoever wrote it may have meant harm:
 * what would run by itself is turned into lines that wait for Enter, and what cannot be shown that way is left out and
 * said.
 */

export interface TameOptions {
  /** The user has seen what it runs and wants it to run (`--run`). */
  readonly run: boolean;
  readonly paths: PathMap;
  /** Names of the environment that are set besides the harmless ones: the user's own choice. */
  readonly environment: readonly string[];
  /** Absolute paths of the shells that may be started (`/etc/shells`). */
  readonly shells: ReadonlySet<string>;
}

/** Something of the snapshot that does not come along. */
export interface LeftOut {
  /** `variable FOO`, `option default-command`, `hook on_attach`, ... */
  readonly what: string;
  readonly why: string;
}

export interface Tamed {
  readonly snapshot: Snapshot;
  readonly leftOut: readonly LeftOut[];
  /** Sentences on panes, by the pane's key: what ran there and cannot be typed either. */
  readonly notes: ReadonlyMap<string, readonly string[]>;
}

/**
 * Names that say something to programs and make none of them run another one: how text, time and colours look, in which
 * mode and where a server listens. All others may mean anything to some program.
 */
const harmlessNames =
  /^(LANG|LANGUAGE|LC_[A-Z]+|TZ|NODE_ENV|RAILS_ENV|RACK_ENV|APP_ENV|FLASK_ENV|DJANGO_DEBUG|MIX_ENV|GO_ENV|RUST_LOG|RUST_BACKTRACE|LOG_LEVEL|DEBUG|VERBOSE|CI|PORT|HOST|HOSTNAME|COLORTERM|CLICOLOR|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|PROJECT_ROOT|CLAUDE_PROJECT|CLAUDE_CODE_TMUX_SESSION)$/;

/** Whether a variable of an archive is set: harmless by its name, or one that the user allows. */
export function isAllowedName(name: string, allowed: readonly string[]): boolean {
  return harmlessNames.test(name) || (allowed.includes(name) && !isDangerousName(name));
}

/** Options whose value is a command or a program, whatever it looks like, or by which a session ends itself. */
const runningOptions =
  /^(default-command|default-shell|lock-command|copy-command|editor|command-alias|user-keys|update-environment|destroy-unattached|exit-empty|exit-unattached|terminal-overrides|terminal-features)(\[|$)/;

/** What is left of a format once its harmless parts are taken out holds no `#`. */
const harmlessParts = /#\{@?[a-z][a-z_]*\}|#\[[^\]#]*\]|##|#[A-Z]/g;

/**
 * Whether an option can make tmux run something. A format can by `#(...)`, and also by expanding twice what a program
 * put into a title (`#{E:pane_title}`): only plain names and styles pass.
 */
export function canRun(name: string, value: string): boolean {
  if (!/^@?[A-Za-z][\w-]*(\[\d+\])?$/.test(name)) return true;
  return runningOptions.test(name) || value.replace(harmlessParts, '').includes('#');
}

export function tame(snapshot: Snapshot, options: TameOptions): Tamed {
  const tamer = new Tamer(options);
  const blueprint = tamer.blueprint(snapshot.blueprint);
  const panes: Record<string, ObservedPane> = {};
  const windows = blueprint.windows.map((window) => ({
    ...window,
    panes: window.panes.map((pane) => {
      const observed = snapshot.panes[pane.key];
      if (!observed) return options.run ? pane : withoutCommands(pane);
      const made = tamer.pane(pane, observed);
      panes[pane.key] = made.observed;
      return made.pane;
    }),
  }));
  return {
    snapshot: { ...snapshot, blueprint: { ...blueprint, windows }, panes },
    leftOut: tamer.leftOut,
    notes: tamer.notes,
  };
}

class Tamer {
  readonly leftOut: LeftOut[] = [];
  readonly notes = new Map<string, readonly string[]>();

  constructor(private readonly options: TameOptions) {}

  blueprint(saved: Blueprint): Blueprint {
    const { paths } = this.options;
    if (saved.group !== null)
      this.leave('session group', 'the sessions that it was shared with are not here');
    return {
      ...saved,
      path: paths.path(saved.path),
      template: saved.template !== null && isPrintable(saved.template) ? saved.template : null,
      options: this.tmuxOptions(saved.options),
      environment: this.environment(saved.environment),
      group: null,
      hooks: this.hooks(saved.hooks),
      windows: saved.windows.map((window) => this.window(window)),
    };
  }

  private window(window: Window): Window {
    if (window.link !== null)
      this.leave(
        `link of window ${shortly(window.name)}`,
        'the workspace that it was shared with is not here',
      );
    return {
      ...window,
      name: plainText(window.name),
      options: this.tmuxOptions(window.options),
      link: null,
      panes: window.panes.map((pane) => ({
        ...pane,
        title: plainText(pane.title),
        cwd: this.options.paths.path(pane.cwd),
        shell: this.shell(pane.shell),
        run: pane.run === null ? null : this.options.paths.line(pane.run),
        startCommand: pane.startCommand === null ? null : this.options.paths.line(pane.startCommand),
        environment: Object.fromEntries(
          this.environment(
            Object.entries(pane.environment).map(([name, value]) => ({ name, value, hidden: false })),
          ).map(({ name, value }) => [name, value ?? '']),
        ),
        options: this.tmuxOptions(pane.options),
      })),
    };
  }

  pane(pane: Pane, observed: ObservedPane): { readonly pane: Pane; readonly observed: ObservedPane } {
    const mapped = this.observed(observed);
    if (this.options.run) return { pane, observed: mapped };
    const conversation = mapped.conversation ? this.conversation(mapped.conversation) : null;
    const resume = resumeOf(pane, mapped, {
      patterns: [],
      run: true,
      programExists: () => true,
      folderExists: () => true,
    });
    const line = conversation === null ? (resume.run ?? resume.typed ?? resume.startCommand) : null;
    const notes = conversation === null ? resume.notes : [];
    const isWritten = line === null || isPrintable(line);
    if (mapped.editorSession) this.leave('the session of an editor', 'it is a script of the editor');
    this.notes.set(
      pane.key,
      isWritten ? notes : [...notes, `It is no line that can be typed: ${JSON.stringify(line)}`],
    );
    return {
      pane: withoutCommands(pane),
      observed: {
        ...mapped,
        program: { kind: 'shell', stopped: [] },
        typed: isWritten ? line : null,
        conversation,
        editorSession: null,
      },
    };
  }

  private observed(observed: ObservedPane): ObservedPane {
    const { paths } = this.options;
    const { program } = observed;
    const words = <T extends { readonly argv: readonly string[] }>(entries: readonly T[]) =>
      entries.map((entry) => ({ ...entry, argv: entry.argv.map((word) => paths.word(word)) }));
    const mapped =
      program.kind === 'group'
        ? { ...program, processes: words(program.processes), stopped: words(program.stopped) }
        : 'stopped' in program
          ? { ...program, stopped: words(program.stopped) }
          : program;
    return {
      ...observed,
      program: mapped,
      historyFile: null,
      ...(observed.typed && { typed: paths.line(observed.typed) }),
      ...(observed.conversation && {
        conversation: {
          ...observed.conversation,
          cwd: paths.path(observed.conversation.cwd),
          flags: observed.conversation.flags.map((flag) => paths.word(flag)),
          // Where Claude Code keeps its files is this machine's business.
          configDir: null,
          name: observed.conversation.name === null ? null : plainText(observed.conversation.name),
        },
      }),
    };
  }

  /** Words that say which model answers come along; those that allow tools, load files or change what it is told do not. */
  private conversation<T extends SavedConversation>(conversation: T): T {
    const kept: string[] = [];
    for (const [at, flag] of conversation.flags.entries()) {
      const value = conversation.flags[at + 1];
      if (/^--model=[\w.[\]-]+$/.test(flag)) kept.push(flag);
      else if (flag === '--model' && value !== undefined && /^[\w.[\]-]+$/.test(value))
        kept.push(flag, value);
      else if (flag.startsWith('-'))
        this.leave(`option ${shortly(flag)} of claude`, 'it changes what Claude may do');
    }
    return { ...conversation, flags: kept };
  }

  private environment(variables: readonly Variable[]): Variable[] {
    return variables.flatMap((variable) => {
      const { name, value } = variable;
      if (value === null) return [];
      if (!/^[A-Za-z_]\w*$/.test(name) || !isAllowedName(name, this.options.environment)) {
        // Our own are made anew for the workspace.
        if (!name.startsWith('CW_') && name !== 'EDITOR')
          this.leave(`variable ${shortly(name)}`, 'an archive may not set it here');
        return [];
      }
      return [{ ...variable, value: looksSecret(name, value) ? value : this.options.paths.word(value) }];
    });
  }

  private tmuxOptions(options: Options): Options {
    return Object.fromEntries(
      Object.entries(options).filter(([name, value]) => {
        if (this.options.run || !canRun(name, value)) return true;
        this.leave(`option ${shortly(name)}`, 'it can make tmux run a command');
        return false;
      }),
    );
  }

  private hooks(hooks: Blueprint['hooks']): Blueprint['hooks'] {
    if (this.options.run) return hooks;
    for (const name of Object.keys(hooks)) this.leave(`hook ${name}`, 'it runs a command by itself');
    return {};
  }

  private shell(shell: string | null): string | null {
    if (shell === null || this.options.shells.has(shell)) return shell;
    this.leave(`shell ${shortly(shell)}`, 'it is none of this machine’s shells (/etc/shells)');
    return null;
  }

  private leave(what: string, why: string): void {
    if (!this.leftOut.some((one) => one.what === what)) this.leftOut.push({ what, why });
  }
}

/** A pane that starts its shell and nothing else, now and whenever it is brought back. */
function withoutCommands(pane: Pane): Pane {
  return { ...pane, run: null, startCommand: null, restart: 'never' };
}

function plainText(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '');
}

function shortly(text: string): string {
  const shown = isPrintable(text) ? text : JSON.stringify(text);
  return shown.length > 60 ? `${shown.slice(0, 59)}…` : shown;
}
