import { delimiter, join } from 'node:path';
import { sshdProgram, startSshd } from '../support/sshd.js';
import { makeSandbox, root } from '../support/world.js';
import { comparison, inTurn, process as program, type Row } from './measure.js';

const hosts = 20;
/** Seconds that the slowest host lets one wait; the others take their share of it. */
const slowest = 2;

/**
 * The lists of 20 hosts, which take from 0.1 to 2 seconds to answer, against that of the slowest alone. They are one
 * sshd on this machine; what cw does on the far side is a script, since other machines would not take our processor.
 */
export async function remoteRows(runs: number): Promise<Row[]> {
  if (sshdProgram === null) throw new Error('There is no sshd: apt install openssh-server');
  const [near, far] = [makeSandbox(), makeSandbox()];
  const sshd = await startSshd(far);
  try {
    const name = (at: number) => `host${at + 1}`;
    const config = Array.from(
      { length: hosts },
      (_, at) => `Host ${name(at)}\n  SetEnv DELAY=${(slowest * (at + 1)) / hosts}\n`,
    );
    sshd.reachFrom(near, config.join(''));
    far.file('list.json', `${JSON.stringify([{ name: 'shop', state: 'open' }])}\n`);
    far.file(
      'bin/cw',
      '#!/bin/sh\n[ "$1" = --version ] && exec echo 0.0.0\nsleep "$DELAY"; exec cat ~/list.json\n',
      0o755,
    );
    sshd.account({ path: `${join(far.home, 'bin')}${delimiter}${far.env.PATH}` });
    const list = (...names: string[]) =>
      program(join(root, 'bin/cw'), ['list', '--json', '--host', ...names], { env: near.env });
    const timed = await inTurn(
      list(...Array.from({ length: hosts }, (_, at) => name(at))),
      list(name(hosts - 1)),
      runs,
    );
    // Both ends are here: what the logins alone cost on this machine's processors is told beside it.
    const all = Array.from({ length: hosts }, (_, at) => name(at)).join(' ');
    const bare = program(
      'sh',
      ['-c', `for host in ${all}; do ssh -F ~/ssh_config -T -- "$host" 'cw list' & done >/dev/null; wait`],
      {
        env: near.env,
      },
    );
    const beside = await inTurn(list(...all.split(' ')), bare, runs);
    const what = `cw list --host, ${hosts} hosts`;
    return [
      comparison(what, 'the slowest of them alone', 1.25, timed),
      comparison(what, `${hosts} bare ssh at once`, null, beside),
    ];
  } finally {
    await sshd.dispose();
    await near.dispose();
    await far.dispose();
  }
}
