declare const kind: unique symbol;

/** `$3`: a session, for as long as its server lives. */
export type SessionId = string & { readonly [kind]: 'session' };
/** `@5` */
export type WindowId = string & { readonly [kind]: 'window' };
/** `%7` */
export type PaneId = string & { readonly [kind]: 'pane' };

/**
 * The target for a session of exactly this name. A plain name matches by prefix (`-t web` has killed `web-api`);
 * `=web` is exact, but only the final colon makes commands that want a pane take it for a session's name.
 */
export function exactSession(name: string): string {
  return `=${name}:`;
}

export const longestName = 100;

/**
 * A name that every version of tmux takes as it is: letters, digits, `_` and `-`, at most 100 of them, no leading
 * `-`. `.` and `:` are refused or silently changed, depending on the version, and `$` makes a name unreachable.
 * A name with nothing left of it becomes `workspace`.
 */
export function sanitiseSessionName(text: string): string {
  const name = text
    .normalize('NFKD')
    .replace(/\p{Mark}+/gu, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, longestName)
    .replace(/-+$/, '');
  return name || 'workspace';
}
