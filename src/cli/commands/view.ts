import { CwError } from '../../errors.js';
import type { Message } from '../../share/protocol.js';
import { type Watching, watchShare } from '../../share/watch.js';
import { expandPath } from '../../system/paths.js';
import type { Command, Context, Outcome } from '../command.js';
import { FullScreen } from '../picker/screen.js';
import { ShareView } from '../share-view.js';
import { writeAll } from '../terminal.js';

type End = Extract<Message, { kind: 'end' }>;

export const verb: Command = {
  name: 'view',
  summary: 'Look at a workspace that another user shares.',
  description:
    'Shows it until it ends, or you leave: q, Escape or Ctrl-C. No other key does anything, and none gets to the workspace; nothing that is shown there can act on your terminal. On a terminal that is smaller than the workspace the part around its cursor is shown. Where the output is no terminal, and with --json, it is the picture of this moment as text.',
  positionals: [
    { name: 'socket', completes: 'file', describe: 'What cw share has printed.', required: true },
  ],
  examples: [
    { line: 'cw view /tmp/cw-share-1f0c/socket', does: 'Look until it ends; q leaves.', exit: 3 },
    { line: 'cw view /tmp/cw-share-1f0c/socket --json', does: 'The lines of this moment.', exit: 3 },
  ],
  async run(args, context) {
    const path = expandPath(args.positionals.socket ?? '', context.cwd, context.env);
    return context.terminal.interactive && !context.json ? watch(path, context) : once(path);
  },
};

/** The first picture, as text. */
async function once(path: string): Promise<Outcome> {
  const view = new ShareView();
  let end: End | null = null;
  let watching: Watching | null = null;
  watching = await watchShare(path, (message) => {
    if (message.kind === 'end') end = message;
    else view.take(message);
    if (view.hasPicture) watching?.close();
  });
  if (view.hasPicture) watching.close();
  await watching.ended;
  if (!view.hasPicture) throw brokenOff(end);
  return { data: view.data(), text: view.text() };
}

async function watch(path: string, context: Context): Promise<Outcome> {
  const view = new ShareView();
  let end: End | null = null;
  let name = '';
  let isLeft = false;
  let watching: Watching | null = null;
  const leave = () => {
    isLeft = true;
    watching?.close();
  };
  const draw = () => {
    if (view.hasPicture)
      writeAll(1, view.draw({ columns: context.terminal.columns, rows: context.terminal.rows }));
  };
  const screen = new FullScreen((key) => {
    if (key.kind === 'leave' || (key.kind === 'text' && key.text === 'q')) leave();
  }, draw);
  let isOpen = false;
  watching = await watchShare(path, (message) => {
    if (message.kind === 'end') {
      end = message;
      return;
    }
    if (message.kind === 'hello') name = message.workspace;
    view.take(message);
    if (isOpen) draw();
  });
  screen.open();
  isOpen = true;
  draw();
  try {
    await watching.ended;
  } finally {
    screen.close();
  }
  if (isLeft) return { data: { ended: 'left' }, text: `You left ${name}.` };
  const said = end as End | null;
  if (said === null || said.reason === 'full' || said.reason === 'failed') throw brokenOff(said);
  return { data: { ended: said.reason }, text: `The share of ${name} is over. ${said.text}` };
}

function brokenOff(end: End | null): CwError {
  if (end?.reason === 'full')
    return new CwError('refused', `You cannot look just now. ${end.text}`, { hint: 'Try again in a while.' });
  return new CwError('failed', `The share broke off. ${end?.text ?? 'The process that kept it is gone.'}`, {
    hint: 'Ask for it anew. Who shares it types: cw share NAME --user YOU',
  });
}
