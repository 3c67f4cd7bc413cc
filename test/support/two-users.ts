import { onTestFinished } from 'vitest';
import { sandbox } from './sandbox.js';
import { startSshd } from './sshd.js';

/**
 * A near user, and a far one who is reached under any host name.
 *
 * @param config what stands before all else in the near one's configuration of ssh.
 */
export async function twoUsers(config = '') {
  const [near, far] = [sandbox(), sandbox()];
  const sshd = await startSshd(far);
  onTestFinished(() => sshd.dispose());
  sshd.reachFrom(near, config);
  return { near, far, sshd };
}
