import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/health/finding.js';
import { checkSaving, type SavingFacts } from '../../src/health/saving.js';

const well: SavingFacts = {
  daemon: {
    state: 'running',
    pid: 7,
    lastSaveAt: '2026-01-01T00:00:00.000Z',
    lastSaveError: null,
    isWatching: true,
  },
  open: 2,
  autostart: true,
  rehearsals: [],
  damaged: null,
  service: null,
  age: (at) => `[${at.slice(0, 10)}]`,
};

const shown = (facts: Partial<SavingFacts>) =>
  checkSaving({ ...well, ...facts }).map(({ id, level, message }: Finding) => `${level} ${id}: ${message}`);

describe('what is found of saving', () => {
  it('files that did not read and were set aside', () => {
    const damaged = { count: 2, newest: '2026-01-03T00:00:00.000Z', folder: '/state/damaged' };
    expect(shown({ damaged }).at(-1)).toBe(
      'warning store.damaged: 2 saved files did not read and were set aside, the last one [2026-01-03] ago',
    );
  });

  it('the daemon, and its last save', () => {
    expect(shown({})).toEqual(['ok daemon.running: process 7', 'ok daemon.save: [2026-01-01] ago']);
    expect(
      shown({ daemon: { ...well.daemon, lastSaveError: 'the disk is full', isWatching: false } as never }),
    ).toEqual([
      'error daemon.running: process 7 cannot reach tmux',
      'error daemon.save: failed: the disk is full (before that: [2026-01-01] ago)',
    ]);
    expect(shown({ daemon: { state: 'silent', why: 'no answer' } })[0]).toMatch(
      /^error daemon.running: .*no answer/,
    );
    const none = { daemon: { state: 'none' } } as const;
    expect(shown({ ...none, open: 0 })).toEqual([
      'ok daemon.running: none runs; the first workspace starts it',
    ]);
    expect(shown({ ...none, open: 0, autostart: false })[0]).toContain('daemon.autostart is off');
    expect(shown({ ...none, open: 2 })[0]).toMatch(/^warning .*nothing is saved by itself \(2 open\)/);
    expect(shown({ ...none, open: null })[0]).toMatch(/^warning/);
  });

  it('the rehearsals: what was not exact, else the age of the oldest', () => {
    const shop = { name: 'shop', fields: 10, equal: 10, problems: 0, at: '2026-01-03' };
    const api = { ...shop, name: 'api', at: '2026-01-02' };
    expect(shown({ rehearsals: [shop, api] }).at(-1)).toBe(
      'ok rehearsal: 2 workspaces exact, at most [2026-01-02] ago',
    );
    expect(shown({ rehearsals: [shop, { ...api, equal: 9 }] }).at(-1)).toBe(
      'error rehearsal: a restore of api was not exact: 9 of 10 fields came back, [2026-01-02] ago',
    );
    expect(shown({ rehearsals: [{ ...shop, problems: 1 }] }).at(-1)).toMatch(/^error rehearsal/);
  });

  it('the service, and whether it outlives a logout', () => {
    const of = (service: NonNullable<SavingFacts['service']>) => shown({ service }).slice(2);
    expect(of({ unit: 'none', lingers: false })).toEqual([
      expect.stringMatching(/^ok systemd.unit: not installed/),
    ]);
    expect(of({ unit: 'same', lingers: true })).toEqual([
      'ok systemd.unit: installed',
      'ok systemd.linger: on',
    ]);
    expect(of({ unit: 'other', lingers: false })).toEqual([
      expect.stringMatching(/^warning systemd.unit/),
      expect.stringMatching(/^warning systemd.linger: off/),
    ]);
    expect(of({ unit: 'same', lingers: null })[1]).toMatch(/^unknown systemd.linger/);
  });
});
