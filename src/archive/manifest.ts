import { z } from 'zod';

/**
 * The format of archives that this version writes. A newer one is refused at the first member. A field that may be
 * left out can come without a new number, since a reader leaves out what it does not know.
 */
export const archiveFormat = 1;

export const archiveKind = 'claude-workspaces archive';

/** The first member, `format.json`: it can be read whatever the rest has become. */
export const FormatMark = z.object({
  format: z.number().int().positive(),
  kind: z.literal(archiveKind),
  /** The version of cw that wrote it, for people. */
  cw: z.string().max(100),
});
export type FormatMark = z.infer<typeof FormatMark>;

const longText = z.string().max(4096);

/** What was left out, and why. */
export const LeftOut = z.object({ what: longText, why: longText });
export type LeftOut = z.infer<typeof LeftOut>;

export const ManifestEntry = z.object({
  name: z.string().max(4096),
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ManifestEntry = z.infer<typeof ManifestEntry>;

/** The last member, `manifest.json`. Every other member is listed in it, in the archive's order. */
export const Manifest = z.object({
  format: z.literal(archiveFormat),
  cw: z.string().max(100),
  /** As `tmux -V` says it; null: it was not known. */
  tmux: z.string().max(100).nullable(),
  /** The name of the machine. */
  host: z.string().max(300),
  /** When the snapshot was taken, UTC, ISO 8601. */
  at: z.string().max(40),
  workspace: z.string().min(1).max(300),
  /** The project's folder, absolute, where it was written. */
  project: longText,
  /** The home folder there, absolute. */
  home: longText,
  members: z.array(ManifestEntry),
  leftOut: z.array(LeftOut),
  /** Names of what was made unreadable: variables, and kinds of keys in texts. */
  redacted: z.array(longText),
});
export type Manifest = z.infer<typeof Manifest>;
