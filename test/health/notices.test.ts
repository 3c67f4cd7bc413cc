import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HealthFinding } from '../../src/health/finding.js';
import { newNotices, type ToldBefore } from '../../src/health/notices.js';
import { HealthState } from '../../src/health/state.js';
import { now } from './facts.js';

function finding(level: HealthFinding['level'], changes: Partial<HealthFinding> = {}): HealthFinding {
  const about = {
    id: 'panes.dead',
    workspace: 'my shop',
    subject: 'pane 1.1',
    message: 'is dead',
    fix: null,
  };
  return { ...about, level, ...changes };
}

const ok = finding('ok', { subject: 'my shop', message: 'no pane is dead' });

/** What is told at each of several looks. */
function tell(...looks: readonly (readonly HealthFinding[])[]): string[][] {
  let told: ToldBefore = {};
  return looks.map((findings) => {
    const result = newNotices(told, findings, now);
    told = JSON.parse(JSON.stringify(result.told)) as ToldBefore; // as it is kept
    return result.notices.map(({ level, title, text }) => `${level} ${title}: ${text}`);
  });
}

describe('what is told of health', () => {
  it('is told once when it gets worse, and once when it is well again', () => {
    expect(tell([ok], [finding('warning')], [finding('warning')], [ok], [ok])).toEqual([
      [],
      ['warning my shop: pane 1.1: is dead'],
      [],
      ['well my shop: pane 1.1: well again (is dead)'],
      [],
    ]);
    // What becomes less bad is no news, and what becomes worse than it ever was is.
    expect(
      tell([finding('warning')], [finding('error')], [finding('warning')], [finding('error')])[1],
    ).toHaveLength(1);
  });

  it('says nothing either way of what could not be found out', () => {
    const unknown = finding('unknown', { subject: 'my shop', message: 'no answer' });
    expect(tell([finding('error')], [unknown], [finding('error')], [unknown], [ok])).toEqual([
      ['error my shop: pane 1.1: is dead'],
      [],
      [],
      [],
      ['well my shop: pane 1.1: well again (is dead)'],
    ]);
  });

  it('forgets a workspace that was closed', () => {
    const other = finding('ok', { workspace: 'api' });
    expect(tell([finding('error'), other], [other], [finding('error'), other])).toEqual([
      ['error my shop: pane 1.1: is dead'],
      [],
      ['error my shop: pane 1.1: is dead'],
    ]);
  });

  it('leaves out what is no news: work that is not committed, agents that wait, which are told of elsewhere', () => {
    const quiet = ['git.uncommitted', 'agents.waiting', 'workspaces.open', 'project.env-private'];
    expect(tell(quiet.map((id) => finding('warning', { id })))).toEqual([[]]);
    expect(tell([finding('error', { id: 'agents.failed' })])).toEqual([[]]);
    expect(tell([finding('error', { id: 'project.command' })])[0]).toHaveLength(1);
  });
});

describe('what is kept of health', () => {
  function state() {
    const folder = mkdtempSync(join(tmpdir(), 'cw-health-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return { folder: join(folder, 'health'), state: new HealthState(folder) };
  }

  it('is the last findings, and a history of what changed', () => {
    const { state: kept, folder } = state();
    expect(kept.latest()).toBeNull();
    expect(kept.history()).toEqual([]);
    kept.record('2026-03-01T12:00:00.000Z', [finding('error'), ok], {});
    kept.record('2026-03-01T12:10:00.000Z', [finding('error', { message: 'is dead since 10 min' })], {});
    kept.record('2026-03-01T12:20:00.000Z', [ok], {});
    expect(kept.latest()).toEqual({ at: '2026-03-01T12:20:00.000Z', findings: [], told: {} });
    expect(
      kept
        .history()
        .map(({ at, errors, began, ended }) => [at.slice(11, 16), errors, began.length, ended.length]),
    ).toEqual([
      ['12:00', 1, 1, 0],
      ['12:20', 0, 0, 1],
    ]);
    for (const name of readdirSync(folder))
      expect([name, statSync(join(folder, name)).mode & 0o077]).toEqual([name, 0]);
  });

  it('stays small, and reads what it can of what is damaged', () => {
    const { state: kept, folder } = state();
    const long = 'x'.repeat(20_000);
    for (let look = 0; look < 60; look++)
      kept.record(
        `2026-03-01T12:00:${String(look).padStart(2, '0')}.000Z`,
        look % 2 ? [ok] : [finding('error', { message: long })],
        {},
      );
    const bytes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...bytes)).toBeLessThan(300_000);
    expect(readdirSync(folder).sort()).toEqual(['history.1.jsonl', 'history.jsonl', 'latest.json']);
    writeFileSync(
      join(folder, 'history.jsonl'),
      '{"at":"2026-03-02T00:00:00.000Z","began":[],"ended":[]}\n{"at":\n\n[]\n',
    );
    writeFileSync(join(folder, 'latest.json'), '{"at":');
    expect(kept.history().at(-1)?.at).toBe('2026-03-02T00:00:00.000Z');
    expect(kept.latest()).toBeNull();
    kept.record('2026-03-02T00:00:01.000Z', [finding('error')], {});
    expect(kept.latest()?.findings).toHaveLength(1);
  });
});
