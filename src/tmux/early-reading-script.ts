import { shellWord } from '../system/paths.js';
import { earlyMark } from './early-reading.js';
import { sessionsCommands } from './reading.js';

/** The line of `sh` that asks what `withEarlyReading` takes; its arguments are the words that pick the server. */
export function earlyReadingScript(): string {
  const last = ['display-message', '-p', `${earlyMark(sessionsCommands)} #{socket_path}`];
  const chain = [...sessionsCommands, last].map((words) => words.map(shellWord).join(' ')).join(" ';' ");
  return `exec tmux -u "$@" ${chain}\n`;
}
