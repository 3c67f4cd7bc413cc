import type { RestoreOptions } from '../snapshot/restore-plan.js';
import type { Connection } from '../tmux/connection.js';
import type { Registry } from '../workspace/registry.js';
import type { PathPair } from './path-map.js';
import type { ReadArchive } from './read.js';

export interface ArchiveImportRequest {
  /** The archive's file. */
  readonly file: string;
  /** Its SHA-256: what has been imported from this very file is not imported again. */
  readonly sha256: string;
  readonly as?: string | undefined;
  /** Where the project's folder shall be. */
  readonly into?: string | undefined;
  /** `--map OLD=NEW`, before all other rules. */
  readonly pairs: readonly PathPair[];
  /** Clone the repository from its remote where it is not here. */
  readonly clone: boolean;
  /** Start what a restore would start. */
  readonly run: boolean;
  /** A conversation that went on here otherwise comes as a fork. */
  readonly fork: boolean;
  readonly dryRun: boolean;
  /** Names of variables that an archive may set besides the harmless ones. */
  readonly environment: readonly string[];
  /** Values that the user gives for variables that came without one. */
  readonly askFor: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Folders below which projects are looked for. */
  readonly roots: readonly string[];
  readonly restore: Pick<RestoreOptions, 'patterns' | 'paneHistory'>;
  readonly env: NodeJS.ProcessEnv;
  readonly passphrase?: () => Promise<string>;
  readonly note: (text: string) => void;
  readonly onProgress?: (bytes: number, of: number) => void;
}

/** An archive that was read and checked, and where it is brought. */
export interface ReadImport {
  readonly connection: Connection;
  readonly registry: Registry;
  readonly request: ArchiveImportRequest;
  readonly archive: ReadArchive;
  /** A private folder that is removed afterwards. */
  readonly staging: string;
  /** Where the bytes of a member are. */
  readonly fileOf: (name: string) => string;
}
