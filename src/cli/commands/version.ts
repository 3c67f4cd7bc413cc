import { packageVersion } from '../../system/version.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'version',
  summary: 'The versions of cw and Node.',
  examples: [{ line: 'cw version', does: 'For a report of a fault.' }],
  async run() {
    const [version, node] = [packageVersion(), process.versions.node];
    return { data: { version, node, platform: process.platform }, text: `cw ${version}, Node ${node}` };
  },
};
