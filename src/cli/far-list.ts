import { CwError } from '../errors.js';
import { parseHost } from '../remote/host.js';
import { type HostList, listHosts } from '../remote/list.js';
import type { Args, Context, Outcome } from './command.js';
import { listColumns, listHead, listRow } from './list-picture.js';
import { type Cell, glossary, styler, table, visible } from './output.js';
import { farSettings } from './reaching.js';

/** `cw list --host HOST...`: the workspaces of other hosts. */
export async function farList(args: Args, context: Context): Promise<Outcome> {
  const named = [...((args.options.host as readonly string[] | undefined) ?? []), ...args.rest];
  const settings = context.settings().remote.hosts;
  if (args.options['all-hosts'] && settings.length === 0) {
    throw new CwError('usage', 'No hosts are set that --all-hosts could ask.', {
      hint: 'cw config set remote.hosts HOST..., or name them: cw list --host HOST...',
    });
  }
  const words = [...named, ...(args.options['all-hosts'] ? settings : [])];
  // All are looked at before any is asked: a misspelt one is told at once.
  const hosts = new Map(words.map((word) => [parseHost(word), word]));
  const flags = ['fresh', 'open'].filter((name) => args.options[name]).map((name) => `--${name}`);
  const lists = await listHosts([...hosts.keys()], flags, farSettings(context));
  const failed = lists.filter(({ error }) => error !== null).length;
  return {
    data: lists.map(({ host, workspaces, error }) => ({
      host,
      workspaces,
      error: error && { code: error.kind, message: error.message, hint: error.hint ?? null },
    })),
    text: hostsPicture(lists, context),
    ...(failed === 0 ? {} : { exit: failed < lists.length ? 6 : 1 }),
  };
}

/** One table of all that answered; below it, those that did not, each with why and what to do. */
export function hostsPicture(
  lists: readonly HostList[],
  { terminal }: Pick<Context, 'terminal'>,
  now = Date.now(),
): string {
  const style = styler(terminal.color);
  const entries = lists.flatMap(({ workspaces }) => workspaces ?? []);
  const rows = lists.flatMap(({ host, workspaces }): (readonly Cell[])[] =>
    workspaces?.length === 0
      ? [[host, '', 'none']]
      : (workspaces ?? []).map((entry) => [host, ...listRow(entry, new Set(), style, now)]),
  );
  const failed = lists.flatMap(({ host, error }) => (error === null ? [] : [{ host, error }]));
  const open = entries.filter(({ state }) => state === 'open');
  const first = lists.find(({ workspaces }) => workspaces?.some(({ state }) => state === 'open'));
  const firstName = first?.workspaces?.find(({ state }) => state === 'open')?.name;
  return [
    ...(rows.length > 0
      ? [
          table([['HOST', ...listHead], ...rows], terminal.columns, [
            { least: 12 },
            ...listColumns(entries, terminal.columns),
          ]),
        ]
      : []),
    ...failed.map(({ host, error }) =>
      glossary(
        [
          [visible(host), visible(error.message)],
          ...(error.hint ?? '')
            .split('\n')
            .filter(Boolean)
            .map((line) => ['', visible(line)] as const),
        ],
        terminal.columns,
      ).replace(/^ {2}/, `${style('red', '✗')} `),
    ),
    [
      `${open.length} open, ${entries.length - open.length} closed on ${count(lists.length - failed.length, 'host')}${failed.length > 0 ? `; ${failed.length} did not tell` : ''}.`,
      ...(first && firstName !== undefined
        ? [`Go there: claude-switch ${visible(first.host)}:${visible(firstName)}`]
        : []),
    ].join(' '),
  ].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
