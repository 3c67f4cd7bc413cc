import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStore } from '../../src/claude/agent-store.js';
import { claudeStateFolder, spoolFolder } from '../../src/claude/places.js';
import { areHooksOff, probeHook } from '../../src/claude/probe.js';
import { unreadableLines } from '../../src/claude/registry.js';
import { Spool } from '../../src/claude/spool.js';
import type { Finding } from '../../src/health/finding.js';
import { checkHooks, type HookFacts } from '../../src/health/hooks.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { installFakeClaude, ready, startClaude } from '../support/claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';

const good: HookFacts = {
  probe: { came: true, ms: 12.3 },
  agents: [],
  switchedOff: null,
  installed: false,
  damagedAgents: null,
  registry: null,
  expiring: { days: 3, all: 0, copied: 0 },
};
const conversation = '0b3a9b9e-5b1c-4e0e-9a55-0123456789ab';
const words = (facts: Partial<HookFacts>) =>
  checkHooks({ ...good, ...facts }).map(
    ({ id, level, message, fix }) => `${id} ${level}: ${message} -> ${fix}`,
  );

describe('findings of hooks', () => {
  it('are good where all is', () => {
    expect(words({})).toEqual(['hooks.fire ok: a probe came through in 12 ms -> null']);
    expect(
      words({
        agents: [
          { label: 'shop %1', conversation, heard: true },
          { label: 'shop %2', conversation, heard: true },
        ],
        expiring: { days: 3, all: 2, copied: 2 },
      }).slice(1),
    ).toEqual([
      'hooks.heard ok: all 2 Claudes are heard -> null',
      'conversations.expiring ok: Claude Code deletes 2 within 3 days; cw has copies -> null',
    ]);
  });

  it('have the cure of each fault', () => {
    const agents = [
      { label: 'shop %1', conversation, heard: true },
      { label: 'shop %2', conversation, heard: false },
    ];
    expect(words({ probe: { came: false, launcher: '/x/cw-hook', why: 'it is not there' } })[0]).toMatch(
      /^hooks.fire error: \/x\/cw-hook: it is not there -> .*Install cw again/,
    );
    expect(words({ agents })[1]).toMatch(
      /^hooks.heard warning: shop %2: no event.* -> Put the hooks in \(cw init claude\), then start it again: .*resume 0b3a9b9e$/,
    );
    expect(words({ agents, installed: true })[1]).toMatch(/-> Its hooks came after it: start it again/);
    expect(words({ agents, switchedOff: '~/.claude/settings.json' })[1]).toMatch(
      /-> Hooks are switched off: take "disableAllHooks" out of ~\/.claude\/settings.json$/,
    );
    expect(words({ damagedAgents: '/s/agents.json.damaged' })[1]).toMatch(/: rm \/s\/agents.json.damaged$/);
    expect(words({ registry: { file: '/s/registry.log', count: 1, first: 7 } })[1]).toContain(
      'line 7 of /s/registry.log cannot be read and is passed over',
    );
    expect(words({ expiring: { days: 3, all: 2, copied: 1 } })[1]).toMatch(
      /warning: Claude Code deletes 2 within 3 days, and of 1 there is no copy -> .*cw daemon start/,
    );
  });
});

