import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Difference, diff } from '../blueprint/diff.js';
import type { Blueprint } from '../blueprint/model.js';
import { plan } from '../blueprint/plan.js';
import { ensurePrivateFolder } from '../system/files.js';
import { runtimeFolder } from '../system/paths.js';
import { randomHex } from '../system/random.js';
import { serverEnv } from '../tmux/address.js';
import { processConnection } from '../tmux/process-connection.js';
import { endServer } from '../tmux/server.js';
import { applyPlan } from '../workspace/apply.js';
import { serverFacts } from '../workspace/build.js';
import { startServer } from '../workspace/start-server.js';
import type { BlobStore } from './blobs.js';
import { captureWorkspace } from './capture.js';
import type { Snapshot } from './model.js';

/** What a rehearsal found. */
export interface Fidelity {
  readonly workspace: string;
  readonly name: string;
  readonly sequence: number;
  readonly at: string;
  /** Values that were compared, and those that came back as they were saved. */
  readonly fields: number;
  readonly equal: number;
  readonly differences: readonly Difference[];
  /** What could not be made again, in sentences. */
  readonly problems: readonly string[];
}

/**
 * Rehearses a restore: builds the snapshot on a tmux server of its own, captures that, and compares. Nothing of the
 * user's is started: each pane holds a program that sleeps. The server is gone afterwards.
 */
export async function verifySnapshot(
  snapshot: Snapshot,
  blobs: BlobStore,
  env: NodeJS.ProcessEnv,
): Promise<Fidelity> {
  const folder = runtimeFolder(env);
  ensurePrivateFolder(folder);
  const nonce = randomHex(5);
  const socketPath = join(folder, `verify-${nonce}`);
  // Not the user's tmux.conf: plugins in it would save and restore sessions of their own.
  const connection = processConnection({ args: ['-f', '/dev/null', '-S', socketPath], socketPath }, env);
  const saved = alone(snapshot.blueprint);
  try {
    const started = await startServer(connection, nonce, env);
    const made = plan(asleep(saved), serverFacts(started.reading, nonce, env));
    const applied = await applyPlan(connection, made, { nonce, env: serverEnv(env), keeper: started.keeper });
    const captured = await settled(() => captureWorkspace(connection, saved.id), saved);
    const differences = captured
      ? diff(asleep(saved), captured.blueprint)
      : [{ path: 'session', before: saved.session, after: null }];
    const text = await missingText(snapshot, blobs);
    const problems = [...made.problems, ...applied.problems].map(({ message }) => message);
    const fields = countFields(saved) + Object.keys(snapshot.panes).length;
    return {
      workspace: snapshot.workspace,
      name: snapshot.blueprint.name,
      sequence: snapshot.sequence,
      at: snapshot.at,
      fields,
      equal: Math.max(0, fields - differences.length - text.length),
      differences,
      problems: [...problems, ...text],
    };
  } finally {
    await endServer(connection);
    rmSync(socketPath, { force: true });
  }
}

/** What is shared with other workspaces is theirs to rehearse. */
function alone(blueprint: Blueprint): Blueprint {
  return {
    ...blueprint,
    group: null,
    windows: blueprint.windows.map((window) => ({ ...window, link: null })),
  };
}

function asleep(blueprint: Blueprint): Blueprint {
  return {
    ...blueprint,
    windows: blueprint.windows.map((window) => ({
      ...window,
      panes: window.panes.map((pane) => ({
        ...pane,
        shell: null,
        run: null,
        startCommand: 'exec sleep 600',
      })),
    })),
  };
}

/** Processes that were just started are not in their folders at once: the capture is looked at until it is right, or a second has gone. */
async function settled<T extends { readonly blueprint: Blueprint } | null>(
  take: () => Promise<T>,
  saved: Blueprint,
): Promise<T> {
  const end = performance.now() + 1000;
  for (;;) {
    const captured = await take();
    if (captured && diff(asleep(saved), captured.blueprint).length === 0) return captured;
    if (performance.now() > end) return captured;
    await new Promise((done) => setTimeout(done, 50));
  }
}

export async function missingText(snapshot: Snapshot, blobs: BlobStore): Promise<string[]> {
  const problems: string[] = [];
  for (const [key, pane] of Object.entries(snapshot.panes)) {
    if (!pane.scrollback) continue;
    const { missing } = await blobs.readLines(pane.scrollback);
    if (missing > 0) problems.push(`${missing} parts of the text of pane ${key} cannot be read.`);
  }
  blobs.takeFindings();
  return problems;
}

/** The single values in a blueprint. */
function countFields(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, part) => sum + countFields(part), 0);
}
