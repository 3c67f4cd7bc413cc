/** One result of a health check. */
export interface Finding {
  /** Stays the same from version to version, for programs: `tmux.version`. */
  readonly id: string;
  /** `unknown`: it could not be looked at; neither good nor bad is known. */
  readonly level: 'ok' | 'warning' | 'error' | 'unknown';
  /** What was looked at. */
  readonly subject: string;
  /** What was found. */
  readonly message: string;
  /** What to do; null when nothing needs doing. */
  readonly fix: string | null;
}

const order: readonly Finding['level'][] = ['error', 'unknown', 'warning', 'ok'];

/** The worst first; equals keep their order. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** A finding of one workspace, or of what they share. */
export interface HealthFinding extends Finding {
  /** The workspace's name; null: of tmux, the disk, the daemon. */
  readonly workspace: string | null;
}

/** The worst level of all; `ok` where there is none. */
export function worstLevel(findings: readonly Pick<Finding, 'level'>[]): Finding['level'] {
  return order.find((level) => findings.some((finding) => finding.level === level)) ?? 'ok';
}
