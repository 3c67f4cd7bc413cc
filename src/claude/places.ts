import { join } from 'node:path';

/** The folder of all that is kept of conversations, in the one of a tmux server (`Registry.folder`). */
export function claudeStateFolder(registryFolder: string): string {
  return join(registryFolder, 'claude');
}

/** The folder that `CW_SPOOL` names for the panes of a server. */
export function spoolFolder(registryFolder: string): string {
  return join(claudeStateFolder(registryFolder), 'spool');
}
