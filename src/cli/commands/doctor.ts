import { dirname } from 'node:path';
import { messageOf } from '../../errors.js';
import { checkEnvironment } from '../../health/environment.js';
import { type Finding, worstFirst } from '../../health/finding.js';
import { checkSaving, type DaemonSeen, type SavingFacts } from '../../health/saving.js';
import { checkTmux } from '../../health/tmux.js';
import { installedUnit, lingers, systemdState } from '../../integration/systemd.js';
import { findDaemon } from '../../rpc/start.js';
import { setAside } from '../../snapshot/damaged.js';
import { lastRehearsal } from '../../snapshot/rehearsal.js';
import { readWorld } from '../../workspace/world.js';
import type { Command, Context } from '../command.js';
import { hookFindings } from '../doctor-hooks.js';
import { age, indent, styler, visible } from '../output.js';

export const verb: Command = {
  name: 'doctor',
  summary: 'Check what cw needs: tmux, the daemon, hooks, locale, programs, settings, folders.',
  description: 'The worst comes first, each with its cure. Exit code 1 when something keeps cw from working.',
  examples: [
    { line: 'cw doctor', does: 'All checks.' },
    { line: 'cw doctor --json', does: 'For programs.' },
  ],
  async run(_args, context) {
    const findings = worstFirst([
      ...(await checkTmux(context.env)),
      ...(await savingFindings(context)),
      ...(await hookFindings(context)),
      ...checkEnvironment(context.env),
    ]);
    const failed = findings.some(({ level }) => level === 'error');
    return { data: findings, text: picture(findings, context), ...(failed ? { exit: 1 } : {}) };
  },
};

async function savingFindings(context: Context): Promise<Finding[]> {
  try {
    return checkSaving(await savingFacts(context));
  } catch (error) {
    // The address of the server is not one, or the state folder cannot be read: findings of their own say so.
    const message = `could not be looked at: ${messageOf(error)}`;
    return [{ id: 'daemon.running', level: 'unknown', subject: 'daemon', message, fix: null }];
  }
}

async function savingFacts(context: Context): Promise<SavingFacts> {
  const { env } = context;
  const connection = context.tmux();
  const [daemon, world, systemd] = await Promise.all([
    daemonSeen(connection.address.socketPath, env),
    readWorld(connection, env).catch(() => null), // that tmux does not answer is a finding of its own
    systemdState(env),
  ]);
  const open = world?.workspaces.filter(({ session }) => session) ?? [];
  return {
    daemon,
    open: world && open.length,
    autostart: context.settings().daemonAutostart,
    rehearsals: open.flatMap(({ id, name }) => {
      const last = world && lastRehearsal(world.registry, id);
      return last ? [{ name, ...last }] : [];
    }),
    damaged: world && damagedSeen(world.registry.folder),
    service: systemd.running ? { unit: installedUnit(env), lingers: await lingers(env) } : null,
    age,
  };
}

function damagedSeen(folder: string): SavingFacts['damaged'] {
  const found = setAside(folder).sort((a, b) => b.at - a.at);
  const [newest] = found;
  if (!newest) return null;
  return { count: found.length, newest: new Date(newest.at).toISOString(), folder: dirname(newest.path) };
}

async function daemonSeen(server: string, env: NodeJS.ProcessEnv): Promise<DaemonSeen> {
  const found = await findDaemon(server, env);
  if (found.state === 'silent') return { state: 'silent', why: found.why };
  if (found.state !== 'running') return { state: 'none' };
  try {
    const { pid, lastSaveAt, lastSaveError, watching } = await found.client.call('status', {}, 5000);
    return { state: 'running', pid, lastSaveAt, lastSaveError, isWatching: watching !== 'unknown' };
  } catch (error) {
    return { state: 'silent', why: messageOf(error) };
  } finally {
    found.client.close();
  }
}

const marks: Readonly<Record<Finding['level'], readonly [word: string, format: 'red' | 'yellow' | 'green']>> =
  {
    error: ['error', 'red'],
    unknown: ['unknown', 'yellow'],
    warning: ['warning', 'yellow'],
    ok: ['ok', 'green'],
  };

function picture(findings: readonly Finding[], context: Context): string {
  const style = styler(context.terminal.color);
  const widest = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.map(({ level, subject, message, fix }) => {
    const [word, format] = marks[level];
    const line = `${style(format, word.padEnd(7))}  ${subject.padEnd(widest)}  ${visible(message)}`;
    return level === 'ok' || fix === null ? line : `${line}\n${indent(indent(fix))}`;
  });
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  const bad = (['error', 'unknown', 'warning'] as const).filter((level) => count(level) > 0);
  const sum = bad.map(
    (level) => `${count(level)} ${level}${count(level) > 1 && level !== 'unknown' ? 's' : ''}`,
  );
  return `${lines.join('\n')}\n${sum.length > 0 ? `${sum.join(', ')}.` : 'All is well.'}`;
}
