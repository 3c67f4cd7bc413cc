import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Sandbox, sandbox } from '../support/sandbox.js';

export interface TestRepository {
  readonly box: Sandbox;
  readonly path: string;
  /** Runs shell lines in the repository, or in a folder below it; throws with their errors. */
  sh(script: string, folder?: string): Promise<string>;
}

/** A repository with one commit on `main`, in a sandbox: by default one of the test's own. */
export async function repository(name = 'shop', box: Sandbox = sandbox()): Promise<TestRepository> {
  const path = join(box.home, name);
  mkdirSync(path);
  const sh: TestRepository['sh'] = async (script, folder = '.') => {
    const ran = await box.run('sh', ['-ec', script], { cwd: join(path, folder) });
    if (ran.code !== 0) throw new Error(`${script}: ${ran.stderr}`);
    return ran.stdout;
  };
  await sh('git init -q -b main . && echo one > a && git add a && git commit -qm one');
  return { box, path, sh };
}
