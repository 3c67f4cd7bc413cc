import type { ShareRecord } from './record.js';

/** A time for people: `15:30` of today, else with the day. */
export function clockText(at: string, now = new Date()): string {
  const time = new Date(at);
  const two = (number: number) => String(number).padStart(2, '0');
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (time.toDateString() === now.toDateString()) return clock;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}

/** `bob and eve can look until 15:30`. */
export function shareText({ mode, guests, endsAt }: ShareRecord, now?: Date): string {
  const names = guests.map(({ name }) => name);
  const last = names.pop();
  const who = last === undefined ? 'you' : names.length > 0 ? `${names.join(', ')} and ${last}` : last;
  const what = mode === 'write' ? 'can use your account' : 'can look';
  return `${who} ${what} until ${clockText(endsAt, now)}`;
}
