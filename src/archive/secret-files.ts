import { basename } from 'node:path';

/**
 * Names of files that hold keys and passwords, by what the programs that read them call them. What only looks like an
 * example of one (`.env.example`) is none.
 */
const secretNames = [
  /^\.env(\..+)?$/,
  /^\.envrc$/,
  /^\.(netrc|npmrc|yarnrc\.yml|pypirc|pgpass|my\.cnf|git-credentials|htpasswd|dockercfg|boto|s3cfg|vault-token)$/,
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/,
  /\.(pem|key|p8|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg|age|ovpn|tfstate|tfvars)$/,
  /^(credentials|secrets?)(\.(json|ya?ml|toml|ini|env|txt))?$/,
  /^(service[-_]?account|gcloud|firebase[-_]?admin).*\.json$/,
  /^application_default_credentials\.json$/,
  /^auth\.json$/,
  /^master\.key$/,
];
const examples = /\.(example|sample|template|dist|defaults?)$/;

/** Whether a file is left out of archives for its name. @param path relative, with `/` between its parts */
export function isSecretFile(path: string): boolean {
  const name = basename(path).toLowerCase();
  if (examples.test(name)) return false;
  return secretNames.some((pattern) => pattern.test(name));
}
