import type { Finding } from './finding.js';

/** What was seen of the daemon. */
export type DaemonSeen =
  | { readonly state: 'none' }
  /** It listens and does not answer, and why. */
  | { readonly state: 'silent'; readonly why: string }
  | {
      readonly state: 'running';
      readonly pid: number;
      /** UTC, ISO 8601. */
      readonly lastSaveAt: string | null;
      readonly lastSaveError: string | null;
      /** It could reach tmux, or knows that no server runs. */
      readonly isWatching: boolean;
    };

export interface Rehearsed {
  readonly name: string;
  readonly fields: number;
  readonly equal: number;
  /** How many things could not be made again. */
  readonly problems: number;
  readonly at: string;
}

/** What is known of how workspaces are saved and come back; gathered by who may ask. */
export interface SavingFacts {
  readonly daemon: DaemonSeen;
  /** Open workspaces; null: tmux could not be asked. */
  readonly open: number | null;
  /** Opening a workspace starts the daemon. */
  readonly autostart: boolean;
  /** The last rehearsal of each open workspace that had one. */
  readonly rehearsals: readonly Rehearsed[];
  /** Files that did not read and were set aside: how many, and since when (UTC, ISO 8601). */
  readonly damaged: { readonly count: number; readonly newest: string; readonly folder: string } | null;
  /** null: systemd does not run for this user. */
  readonly service: {
    /** `other`: it is not as this version would write it. */
    readonly unit: 'none' | 'same' | 'other';
    /** null: it could not be asked. */
    readonly lingers: boolean | null;
  } | null;
  /** The age of a time, for people: `12 s`. */
  readonly age: (at: string) => string;
}

/** Checks that what is open is saved, and would come back. */
export function checkSaving(facts: SavingFacts): Finding[] {
  return [
    ...checkDaemon(facts),
    ...checkRehearsals(facts),
    ...checkDamaged(facts),
    ...(facts.service === null ? [] : checkService(facts.service)),
  ];
}

function checkDaemon({ daemon, open, autostart, age }: SavingFacts): Finding[] {
  const about = { id: 'daemon.running', subject: 'daemon' };
  if (daemon.state === 'silent') {
    return [
      {
        ...about,
        level: 'error',
        message: `one listens and does not answer (${daemon.why})`,
        fix: 'It may be stopped (Ctrl-Z) or very busy: continue it, or end it; then: cw daemon start',
      },
    ];
  }
  if (daemon.state === 'none') {
    if (open === 0) {
      const starts = autostart ? 'the first workspace starts it' : 'daemon.autostart is off';
      return [{ ...about, level: 'ok', message: `none runs; ${starts}`, fix: null }];
    }
    const what = open === null ? 'workspaces that are open' : `${open} open`;
    return [
      {
        ...about,
        level: 'warning',
        message: `none runs: nothing is saved by itself (${what})`,
        fix: 'cw daemon start',
      },
    ];
  }
  const runs = `process ${daemon.pid}`;
  const running: Finding = daemon.isWatching
    ? { ...about, level: 'ok', message: runs, fix: null }
    : { ...about, level: 'error', message: `${runs} cannot reach tmux`, fix: 'See why: cw daemon logs' };
  const save = { id: 'daemon.save', subject: 'last save' };
  const last = daemon.lastSaveAt === null ? 'nothing was saved yet' : `${age(daemon.lastSaveAt)} ago`;
  if (daemon.lastSaveError !== null) {
    const message = `failed: ${daemon.lastSaveError} (before that: ${last})`;
    return [running, { ...save, level: 'error', message, fix: 'See: cw daemon logs. Try: cw save --all' }];
  }
  return [running, { ...save, level: 'ok', message: last, fix: null }];
}

function checkRehearsals({ rehearsals, age }: SavingFacts): Finding[] {
  const about = { id: 'rehearsal', subject: 'rehearsal' };
  const failed = rehearsals.filter(({ fields, equal, problems }) => equal < fields || problems > 0);
  if (failed.length > 0) {
    return failed.map(({ name, fields, equal, at }) => ({
      ...about,
      level: 'error',
      message: `a restore of ${name} was not exact: ${equal} of ${fields} fields came back, ${age(at)} ago`,
      fix: `See what differs: cw verify ${name}`,
    }));
  }
  const oldest = rehearsals.map(({ at }) => at).sort()[0];
  if (oldest === undefined) return [];
  const count = `${rehearsals.length} ${rehearsals.length === 1 ? 'workspace' : 'workspaces'}`;
  return [{ ...about, level: 'ok', message: `${count} exact, at most ${age(oldest)} ago`, fix: null }];
}

function checkDamaged({ damaged, age }: SavingFacts): Finding[] {
  if (damaged === null) return [];
  const { count, newest, folder } = damaged;
  const message = `${count} saved ${count === 1 ? 'file' : 'files'} did not read and ${count === 1 ? 'was' : 'were'} set aside, the last one ${age(newest)} ago`;
  return [
    {
      id: 'store.damaged',
      level: 'warning',
      subject: 'saved files',
      message,
      fix: `The snapshots before them are used. They go after 30 days (cw prune), or now: rm -r ${folder}`,
    },
  ];
}

function checkService({ unit, lingers }: NonNullable<SavingFacts['service']>): Finding[] {
  const about = { id: 'systemd.unit', subject: 'service' };
  if (unit === 'none') {
    const message = 'not installed: after a boot the first opened workspace starts the daemon';
    return [{ ...about, level: 'ok', message: `${message} (cw init systemd)`, fix: null }];
  }
  const installed: Finding =
    unit === 'same'
      ? { ...about, level: 'ok', message: 'installed', fix: null }
      : {
          ...about,
          level: 'warning',
          message: 'installed, but not as this version of cw would install it',
          fix: 'cw init systemd',
        };
  const linger = { id: 'systemd.linger', subject: 'lingering' };
  if (lingers === true) return [installed, { ...linger, level: 'ok', message: 'on', fix: null }];
  if (lingers === null)
    return [installed, { ...linger, level: 'unknown', message: 'could not be asked', fix: null }];
  const message = 'off: the service starts with your first login, and ends with your last';
  return [installed, { ...linger, level: 'warning', message, fix: 'loginctl enable-linger' }];
}
