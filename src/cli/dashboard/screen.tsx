import { Box, type Key as InkKey, type Instance, render, Text, useInput } from 'ink';
import { memo, useSyncExternalStore } from 'react';
import type { Control } from './control.js';
import type { Key, KeyName } from './state.js';

/** The part that Ink draws: lines as they are, and keys as they come. */

const Line = memo(({ text }: { readonly text: string }) => <Text wrap="truncate">{text || ' '}</Text>);

function Screen({ control }: { readonly control: Control }) {
  const lines = useSyncExternalStore(control.subscribe, control.frame);
  useInput((input, key) => {
    for (const one of keysOf(input, key)) control.press(one);
  });
  return (
    <Box flexDirection="column">
      {/* A line is its place on the screen. */}
      {lines.map((text, at) => (
        <Line key={at} text={text} />
      ))}
    </Box>
  );
}

const named: readonly (readonly [keyof InkKey, KeyName])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'pageUp'],
  ['pageDown', 'pageDown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  // What the key above Enter sends on most terminals.
  ['delete', 'backspace'],
];

/** Several keys that were pressed quickly come as one text, with Enter in it. */
function keysOf(input: string, key: InkKey): Key[] {
  if (key.ctrl) {
    if (input === 'c') return [{ name: 'interrupt' }];
    return input === 'u' ? [{ name: 'clear' }] : [];
  }
  const [, name] = named.find(([field]) => key[field]) ?? [];
  if (name) return [{ name }];
  if (key.meta) return [];
  return input.split(/(\r\n?|\n)/).flatMap((part, at): Key[] => {
    if (at % 2 === 1) return [{ name: 'enter' }];
    const text = part.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
    return text === '' ? [] : [{ name: 'text', text }];
  });
}

export function show(control: Control): Instance {
  return render(<Screen control={control} />, {
    exitOnCtrlC: false,
    patchConsole: false,
  });
}
