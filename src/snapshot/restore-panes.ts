import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PaneResume } from '../blueprint/facts.js';
import type { Blueprint, Pane } from '../blueprint/model.js';
import { hookVim } from '../blueprint/vim-hook.js';
import { randomHex } from '../system/random.js';
import type { Registry } from '../workspace/registry.js';
import type { BlobStore } from './blobs.js';
import type { Snapshot } from './model.js';
import type { RestoreOptions } from './restore-plan.js';
import type { Resume } from './resume.js';

/** What a restore lays ready for the panes that it makes: their texts, their histories, where their editors listen. */

/** What the planner is told of each pane. Without a folder for the texts none is written: a dry run. */
export async function paneResumes(
  registry: Registry,
  blobs: BlobStore,
  snapshot: Snapshot,
  blueprint: Blueprint,
  plans: ReadonlyMap<string, Resume>,
  waits: ReadonlyMap<string, number>,
  texts: string | null,
  options: RestoreOptions,
): Promise<Map<string, PaneResume>> {
  const result = new Map<string, PaneResume>();
  for (const pane of blueprint.windows.flatMap((window) => window.panes)) {
    const resume = plans.get(pane.key);
    const scrollback = snapshot.panes[pane.key]?.scrollback;
    let textFile: string | null = null;
    if (texts !== null && scrollback && scrollback.lines > 0) {
      const { lines } = await blobs.readLines(scrollback);
      textFile = join(texts, `${randomHex(6)}.txt`);
      // For the pane that is made now: what a crash leaves of it nobody reads.
      writeFileSync(textFile, `${lines.join('\n')}\x1b[0m\n`, { mode: 0o600, flag: 'wx' });
    }
    // A vim that was not ours is started as the user did.
    const isOurs = snapshot.panes[pane.key]?.program.kind === 'declared';
    const run = (isOurs && resume?.run && hookVim(resume.run)) || (resume?.run ?? null);
    // A pane that declares nvim gets its socket whatever runs in it now: it may be started there again.
    const lines = [pane.run, run, resume?.typed ?? null];
    const editorEnv = texts === null ? null : await registry.editorEnv(blueprint.id, pane.key, lines);
    result.set(pane.key, {
      ...(editorEnv && { editorEnv }),
      ...(resume?.run && texts !== null && { endingFile: registry.endingFile(blueprint.id, pane.key) }),
      delay: waits.get(pane.key) ?? 0,
      run,
      typed: resume?.typed ?? null,
      textFile,
      historyFile:
        options.paneHistory && !pane.startCommand ? historyOf(registry, snapshot, blueprint, pane) : null,
    });
  }
  return result;
}

function historyOf(registry: Registry, snapshot: Snapshot, blueprint: Blueprint, pane: Pane): string {
  // Beside the original a copy has the same panes: both go on from the same history, each in a file of its own.
  const file = registry.historyFile(blueprint.id, pane.key);
  const old = snapshot.panes[pane.key]?.historyFile;
  if (old && old !== file && existsSync(old) && !existsSync(file)) {
    copyFileSync(old, file);
  }
  return file;
}

/** A folder for the texts that panes print as they begin. Ones that no pane printed within an hour are removed. */
export function textFolder(registry: Registry, id: string): string {
  const folder = join(registry.workspaceFolder(id), 'restore');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 3_600_000) rmSync(file, { force: true });
  }
  return folder;
}
