/** One tmux command as its words. Every word reaches tmux exactly, whatever bytes it holds (but NUL). */
export type Command = readonly string[];

export interface BatchOptions {
  /**
   * Stop at the first command that fails; otherwise the rest still run. A batch that may have to start the
   * server needs it: only an argument chain can do that.
   */
  readonly stopOnError?: boolean;
  /** Environment of the client process; it matters where the batch starts the server, which keeps it for ever. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until the answer counts as not given; 10,000 by default. */
  readonly timeout?: number;
  /** Words before `tmux`: a program that becomes it, such as one that gives a new server a place of its own. */
  readonly prefix?: readonly string[];
}

export interface BatchResult {
  /** What the commands printed, in order. Rows of `defineRow` are read with its `parse`. */
  readonly stdout: Buffer;
  /** tmux's sentences, one for each command that failed. */
  readonly errors: readonly string[];
}

/** Which tmux server: the arguments that pick it. */
export interface ServerAddress {
  /** `-L NAME`, `-S PATH`, or none for the default one. */
  readonly args: readonly string[];
  /** The socket's path. */
  readonly socketPath: string;
  /** It is the server that we run inside of, by `$TMUX`. */
  readonly inside?: true;
}

/**
 * The only way to tmux. Two kinds behave alike: one process a batch, and one persistent control-mode client.
 * A command that fails is an entry in `errors`; what is thrown is a failure to reach tmux at all.
 *
 * @throws CwError `tmux-unusable` when tmux is missing, does not answer, or no server runs (the latter is told
 *   apart by `isNoServer(error)`).
 */
export interface Connection {
  readonly address: ServerAddress;
  batch(commands: readonly Command[], options?: BatchOptions): Promise<BatchResult>;
  close(): Promise<void>;
}

/** The time an answer may take, in milliseconds, unless a batch says otherwise. */
export const defaultTimeout = 10_000;
