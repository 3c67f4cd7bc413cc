import type { HookProbe } from '../claude/probe.js';
import { shellWord } from '../system/paths.js';
import type { Finding } from './finding.js';

/** A Claude Code that lives in a pane of a workspace. */
export interface ClaudeSeen {
  /** For people: `shop %5`. */
  readonly label: string;
  readonly conversation: string;
  /** An event of this process came. */
  readonly heard: boolean;
}

/** What is known of hooks and of what is made of them; gathered by who may ask. */
export interface HookFacts {
  readonly probe: HookProbe;
  readonly agents: readonly ClaudeSeen[];
  /** The user's settings of Claude Code, where they switch all hooks off; else null. */
  readonly switchedOff: string | null;
  /** Our hooks are in the user's own settings. */
  readonly installed: boolean;
  /** The file with what agents said, set aside since it could not be read; null: there is none. */
  readonly damagedAgents: string | null;
  /** Lines of the registry of conversations that are no entries. */
  readonly registry: { readonly file: string; readonly count: number; readonly first: number } | null;
  /** Conversations whose transcripts Claude Code deletes within so many days. */
  readonly expiring: { readonly days: number; readonly all: number; readonly copied: number };
}

/** Checks that what Claude Code tells arrives, and that what is known of conversations can be read. */
export function checkHooks(facts: HookFacts): Finding[] {
  return [checkProbe(facts), ...checkAgents(facts), ...checkFiles(facts), ...checkExpiring(facts)];
}

function checkProbe({ probe }: HookFacts): Finding {
  const about = { id: 'hooks.fire', subject: 'hooks' };
  if (probe.came)
    return {
      ...about,
      level: 'ok',
      message: `a probe came through in ${Math.round(probe.ms)} ms`,
      fix: null,
    };
  return {
    ...about,
    level: 'error',
    message: `${probe.launcher}: ${probe.why}`,
    fix: 'Without hooks it is only guessed what agents do. Install cw again, and see: cw daemon logs',
  };
}

function checkAgents({ agents, switchedOff, installed }: HookFacts): Finding[] {
  const about = { id: 'hooks.heard', subject: 'hooks' };
  if (agents.length === 0) return [];
  const silent = agents.filter(({ heard }) => !heard);
  if (silent.length === 0) {
    const message =
      agents.length === 1 ? 'the Claude that runs is heard' : `all ${agents.length} Claudes are heard`;
    return [{ ...about, level: 'ok', message, fix: null }];
  }
  return silent.map(({ label, conversation }) => ({
    ...about,
    level: 'warning',
    message: `${label}: no event of this Claude ever came, so what it does is only guessed`,
    fix:
      switchedOff !== null
        ? `Hooks are switched off: take "disableAllHooks" out of ${switchedOff}`
        : `${installed ? 'Its hooks came after it: start' : 'Put the hooks in (cw init claude), then start'} it again: /exit there, and cw conversation resume ${conversation.slice(0, 8)}`,
  }));
}

function checkFiles({ damagedAgents, registry }: HookFacts): Finding[] {
  const found: Finding[] = [];
  if (damagedAgents !== null) {
    found.push({
      id: 'agents.damaged',
      level: 'warning',
      subject: 'agents',
      message: `what agents had said could not be read, and was begun anew; it is ${damagedAgents}`,
      fix: `What they do now is known again. When you have looked at it: rm ${shellWord(damagedAgents)}`,
    });
  }
  if (registry !== null) {
    const { file, count, first } = registry;
    found.push({
      id: 'conversations.damaged',
      level: 'warning',
      subject: 'conversations',
      message: `${count === 1 ? `line ${first}` : `${count} lines (the first is ${first})`} of ${file} cannot be read and ${count === 1 ? 'is' : 'are'} passed over`,
      fix: `Is each pane's own conversation there? cw conversation list. If so, take ${count === 1 ? 'the line' : 'the lines'} out.`,
    });
  }
  return found;
}

function checkExpiring({ expiring: { days, all, copied } }: HookFacts): Finding[] {
  if (all === 0) return [];
  const about = { id: 'conversations.expiring', subject: 'transcripts' };
  const what = `Claude Code deletes ${all} within ${days} days`;
  if (copied === all) return [{ ...about, level: 'ok', message: `${what}; cw has copies`, fix: null }];
  return [
    {
      ...about,
      level: 'warning',
      message: `${what}, and of ${all - copied} there is no copy`,
      fix: 'The daemon makes one within an hour (cw daemon start). Or raise cleanupPeriodDays in the settings of Claude Code.',
    },
  ];
}
