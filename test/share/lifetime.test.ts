import { afterEach, describe, expect, it, vi } from 'vitest';
import { Lifetime } from '../../src/share/lifetime.js';
import type { Ended } from '../../src/share/relay.js';

const hour = 3_600_000;

/** Moves the clock on the wall; timers and `performance.now` go on as they are. */
function clockAt(time: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: time });
}

afterEach(() => void vi.useRealTimers());

describe('the time of a share', () => {
  const never = () => new AbortController().signal;

  it('is over when it has passed', async () => {
    const life = new Lifetime(1000);
    expect(Date.parse(life.endsAt) - Date.parse(life.startedAt)).toBe(1000);
    expect(await life.over(never())).toEqual({ reason: 'time', text: 'Its time of 1 s is over.' });
  });

  it('is over when the clock says so: the machine slept', async () => {
    const life = new Lifetime(hour);
    const over = life.over(never());
    clockAt(Date.now() + 2 * hour);
    expect(await over).toEqual({ reason: 'time', text: 'Its time of 1 h is over.' });
  });

  it('is not made longer by a clock that is set back', async () => {
    const life = new Lifetime(100);
    const over = life.over(never());
    clockAt(Date.now() - hour);
    expect((await over).reason).toBe('time');
  });

  it('is over before, when it is told to be or when a look finds that it is', async () => {
    const ending = new AbortController();
    const over = new Lifetime(hour).over(ending.signal);
    ending.abort();
    expect((await over).reason).toBe('unshared');
    expect((await new Lifetime(hour).over(ending.signal)).reason).toBe('unshared');
    const found: Ended[] = [{ reason: 'closed', text: 'shop was closed.' }];
    const looks: (Ended | null)[] = [null, ...found];
    expect(await new Lifetime(hour).over(never(), async () => looks.shift() ?? null)).toBe(found[0]);
  });
});