describe.runIf(process.platform === 'linux')('the probe', () => {
  it('goes through the spool, and leaves nothing', async () => {
    const world = sandbox();
    const folder = join(world.home, 'state');
    const spool = new Spool(spoolFolder(folder));
    // Where there is no spool, none is made.
    expect(await probeHook(folder, world.env, async () => {})).toMatchObject({ came: true });
    expect(existsSync(folder)).toBe(false);

    spool.prepare();
    const inputs = () => readdirSync(spool.folder).filter((name) => name !== 'index');
    let seen: string[] = [];
    const take = async () => {
      seen = inputs().map((name) => readFileSync(join(spool.folder, name), 'utf8'));
      spool.compact(spool.end());
    };
    expect(await probeHook(folder, world.env, take)).toEqual({ came: true, ms: expect.any(Number) });
    expect(seen).toEqual(['{"hook_event_name":"Probe"}']);
    expect(inputs()).toEqual([]);
    expect(spool.read(0)).toMatchObject({ events: [], broken: [expect.stringContaining('1 Probe ')] });

    expect(await probeHook(folder, world.env, async () => {})).toMatchObject({
      came: false,
      why: 'it arrived, and was not taken out again',
    });
    // A spool that nothing can be put into.
    const other = join(world.home, 'other');
    mkdirSync(spoolFolder(other), { recursive: true });
    mkdirSync(join(spoolFolder(other), 'index'));
    expect(await probeHook(other, world.env, take)).toMatchObject({ came: false });
  });

  it('tells settings that switch hooks off', () => {
    const world = sandbox();
    expect(areHooksOff(join(world.home, '.claude'))).toBe(false);
    world.file('.claude/settings.json', '{"disableAllHooks": true}');
    expect(areHooksOff(join(world.home, '.claude'))).toBe(true);
    world.file('.claude/settings.json', '{');
    expect(areHooksOff(join(world.home, '.claude'))).toBe(false);
  });

  it('knows the lines of a registry that are none', () => {
    const line = JSON.stringify({ kind: 'name', at: 'x', conversation, evidence: 'y', name: 'z' });
    expect(unreadableLines('')).toBeNull();
    expect(unreadableLines(`${line}\n\n${line}\n{"torn`)).toBeNull();
    expect(unreadableLines(`${line}\n{"torn\n${line}\nx\n`)).toEqual({ count: 2, first: 2 });
  });
});

describe.runIf(process.platform === 'linux')('cw doctor', () => {
  async function findings(world: Sandbox): Promise<Finding[]> {
    return JSON.parse((await world.cw(['doctor', '--json'])).stdout) as Finding[];
  }

  it('says which Claude was never heard, and what could not be read', async () => {
    const world = sandbox();
    installFakeClaude(world);
    world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [{role: claude, run: claude}]}]\n');
    await world.cw(['up', '--detach', '--trust', 'projects/shop']);
    const pane = world.tmux('list-panes', '-a', '-F', '#{pane_id}').trim();
    await ready(world, pane);
    const heard = (list: Finding[]) =>
      list.filter(({ id }) => id === 'hooks.heard').map(({ level, message }) => `${level}: ${message}`);
    expect(heard(await findings(world))).toEqual(['ok: the Claude that runs is heard']);

    // By hand, without hooks.
    const silent = startClaude(world);
    world.tmux('set-option', '-t', silent, '@cw_id', 'w0123456789ab');
    await ready(world, silent);
    const claude = claudeStateFolder(serverFolder(world.socket, world.env));
    writeFileSync(join(claude, 'agents.json'), '{"format": 1, "torn');
    writeFileSync(
      join(claude, 'registry.log'),
      `${readFileSync(join(claude, 'registry.log'), 'utf8')}torn\n`,
    );
    const list = await findings(world);
    // What the other one had told is lost, but not that it did.
    expect(heard(list)).toEqual([
      expect.stringMatching(
        `^warning: \\S+ ${silent}: no event of this Claude ever came, so what it does is only guessed$`,
      ),
    ]);
    expect(list.find(({ id }) => id === 'hooks.fire')).toMatchObject({ level: 'ok' });
    expect(list.find(({ id }) => id === 'agents.damaged')?.level).toBe('warning');
    expect(list.find(({ id }) => id === 'conversations.damaged')?.level).toBe('warning');
    expect(readFileSync(join(claude, 'agents.json.damaged'), 'utf8')).toBe('{"format": 1, "torn');
    expect(parseStore(readFileSync(join(claude, 'agents.json'), 'utf8'))).not.toBeNull();
  });
});
