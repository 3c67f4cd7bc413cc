const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work`. A signal that ends the process meanwhile runs `undo` first, and then ends it as if nobody had listened.
 *
 * @param undo has to be done when it returns: nothing runs after it
 */
export async function undoneBySignal<T>(undo: () => void, work: () => Promise<T>): Promise<T> {
  const stop = () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    stop();
    undo();
    // Somebody else's listener ends the process in its own way, or goes on.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work();
  } finally {
    stop();
  }
}
