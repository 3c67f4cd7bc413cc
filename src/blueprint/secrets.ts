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
