/**
 * How a cell is drawn, by the parameters of SGR: what a program set one after the other is kept as one short list, so
 * that equal looks are equal texts.
 */

/** The attributes that one number sets, with the numbers that take them away. */
const offBy: Readonly<Record<number, readonly number[]>> = {
  22: [1, 2],
  23: [3],
  24: [4],
  25: [5],
  27: [7],
  28: [8],
  29: [9],
  55: [53],
};
const flags = [1, 2, 3, 4, 5, 7, 8, 9, 53];

/** The parameters of one SGR: numbers, and what belongs to a number by colons. */
const wellFormed = /^[0-9:;]{0,128}$/;

export class Style {
  private readonly on = new Set<string>();
  private front = '';
  private back = '';
  private text: string | null = '';

  /** The parameters that draw this look from a plain one: `1;38;5;9`; empty for a plain one. */
  toString(): string {
    this.text ??= [...[...this.on].sort(), this.front, this.back].filter(Boolean).join(';');
    return this.text;
  }

  /** The look of cells that are cleared: only the colour behind them stays. */
  cleared(): string {
    return this.back;
  }

  reset(): void {
    this.on.clear();
    this.front = '';
    this.back = '';
    this.text = '';
  }

  /** Takes the parameters of one SGR. What it does not know is passed over. */
  apply(parameters: string): void {
    if (!wellFormed.test(parameters)) return;
    const items = parameters === '' ? ['0'] : parameters.split(';');
    for (let at = 0; at < items.length; at++) {
      const item = items[at] ?? '';
      const [head = ''] = item.split(':');
      const number = Number(head || '0');
      if (number === 38 || number === 48 || number === 58) {
        const colour = item.includes(':') ? withColons(item) : withSemicolons(number, items, at);
        at += colour.used;
        if (number === 38) this.front = colour.text ?? this.front;
        else if (number === 48) this.back = colour.text ?? this.back;
      } else this.plain(number, item);
    }
    this.text = null;
  }

  private plain(number: number, item: string): void {
    if (number === 0) this.reset();
    else if (number === 21) this.on.add('21');
    else if (flags.includes(number)) this.flag(number, item);
    else if (offBy[number]) {
      for (const off of offBy[number])
        for (const flag of this.on) if (flag.split(':')[0] === String(off)) this.on.delete(flag);
      if (number === 24) this.on.delete('21');
    } else if ((number >= 30 && number <= 37) || (number >= 90 && number <= 97)) this.front = String(number);
    else if (number === 39) this.front = '';
    else if ((number >= 40 && number <= 47) || (number >= 100 && number <= 107)) this.back = String(number);
    else if (number === 49) this.back = '';
  }

  /** `4:3` is one kind of underline, and `4:0` none. */
  private flag(number: number, item: string): void {
    for (const flag of this.on) if (flag.split(':')[0] === String(number)) this.on.delete(flag);
    if (!/^\d+:0$/.test(item)) this.on.add(/^4:[1-5]$/.test(item) ? item : String(number));
  }
}

interface Colour {
  /** null: none that is known. */
  readonly text: string | null;
  /** Items that belong to it beside the first. */
  readonly used: number;
}

function withSemicolons(number: number, items: readonly string[], at: number): Colour {
  const kind = items[at + 1];
  const count = kind === '5' ? 1 : kind === '2' ? 3 : 0;
  const values = items.slice(at + 2, at + 2 + count);
  const isColour = count > 0 && values.length === count && values.every(isByte);
  return { text: isColour ? [number, kind, ...values].join(';') : null, used: count + 1 };
}

function withColons(item: string): Colour {
  const [number, kind, ...rest] = item.split(':');
  const values = kind === '5' ? rest.slice(0, 1) : rest.slice(-3);
  const isColour = values.length === (kind === '5' ? 1 : 3) && values.every(isByte);
  return { text: isColour ? [number, kind, ...values].join(';') : null, used: 0 };
}

function isByte(text: string): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) <= 255;
}
