import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PathMap } from '../../src/archive/path-map.js';
import {
  forkId,
  type PlaceContext,
  placeConversation,
  prepareConversations,
  refuseClashes,
} from '../../src/archive/place-conversations.js';
import { isConversationId } from '../../src/claude/model.js';
import { transcriptPath } from '../../src/claude/slug.js';
import { sandbox } from '../support/sandbox.js';

const id = '7f3c2a10-0000-4000-8000-000000000001';

function world() {
  const s = sandbox();
  const scratch = join(s.folder, 'scratch');
  mkdirSync(scratch);
  const context: PlaceContext = {
    registryFolder: join(s.folder, 'state'),
    paths: new PathMap([{ from: '/home/ann', to: s.home }]),
    scratch,
    env: s.env,
  };
  const cwd = join(s.home, 'shop');
  mkdirSync(cwd);
  const target = transcriptPath(join(s.home, '.claude'), cwd, id);
  const arrive = (text: string, subagents: Readonly<Record<string, string>> = {}) => {
    const transcript = join(s.folder, 'arrived.jsonl');
    writeFileSync(transcript, text);
    const files = Object.entries(subagents).map(([name, content]) => {
      const file = join(s.folder, name);
      writeFileSync(file, content);
      return [name, file] as const;
    });
    return { conversation: id, cwd, transcript, subagents: new Map(files) };
  };
  const here = (text: string, path = target) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  return { s, context, cwd, target, arrive, here };
}

const line = (text: string, cwd = '/home/ann/shop') =>
  `${JSON.stringify({ type: 'user', sessionId: id, cwd, message: { role: 'user', content: text } })}\n`;

describe('a conversation that arrives', () => {
  it('gets its place under the slug of its folder here, with the paths of here', async () => {
    const { context, arrive, target, cwd } = world();
    const agent = 'agent-a1.jsonl';
    const [one] = await prepareConversations([arrive(line('hello'), { [agent]: line('sub') })], context);
    expect(one?.placing).toEqual({ kind: 'new', target });
    expect(existsSync(target)).toBe(false);
    expect(await placeConversation(one!, 'unused', context)).toBe(id);
    expect(readFileSync(target, 'utf8')).toBe(line('hello', cwd));
    const subagent = join(target.replace(/\.jsonl$/, ''), 'subagents', agent);
    expect(readFileSync(subagent, 'utf8')).toBe(line('sub', cwd));
  });

  it('adds what was said there to what is here', async () => {
    const { context, arrive, target, here, cwd } = world();
    here(line('one', cwd));
    const [one] = await prepareConversations([arrive(line('one') + line('two'))], context);
    expect(one?.placing.kind).toBe('grown');
    await placeConversation(one!, 'unused', context);
    expect(readFileSync(target, 'utf8')).toBe(line('one', cwd) + line('two', cwd));
  });

  it('leaves alone what is here and longer', async () => {
    const { context, arrive, target, here, cwd } = world();
    here(line('one', cwd) + line('two', cwd));
    const [one] = await prepareConversations([arrive(line('one'))], context);
    expect(one?.placing.kind).toBe('present');
    await placeConversation(one!, 'unused', context);
    expect(readFileSync(target, 'utf8')).toBe(line('one', cwd) + line('two', cwd));
  });

  it('is refused where it went on in different ways, and comes as a fork when that is wanted', async () => {
    const { context, arrive, target, here, cwd, s } = world();
    here(line('one', cwd) + line('here', cwd));
    const prepared = await prepareConversations([arrive(line('one') + line('there'))], context);
    expect(() => refuseClashes(prepared)).toThrow(/went on here and there in different ways/);
    const fork = forkId(id, 'archive');
    expect(isConversationId(fork)).toBe(true);
    expect(fork).toBe(forkId(id, 'archive'));
    expect(await placeConversation(prepared[0]!, fork, context)).toBe(fork);
    expect(readFileSync(target, 'utf8')).toBe(line('one', cwd) + line('here', cwd));
    const forked = readFileSync(transcriptPath(join(s.home, '.claude'), cwd, fork), 'utf8');
    expect(forked).toContain('"there"');
    expect(forked).toContain(`"sessionId":"${fork}"`);
  });

  it('is refused where the same id is here for another folder', async () => {
    const { context, arrive, here, s } = world();
    here(line('one'), transcriptPath(join(s.home, '.claude'), join(s.home, 'other'), id));
    const prepared = await prepareConversations([arrive(line('one') + line('two'))], context);
    expect(() => refuseClashes(prepared)).toThrow(/for another folder/);
  });

  it('keeps lines byte for byte that have no path of there, and torn ones', async () => {
    const { context, arrive, target } = world();
    const text = `{"type":  "summary", "cwd": "/srv"}\n{"torn": "/home/ann`;
    const [one] = await prepareConversations([arrive(text)], context);
    await placeConversation(one!, 'unused', context);
    expect(readFileSync(target, 'utf8')).toBe(text);
  });
});
