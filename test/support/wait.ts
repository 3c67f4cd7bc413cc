/**
 * Waits until `check` gives something truthy, and gives that back. `what` names the condition in the failure.
 * The limit only ends a hang: tests never wait for time itself.
 */
export async function waitUntil<T>(
  what: string,
  check: () => T | Promise<T>,
  limit = 30_000,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const end = Date.now() + limit;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(
        `never: ${what} (last seen: ${last instanceof Error ? last.message : JSON.stringify(last)})`,
      );
    await new Promise((done) => setTimeout(done, 20));
  }
}
