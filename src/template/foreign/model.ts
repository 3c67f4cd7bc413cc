import type { Template } from '../../blueprint/template.js';

/** The tmux managers whose files can become templates. */
export const foreignFormats = ['tmuxinator', 'tmuxp', 'smug', 'tmuxifier', 'teamocil'] as const;
export type ForeignFormat = (typeof foreignFormats)[number];

export function isForeignFormat(word: string): word is ForeignFormat {
  return (foreignFormats as readonly string[]).includes(word);
}

/** What a reader of a foreign file has to know of the world: it asks nothing itself, and runs nothing. */
export interface ForeignFacts {
  /** The file as people shall see it. */
  readonly label: string;
  /** What the session is called where the file does not say: the file's name without its ending. */
  readonly name: string;
  /** The folder of the file, absolute. */
  readonly folder: string;
  /** Variables that some formats expand while they read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the user's tmux counts windows and panes from. */
  readonly baseIndex: number;
  readonly paneBaseIndex: number;
  /** The text of a further file that the file names; null when there is none. */
  readonly readFile: (path: string) => string | null;
}

export interface Imported {
  readonly format: ForeignFormat;
  /** The name that the session has there. */
  readonly session: string;
  /** The folder that it begins in, as the file has it (`~` stays); null when it says none. */
  readonly root: string | null;
  readonly template: Template;
  /** Sentences on what is not carried over, or is another thing here. */
  readonly warnings: readonly string[];
}
