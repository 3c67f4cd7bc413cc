import { availableParallelism } from 'node:os';

/**
 * Runs `work` for each item, as many at once as there are processors: more git processes would only wait for each
 * other. The results are in the order of the items; the first failure is thrown once nothing runs any more.
 */
export async function many<T, R>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<R>,
  limit = availableParallelism(),
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]!, at);
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, worker);
  const failed = (await Promise.allSettled(workers)).find((ended) => ended.status === 'rejected');
  if (failed) throw failed.reason;
  return results;
}
