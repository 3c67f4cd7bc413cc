import { spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runHealthCommand } from '../../src/health/command.js';
import type { ProjectFile } from '../../src/project/project-file.js';
import type { ProjectSeen } from '../../src/survey/model.js';
import { paneSeen, workspaceSeen } from './facts.js';

const none: ProjectFile = {
  projectType: null,
  initScript: null,
  healthCheck: null,
  testCommand: null,
  smokeTest: null,
  devServerPort: null,
  requiredEnv: [],
  timeoutSeconds: null,
  problems: [],
};

/** Asks a project in a folder of its own. */
async function ask(
  file: Partial<ProjectFile>,
  options: { trust?: ProjectSeen['trust']; dotenv?: string; pid?: number } = {},
) {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'cw-project-')));
  onTestFinished(() => rmSync(path, { recursive: true }));
  if (options.dotenv) writeFileSync(join(path, '.env.claude'), options.dotenv);
  const project = {
    file: { ...none, ...file },
    trust: options.trust ?? 'trusted',
    envReadable: null,
    unknown: null,
  } as const;
  const panes = [paneSeen({ pid: options.pid ?? -1 })];
  return runHealthCommand(workspaceSeen({ path, project, panes }), { PATH: process.env.PATH, HOME: path });
}

describe("a project's own health_check", () => {
  it('is asked in its folder, with the variables of its panes', async () => {
    const healthCheck =
      'test "$TOKEN" = a && test "$CLAUDE_PROJECT" = shop && test "$(pwd)" = "$PROJECT_ROOT"';
    expect(await ask({ healthCheck }, { dotenv: 'TOKEN=a\n' })).toEqual({ kind: 'well' });
    expect(await ask({ healthCheck })).toMatchObject({ kind: 'failed', code: 1 });
  });

  it('says in its last line what is wrong, without colours', async () => {
    const healthCheck = String.raw`printf 'first\n\033[31mno database\033[0m\n\n'; exit 4`;
    expect(await ask({ healthCheck })).toEqual({ kind: 'failed', code: 4, lastLine: 'no database' });
  });

  it('is not run where the project is not trusted, and where it hangs it is ended', async () => {
    const healthCheck = 'exit 9';
    expect(await ask({ healthCheck }, { trust: 'untrusted' })).toEqual({ kind: 'untrusted' });
    expect(await ask({ healthCheck }, { trust: 'changed' })).toEqual({ kind: 'untrusted' });
    expect(await ask({ healthCheck: 'sleep 1000', timeoutSeconds: 0.3 })).toEqual({
      kind: 'late',
      seconds: 0.3,
    });
  });

  it('wants the variables that are required, of .env.claude or as a program of its panes has them', async () => {
    const file = { requiredEnv: ['TOKEN', 'PATH'], healthCheck: 'exit 9' };
    expect(await ask(file)).toEqual({ kind: 'lacks', names: ['TOKEN'] });
    expect(await ask(file, { dotenv: 'TOKEN=\n' })).toEqual({ kind: 'lacks', names: ['TOKEN'] });
    expect(await ask({ ...file, healthCheck: null })).toEqual({ kind: 'lacks', names: ['TOKEN'] });
    expect(await ask({ ...file, healthCheck: null }, { dotenv: 'TOKEN=a\n' })).toEqual({ kind: 'well' });
    const ofPane = { requiredEnv: ['CW_OF_PANE'], healthCheck: 'test "$CW_OF_PANE" = yes' };
    const child = spawn('sleep', ['1000'], { env: { ...process.env, CW_OF_PANE: 'yes' } });
    onTestFinished(() => void child.kill('SIGKILL'));
    if (process.platform === 'linux')
      expect(await ask(ofPane, { pid: child.pid! })).toEqual({ kind: 'well' });
    expect(await ask({})).toBeNull();
  });
});
