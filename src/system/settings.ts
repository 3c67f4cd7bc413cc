/** The user's settings, `$XDG_CONFIG_HOME/cw/config.json`, with the defaults put in. */
export interface Settings {
  /** Folders whose subfolders are projects. */
  readonly roots: readonly string[];
  /** The size of a workspace that is opened away from a terminal, `COLUMNSxROWS`. */
  readonly size: { readonly width: number; readonly height: number };
  /** The template when nothing else names one; null: by detection. */
  readonly template: string | null;
}
