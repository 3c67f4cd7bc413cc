import { snapshotFormat } from './format.js';

/** Turns the data of one format into that of the next. It must not rely on the schema of today. */
export type Migration = (data: Record<string, unknown>) => Record<string, unknown>;

/** By the format that they start from; one for each format before the present one. Format 1 is the first. */
export const migrations: Readonly<Record<number, Migration>> = {};

/**
 * Brings data of an older format to `target`, one format at a time.
 *
 * @throws Error when a step of the chain is missing, or the data is newer than `target`.
 */
export function migrate(
  data: Record<string, unknown>,
  chain: Readonly<Record<number, Migration>> = migrations,
  target = snapshotFormat,
): Record<string, unknown> {
  let current = data;
  for (let format = formatOf(current); format < target; format++) {
    const step = chain[format];
    if (step === undefined) throw new Error(`nothing leads from format ${format} to ${format + 1}`);
    current = { ...step(current), format: format + 1 };
  }
  if (formatOf(current) !== target) throw new Error(`format ${formatOf(current)} is not ${target}`);
  return current;
}

function formatOf(data: Record<string, unknown>): number {
  if (typeof data.format !== 'number' || !Number.isInteger(data.format))
    throw new Error('it names no format');
  return data.format;
}
