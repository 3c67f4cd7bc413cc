import { checkFarWord, parseHost } from '../../remote/host.js';
import { pull } from '../../remote/pull.js';
import { shellWord } from '../../system/paths.js';
import type { Command } from '../command.js';
import { indent } from '../output.js';
import { bytesText } from '../progress.js';
import { farSettings } from '../reaching.js';
import { importFrom, shown, transferOptions, wishOf } from '../transferring.js';

export const verb: Command = {
  name: 'pull',
  summary: 'Bring a workspace of another machine here, over ssh.',
  description:
    'What cw push does, from the other side: with --move the one there is closed, once the one here is open. Paths of ' +
    '--into and --map are those of this machine.',
  positionals: [
    { name: 'name', describe: 'A workspace of the other machine.', required: true },
    { name: 'host', completes: 'host', describe: 'A host as ssh knows it.', required: true },
  ],
  options: {
    ...transferOptions,
    move: { type: 'boolean', describe: 'Close it there once it is here, and was verified.' },
  },
  examples: [
    { line: 'cw pull shop desktop --as shop-2', does: 'A copy of shop of desktop.' },
    { line: 'cw pull shop desktop --move --as shop-3', does: 'Go on here: it is closed there.' },
  ],
  async run(args, context) {
    const host = parseHost(args.positionals.host ?? '');
    const name = checkFarWord(args.positionals.name ?? '', 'The workspace');
    const { without, move, force } = args.options;
    const wish = wishOf(args);
    const listener = shown(`receiving ${name}`, context);
    const request = {
      workspace: name,
      without: typeof without === 'string' ? without : null,
      includeEnv: args.options['include-env'] === true,
      close: move === true,
      force: force === true,
    };
    const asks = context.terminal.interactive && !context.json;
    const pulled = await pull(
      { host, request, wish, asks },
      farSettings(context),
      (file) => {
        listener.end();
        return importFrom(file, wish, context);
      },
      listener,
    ).finally(() => listener.end());
    const { archive, imported, missing, closed, notClosed } = pulled;
    for (const note of imported.notes) context.note(note);
    const kept =
      notClosed === null
        ? []
        : [
            `It stays open on ${host}: ${notClosed.message}`,
            indent(`To close it there: ssh ${shellWord(host)} cw kill ${shellWord(archive.workspace)} --yes`),
          ];
    return {
      data: {
        host,
        workspace: archive.workspace,
        archive: { sha256: archive.sha256, bytes: archive.bytes },
        imported: imported.data,
        closed: closed?.data ?? null,
        kept: notClosed?.message ?? null,
      },
      text: [
        `${archive.workspace}  ${bytesText(archive.bytes)}  came from ${host}, verified`,
        ...missing.map(indent),
        imported.text,
        ...(closed ? [`${host}: ${closed.text}`] : kept),
        ...(move && imported.exit !== 0
          ? [`It stays open on ${host}: not all of it could be imported.`]
          : []),
      ].join('\n'),
      ...(imported.exit !== 0 ? { exit: imported.exit } : notClosed ? { exit: 6 } : {}),
    };
  },
};
