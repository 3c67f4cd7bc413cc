import { readChecked } from './encode.js';
import { type Migration, migrate } from './migrate.js';
import { Snapshot } from './model.js';

/** What a file turned out to be. */
export type Decoded =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot; readonly doubtful: boolean }
  | { readonly kind: 'newer'; readonly format: number }
  | { readonly kind: 'damaged'; readonly why: string };

/** What the place of a file says about the snapshot in it. */
export interface Expected {
  readonly workspace: string;
  readonly sequence: number;
}

/**
 * Reads a snapshot's file with all there is: size, checksum, migrations, schema, and that it is the snapshot of
 * this workspace which its name promises.
 */
export function decode(
  bytes: Uint8Array,
  expected: Expected,
  chain?: Readonly<Record<number, Migration>>,
): Decoded {
  const read = readChecked(bytes);
  if (!read.ok) {
    return read.newer === undefined
      ? { kind: 'damaged', why: read.why }
      : { kind: 'newer', format: read.newer };
  }
  let data: Record<string, unknown>;
  try {
    data = migrate(JSON.parse(read.body.toString('utf8')) as Record<string, unknown>, chain);
  } catch (error) {
    return { kind: 'damaged', why: error instanceof Error ? error.message : String(error) };
  }
  const parsed = Snapshot.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      kind: 'damaged',
      why: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as the schema says'}`,
    };
  }
  const { workspace, sequence } = parsed.data;
  if (workspace !== expected.workspace)
    return { kind: 'damaged', why: `it belongs to workspace ${workspace}` };
  if (sequence !== expected.sequence) return { kind: 'damaged', why: `it is snapshot ${sequence}` };
  return { kind: 'snapshot', snapshot: parsed.data, doubtful: read.header.doubtful };
}
