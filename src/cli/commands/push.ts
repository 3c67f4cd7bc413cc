import { join } from 'node:path';
import { withStaging } from '../../archive/staging.js';
import { isCwError } from '../../errors.js';
import { parseHost } from '../../remote/host.js';
import type { Closing } from '../../remote/protocol.js';
import { push } from '../../remote/push.js';
import { readyTransfers } from '../../remote/transfers.js';
import { shellWord } from '../../system/paths.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { indent } from '../output.js';
import { farSettings } from '../reaching.js';
import {
  allowClosing,
  closeMoved,
  exportInto,
  findHere,
  shown,
  transferOptions,
  transferText,
  wishOf,
} from '../transferring.js';

export const verb: Command = {
  name: 'push',
  summary: 'Bring a workspace to another machine, over ssh.',
  description:
    'Exports it, sends that, and imports it there; nothing is imported before all is there and verified. A connection ' +
    'that is cut is made again, and goes on where it was; so does the same line later, for a day. The cw there must be ' +
    'on the PATH of its login shell. Paths of --into and --map are those of the other machine.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'A workspace.', required: true },
    { name: 'host', completes: 'host', describe: 'A host as ssh knows it.', required: true },
  ],
  options: transferOptions,
  examples: [
    { line: 'cw push shop desktop --as shop-2', does: 'A copy of shop on desktop.' },
    { line: 'cw push shop desktop --move --as shop-3', does: 'Go on there: it is closed here.' },
  ],
  async run(args, context) {
    const host = parseHost(args.positionals.host ?? '');
    const { workspace, world } = await findHere(args.positionals.name ?? '', context);
    const isMove = args.options.move === true;
    const agreed = isMove && (await allowClosing(workspace, world, args.options.force === true, context));
    const folder = await readyTransfers(context.env);
    return withStaging(folder, (staging) =>
      transfer(
        join(staging, 'archive.tar.gz'),
        workspace.name,
        host,
        isMove ? { agreed } : null,
        args,
        context,
      ),
    );
  },
};

async function transfer(
  file: string,
  name: string,
  host: string,
  move: { readonly agreed: boolean } | null,
  args: Args,
  context: Context,
): Promise<Outcome> {
  const { without } = args.options;
  const parts = {
    without: typeof without === 'string' ? without : null,
    includeEnv: args.options['include-env'] === true,
  };
  const exported = await exportInto(file, name, parts, context);
  const { archive } = exported;
  const wish = wishOf(args);
  const listener = shown(`sending ${name}`, context);
  const asks = context.terminal.interactive && !context.json;
  const imported = await push({ host, file, archive, wish, asks }, farSettings(context), listener).finally(
    () => listener.end(),
  );
  for (const note of imported.notes) context.note(`${host}: ${note}`);
  const closing = move && imported.exit === 0 ? await closed(name, move.agreed, context) : null;
  const isKept = move !== null && closing?.closing === undefined;
  const there = shellWord(`${host}:${wish.as ?? archive.workspace}`);
  return {
    data: {
      host,
      workspace: archive.workspace,
      archive: { sha256: archive.sha256, bytes: archive.bytes },
      imported: imported.data,
      closed: closing?.closing?.data ?? null,
      kept: closing?.kept ?? null,
    },
    text: [
      transferText(`is on ${host}, verified`, exported),
      indent(imported.text),
      ...(closing === null ? [] : [closing.closing?.text ?? `${closing.kept}`]),
      ...(move && imported.exit !== 0 ? [`${name} stays open here: not all of it could be imported.`] : []),
      `Go there: claude-switch ${there}`,
    ].join('\n'),
    ...(imported.exit !== 0 ? { exit: imported.exit } : isKept ? { exit: 6 } : {}),
  };
}

async function closed(
  name: string,
  agreed: boolean,
  context: Context,
): Promise<{ readonly closing?: Closing; readonly kept?: string }> {
  try {
    return { closing: await closeMoved(name, agreed, context) };
  } catch (error) {
    if (!isCwError(error)) throw error;
    // It is there: that it is also still here is no failure of the whole.
    return { kept: [error.message, ...(error.hint ? [indent(error.hint)] : [])].join('\n') };
  }
}
