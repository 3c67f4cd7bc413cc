const nameParts =
  /(^|_)(KEY|KEYS|APIKEY|TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASS|PASSPHRASE|PWD|CREDENTIALS?|AUTH|PRIVATE|COOKIE|SESSION|DSN|SALT|JWT|PAT|WEBHOOK)(_|$)/;

// What the givers of keys begin them with, so that leaks can be found: Anthropic and OpenAI, GitHub, Slack, AWS,
// Google, npm, Stripe, GitLab; JSON web tokens, PEM; and a password in a URL.
const valueShapes =
  /^(sk-|gh[pousr]_|github_pat_|xox[abeoprs]-|AKIA|ASIA|AIza|npm_|[rs]k_(live|test)_|glpat-|eyJ[\w-]+\.)|-----BEGIN |^[a-z][\w+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/;

/** True for a variable that looks like a secret, by its name or by its value: it is not shown unasked. */
export function looksSecret(name: string, value: string): boolean {
  if (value === '' || name === 'CLAUDE_CODE_TMUX_SESSION') return false;
  return nameParts.test(name.toUpperCase()) || valueShapes.test(value);
}

/** A kind of token that can be told in the middle of any text. */
export interface TokenShape {
  readonly kind: string;
  /** Meets a whole token within a run of letters, digits, `_`, `.` and `-`; at most `longestToken` characters. */
  readonly pattern: RegExp;
  /** It could be the end of an ordinary word, too (`task-`): nothing of a word may stand before it. */
  readonly needsBorder: boolean;
}

export const longestToken = 8192;
/** The shortest run that a token of any of these kinds is. */
export const shortestToken = 19;

/**
 * The same givers' tokens at their full length, so that what only begins like one is not taken for one. A key of `sk-`
 * has digits, and is no chain of words.
 */
export const tokenShapes: readonly TokenShape[] = [
  {
    kind: 'API key',
    pattern:
      /sk-(?=[\w-]{0,200}\d)(?:[\w-]{0,200}[A-Za-z0-9_]{20}|(?=[\w-]{0,200}[A-Z])[\w-]{20})[\w-]{0,500}/g,
    needsBorder: true,
  },
  {
    kind: 'GitHub token',
    pattern: /gh[pousr]_[A-Za-z0-9]{20,500}|github_pat_\w{20,500}/g,
    needsBorder: false,
  },
  { kind: 'Slack token', pattern: /xox[abeoprs]-[A-Za-z0-9-]{15,500}/g, needsBorder: false },
  { kind: 'AWS key', pattern: /A(?:KI|SI)A[A-Z0-9]{16}(?![A-Za-z0-9])/g, needsBorder: true },
  { kind: 'Google key', pattern: /AIza[\w-]{35}/g, needsBorder: true },
  { kind: 'npm token', pattern: /npm_[A-Za-z0-9]{30,500}/g, needsBorder: false },
  { kind: 'Stripe key', pattern: /[rs]k_(?:live|test)_[A-Za-z0-9]{16,500}/g, needsBorder: false },
  { kind: 'GitLab token', pattern: /glpat-[\w-]{20,500}/g, needsBorder: false },
  {
    kind: 'JSON web token',
    pattern: /eyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,2000})?/g,
    needsBorder: false,
  },
];
