import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFarWord, parseHost, splitFarName } from '../../src/remote/host.js';

function refusal(word: string): string {
  try {
    return `taken: ${parseHost(word)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a host', () => {
  it.each([
    ['desktop', 'desktop'],
    ['box-1.example.org', 'box-1.example.org'],
    ['me@box', 'me@box'],
    ['first.last@corp.example@box', 'first.last@corp.example@box'],
    ['10.0.0.7', '10.0.0.7'],
    ['ssh://box', 'ssh://box'],
    ['ssh://me@box:2222', 'ssh://me@box:2222'],
    ['ssh://[::1]:2222', 'ssh://[::1]:2222'],
    ['[::1]', '::1'],
    ['me@[2001:db8::7]', 'me@2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['büro', 'büro'],
  ])('%s', (word, destination) => {
    expect(parseHost(word)).toBe(destination);
  });

  it.each([
    ['', 'it is empty'],
    ['-oProxyCommand=x', 'it begins with a dash'],
    ['me@-oProxyCommand', 'its form is none'],
    ['-me@box', 'begins with a dash'],
    ['a b', 'a blank'],
    ['a;touch', '";"'],
    ['$(touch)', '"$"'],
    ['`x`', '"`"'],
    ['%h', '"%"'],
    ['fe80::1%eth0', '"%"'],
    ["a'b", `"'"`],
    ['a\nb', '"\\n"'],
    ['a\u202eb', 'it holds'],
    ['box:22', 'a port can only be given as ssh://HOST:PORT'],
    ['ssh://box:0', 'its form'],
    ['ssh://box:99999', 'its form'],
    ['ssh://box/path', 'its form'],
    ['ssh://-x', 'its form'],
    ['http://box', 'its form'],
    ['[::1', 'its form'],
    ['[1:2]', 'its form'],
    ['@box', 'its form'],
    ['box@', 'its form'],
    ['a'.repeat(400), 'more than 320'],
  ])('%s is none', (word, why) => {
    expect(refusal(word)).toContain(why);
  });

  it('is never an option, nor a part of a shell line, whatever it is', () => {
    const letters = fc.constantFrom(...'ab1-_.@:/[]%$;&|<>(){}!#*?~ \\"\'`\n\t\x00\x1b=+é', 'ssh://');
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 12 }), (parts) => {
        const said = refusal(parts.join(''));
        if (!said.startsWith('taken: ')) return;
        expect(said.slice(7)).toMatch(/^[\p{L}\p{N}_][\p{L}\p{N}_.@:/[\]+-]*$|^::?[\d:a-f]*$/u);
        for (const part of said.slice(7).split(/@|\/\//)) expect(part).not.toMatch(/^-/);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('HOST:NAME', () => {
  it.each([
    ['box:shop', { host: 'box', name: 'shop' }],
    ['me@box:shop', { host: 'me@box', name: 'shop' }],
    ['[::1]:shop', { host: '[::1]', name: 'shop' }],
    ['ssh://me@box:2222:shop', { host: 'ssh://me@box:2222', name: 'shop' }],
    ['box:', { host: 'box', name: null }],
    ['shop', null],
    [':shop', null],
    ['./a:b', null],
    ['~/x/a:b', null],
  ])('%s', (word, sides) => {
    expect(splitFarName(word)).toEqual(sides);
  });

  it('has no name with control characters', () => {
    expect(() => checkFarWord('a\nb', 'The workspace')).toThrow('control character');
    expect(() => checkFarWord('', 'The workspace')).toThrow('empty');
    expect(checkFarWord('~/projects/my shop', 'The workspace')).toBe('~/projects/my shop');
  });
});
