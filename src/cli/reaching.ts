import { farError, otherVersion } from '../remote/failure.js';
import { checkFarWord, type FarName, parseHost } from '../remote/host.js';
import { askFar, attachingWords, documentOf, type SshSettings } from '../remote/ssh.js';
import { shellWord } from '../system/paths.js';
import { packageVersion } from '../system/version.js';
import type { Context, Outcome } from './command.js';

/** How other hosts are reached, by the settings. */
export function farSettings(context: Context): SshSettings {
  const { ssh, seconds } = context.settings().remote;
  return { ssh, seconds, env: context.env };
}

/**
 * Goes to a workspace of another host: its own `claude-switch` opens it, or brings it back, and attaches. Without a
 * terminal it is only opened there.
 *
 * @throws CwError `usage` for words that cannot be passed on; where there is no terminal also why the host, or the cw on
 *   it, did not do it.
 */
export async function goFar({ host: word, name }: FarName, context: Context): Promise<Outcome> {
  const host = parseHost(word);
  if (name !== null) checkFarWord(name, 'The workspace');
  const switching = ['claude-switch', ...(name === null ? [] : plain.test(name) ? [name] : ['--', name])];
  if (context.json || (!context.terminal.interactive && !context.env.TMUX))
    return openFar(host, name, context);
  const words = attachingWords(host, switching, farSettings(context));
  if (!context.env.TMUX) return { become: words };
  return { become: inNewWindow(name === null ? word : `${word}:${name}`, words) };
}

// As typed by hand: the far launcher answers for a running workspace without Node.
const plain = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;

/**
 * Inside tmux, the far one gets a window of its own: in this pane it would lie over what runs here, and this workspace
 * stays a key away. Its own prefix is then typed twice. What ssh says when it fails stays to be read.
 */
function inNewWindow(label: string, words: readonly string[]): string[] {
  const script =
    '"$@"; code=$?; [ "$code" -eq 0 ] || { printf "%s" "It ended with code $code. Enter closes this window. "; read -r _; }';
  // tmux takes the name for a format.
  const title = /^[\w.:@-]+$/.test(label) ? label : 'ssh';
  return ['tmux', 'new-window', '-n', title, '--', 'sh', '-c', script, 'sh', ...words];
}

async function openFar(host: string, name: string | null, context: Context): Promise<Outcome> {
  const words = ['cw', 'switch', '--json', ...(name === null ? [] : ['--', name])];
  const answer = await askFar(host, words, farSettings(context));
  const document = documentOf(answer.output);
  const failure = farError(host, document);
  if (failure) throw failure;
  if (answer.exitCode !== 0 || document === undefined)
    throw otherVersion(host, answer.version, packageVersion());
  const target = name === null ? `${host}:` : `${host}:${name}`;
  return {
    data: { host, answer: document },
    text:
      name === null
        ? namesIn(document).join('\n')
        : `${name} is open on ${host}. On a terminal, claude-switch ${shellWord(target)} attaches to it.`,
  };
}

function namesIn(document: unknown): string[] {
  if (!Array.isArray(document)) return [];
  return document.flatMap((entry: { name?: unknown } | null) =>
    typeof entry?.name === 'string' ? [entry.name] : [],
  );
}
