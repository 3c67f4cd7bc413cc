import { join } from 'node:path';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { Registry } from '../workspace/registry.js';
import type { Fidelity } from './verify.js';

/** The result of the last rehearsal of a workspace, as it is remembered. */
export interface Rehearsal {
  /** UTC, ISO 8601. */
  readonly at: string;
  /** The snapshot's number. */
  readonly sequence: number;
  readonly fields: number;
  readonly equal: number;
  /** How many things could not be made again. */
  readonly problems: number;
}

/** True when all came back as it was saved. */
export function isFaithful({
  fields,
  equal,
  problems,
}: Pick<Fidelity, 'fields' | 'equal' | 'problems'>): boolean {
  return equal === fields && problems.length === 0;
}

export function recordRehearsal(registry: Registry, found: Fidelity): void {
  const rehearsal: Rehearsal = {
    at: new Date().toISOString(),
    sequence: found.sequence,
    fields: found.fields,
    equal: found.equal,
    problems: found.problems.length,
  };
  writeFileAtomic(fileOf(registry, found.workspace), `${JSON.stringify(rehearsal)}\n`);
}

/** null: it was never rehearsed, or that is not known. */
export function lastRehearsal(registry: Registry, workspace: string): Rehearsal | null {
  try {
    const text = readTextIfAny(fileOf(registry, workspace));
    const value = JSON.parse(text ?? 'null') as Partial<Rehearsal> | null;
    const { at, sequence, fields, equal, problems } = value ?? {};
    const numbers = [sequence, fields, equal, problems];
    if (typeof at !== 'string' || Number.isNaN(Date.parse(at))) return null;
    return numbers.every((each) => typeof each === 'number') ? (value as Rehearsal) : null;
  } catch {
    return null; // damaged: the next rehearsal writes it anew
  }
}

function fileOf(registry: Registry, workspace: string): string {
  return join(registry.workspaceFolder(workspace), 'rehearsal.json');
}
