import { checkEnvironment } from '../../health/environment.js';
import { type Finding, worstFirst } from '../../health/finding.js';
import { checkTmux } from '../../health/tmux.js';
import type { Command, Context } from '../command.js';
import { indent, styler, visible } from '../output.js';

export const verb: Command = {
  name: 'doctor',
  summary: 'Check what cw needs: tmux, locale, programs, settings, folders.',
  description: 'The worst comes first, each with its cure. Exit code 1 when something keeps cw from working.',
  examples: [
    { line: 'cw doctor', does: 'All checks.' },
    { line: 'cw doctor --json', does: 'For programs.' },
  ],
  async run(_args, context) {
    const findings = worstFirst([...(await checkTmux(context.env)), ...checkEnvironment(context.env)]);
    const failed = findings.some(({ level }) => level === 'error');
    return { data: findings, text: picture(findings, context), ...(failed ? { exit: 1 } : {}) };
  },
};

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
