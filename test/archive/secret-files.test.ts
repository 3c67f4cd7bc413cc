import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { envFilePattern, envFiles } from '../../src/archive/known-secrets.js';
import { isSecretFile } from '../../src/archive/secret-files.js';
import { sandbox } from '../support/sandbox.js';

describe('files that hold secrets', () => {
  it('are told by their names', () => {
    const secret = [
      '.env',
      'a/.env.claude',
      '.env.local',
      '.npmrc',
      'x/.netrc',
      '.ssh/id_ed25519',
      'k/server.PEM',
      'credentials.json',
      'config/secrets.yml',
      'config/master.key',
      'terraform.tfstate',
      '.git-credentials',
      'service-account-prod.json',
    ];
    expect(secret.filter((path) => !isSecretFile(path))).toEqual([]);
    const plain = [
      '.env.example',
      '.env.sample',
      'src/env.ts',
      'environment.json',
      'id_rsa.pub',
      'secretary.ts',
      'README.md',
      'keys.ts',
      '.npmignore',
    ];
    expect(plain.filter(isSecretFile)).toEqual([]);
  });

  it('are read as variables at the top of a project alone, where they are plain files', () => {
    const { folder } = sandbox();
    const project = join(folder, 'p');
    mkdirSync(join(project, '.env.d'), { recursive: true });
    writeFileSync(join(project, '.env'), 'A=1\n');
    writeFileSync(join(project, '.env.claude'), 'B=2\n');
    writeFileSync(join(project, '.env.example'), 'C=3\n');
    symlinkSync('/nowhere', join(project, '.env.gone'));
    expect([...envFiles(project).keys()]).toEqual(['.env', '.env.claude']);
    expect(['.env', '.env.claude', '.env.a-b.c'].every((name) => envFilePattern.test(name))).toBe(true);
    expect(
      ['.env/..', '.env.../x', 'x.env', '.envrc', '.env.a/b', '.env.\x1b'].some((name) =>
        envFilePattern.test(name),
      ),
    ).toBe(false);
  });
});
