import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Redactor } from '../../src/archive/redact.js';
import { pieces } from './support.js';

const letters = 'Ab3dEf9hIjKlMn0pQrStUvWxYz12345678901234567890';
const key = [
  '-----BEGIN RSA PRIVATE KEY-----',
  'MIIEpAIBAAKCAQEA7bq',
  'Zm9vYmFy+/==',
  '-----END RSA PRIVATE KEY-----',
];

/** Secrets as they are given out, with nothing real in them. */
const secrets: readonly (readonly [string, string])[] = [
  ['API key', `sk-ant-api03-${letters}-x_y`],
  ['API key', `sk-${letters}`],
  ['API key', `sk-proj-${letters.slice(0, 20)}-${letters.slice(5, 30)}`],
  ['GitHub token', `ghp_${letters.slice(0, 36)}`],
  ['GitHub token', `gho_${letters.slice(0, 36)}`],
  ['GitHub token', `github_pat_11${letters.slice(0, 20)}_${letters}`],
  ['Slack token', 'xoxb-1234567890-1234567890-AbCdEfGhIjKl'],
  ['AWS key', 'AKIAIOSFODNN7EXAMPLE'],
  ['AWS key', 'ASIAIOSFODNN7EXAMPLE'],
  ['Google key', `AIza${letters.slice(0, 35)}`],
  ['npm token', `npm_${letters.slice(0, 36)}`],
  ['Stripe key', `sk_live_${letters.slice(0, 24)}`],
  ['Stripe key', `rk_test_${letters.slice(0, 24)}`],
  ['GitLab token', `glpat-${letters.slice(0, 20)}`],
  ['JSON web token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${letters}`],
  ['JSON web token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0.'],
];

describe('a token', () => {
  it.each(secrets)('%s %s is made unreadable wherever it stands', (kind, secret) => {
    const stars = '*'.repeat(secret.length);
    for (const around of [
      (one: string) => one,
      (one: string) => `${one} `,
      (one: string) => `export KEY=${one}\n`,
      (one: string) => `KEY="${one}"`,
      (one: string) => `Authorization: Bearer ${one}`,
      (one: string) => `\x1b[31m${one}\x1b[0m`,
      (one: string) => `${'a word '.repeat(50)}${one}`,
      (one: string) => JSON.stringify(`first\n${one}\nlast`),
      (one: string) => JSON.stringify(JSON.stringify(`first\t${one}`)),
      (one: string) => JSON.stringify({ text: `\x1b[1;32m${one}` }),
      (one: string) => `https://host/path?token%3D${one}&x=1`,
    ]) {
      const redactor = new Redactor();
      expect(redactor.text(around(secret))).toBe(around(stars));
      expect([...redactor.found]).toEqual([[kind, 1]]);
    }
  });

  it.each([
    'task-management-system-design-document-2',
    'disk-full-handling-of-a-long-name-v2',
    'sk-learn-tutorial-with-many-words-in-it',
    'sk-short',
    'npm_config_registry npm_lifecycle_event',
    'ghp_short',
    'AKIA and ASIA',
    'AKIAIOSFODNN7EXAMPLEandmore',
    'd5a8c2b0-1111-4222-8333-abcdefabcdef',
    '/home/ann/projects/shop/src/components/LoginForm.test.tsx',
    'eyJ is how a token begins',
    'https://example.com/a:b@c',
    'https://example.com:8080/path',
    'git@github.com:ann/shop.git',
    'postgres://user@host/db',
    'postgres://user:${PASSWORD}@host/db',
    '0123456789abcdef0123456789abcdef01234567',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  ])('is not what only looks a little like one: %s', (text) => {
    const redactor = new Redactor([{ name: 'SHORT', value: 'ann' }]);
    expect(redactor.text(text)).toBe(text);
    expect(redactor.found.size).toBe(0);
  });
});

it('the password of a URL is made unreadable, and nothing else of it', () => {
  const redactor = new Redactor();
  expect(redactor.text('a postgres://shop:hunter2@db:5432/shop b redis://:pw@h')).toBe(
    'a postgres://shop:*******@db:5432/shop b redis://:**@h',
  );
  expect([...redactor.found]).toEqual([['password in a URL', 2]]);
});

describe('a private key', () => {
  it('is made unreadable between its first and last line', () => {
    const redactor = new Redactor();
    expect(redactor.text(`x\n${key.join('\n')}\ny`)).toBe(
      `x\n${key[0]}\n*******************\n************\n${key[3]}\ny`,
    );
    expect([...redactor.found]).toEqual([['private key', 1]]);
  });

  it.each(['\n', '\r\n', '\u000b\u001f'])('in JSON keeps its line breaks %j', (line) => {
    const text = JSON.stringify({ key: key.join(line) });
    const redacted = new Redactor().bytes(Buffer.from(text), { json: true }).toString();
    expect(redacted).toHaveLength(text.length);
    expect(JSON.parse(redacted).key.split(line)[1]).toBe('*******************');
  });

  it('that is cut off is made unreadable as far as it goes', () => {
    const text = new Redactor().text(`${key.slice(0, 3).join('\n')}\n`);
    expect(text).toBe(`${key[0]}\n*******************\n************\n`);
  });
});

describe('a known value', () => {
  it('is made unreadable wherever it stands, and counted by its name', () => {
    const redactor = new Redactor([
      { name: 'PASS', value: 'correct horse' },
      { name: 'KEY', value: 'Schlüssel!' },
    ]);
    expect(redactor.text('a correct horse, Schlüssel!xcorrect horse')).toBe(
      'a *************, ***********x*************',
    );
    expect(redactor.found).toEqual(
      new Map([
        ['PASS', 2],
        ['KEY', 1],
      ]),
    );
  });

  it('is found beside its like: one that is a part of another, or begins as it does', () => {
    const redactor = new Redactor([
      { name: 'LONG', value: 'abcdefghijkl' },
      { name: 'MIDDLE', value: 'cdefghij' },
      { name: 'OTHER', value: 'abcdefgh' },
    ]);
    expect(redactor.text('abcdefghijkl abcdefghi cdefghij xabcdefghijklx')).toBe(
      '************ ********i ******** x************x',
    );
  });

  it('is redacted in every text of a value, and names of fields stay', () => {
    const redactor = new Redactor([{ name: 'PASS', value: 'correct horse' }]);
    expect(redactor.value({ a: ['correct horse', 1, null], 'correct horse': { b: true } })).toEqual({
      a: ['*************', 1, null],
      'correct horse': { b: true },
    });
  });

  it('leaves JSON what it is', () => {
    const value = fc.string({
      unit: fc.constantFrom('n', 'u', '0', '"', '\\', '\n', 'a', '{', ',', ':'),
      minLength: 8,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        value,
        fc.array(fc.string({ unit: fc.constantFrom('n', 'u', '0', '\\', '"', '\n', 'a', '\x01') })),
        (secret, others) => {
          const redactor = new Redactor([{ name: 'S', value: secret }]);
          const object = {
            a: secret,
            b: `x${secret}y`,
            c: others,
            d: JSON.stringify({ secret }),
            e: `\n${secret}\\`,
          };
          const text = `${JSON.stringify(object)}\n${JSON.stringify(object)}\n`;
          const redacted = redactor.bytes(Buffer.from(text), { json: true }).toString();
          expect(redacted).toHaveLength(text.length);
          for (const line of redacted.trimEnd().split('\n')) {
            const parsed = JSON.parse(line);
            expect(parsed.a).not.toContain(secret);
            expect(parsed.b).not.toContain(secret);
            expect(JSON.stringify(JSON.parse(parsed.d))).not.toContain(secret);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('that reads like a part of the JSON itself is met in its texts only', () => {
    const redactor = new Redactor([{ name: 'S', value: '","name":"' }]);
    const json = JSON.stringify({ id: '1', name: 'shop', text: 'say ","name":" here' });
    const redacted = redactor.bytes(Buffer.from(json), { json: true }).toString();
    expect(JSON.parse(redacted)).toMatchObject({ id: '1', name: 'shop' });
    expect(redacted).not.toContain(String.raw`\",\"name\":\"`);
    expect(redactor.found).toEqual(new Map([['S', 1]]));
    // What is no JSON has it as it is.
    expect(redactor.text('{"id":"1","name":"shop"}')).toBe('{"id":"1**********shop"}');
  });

  it('that ends or begins within an escape leaves the escape whole', () => {
    const redactor = new Redactor([
      { name: 'A', value: 'nothing at all' },
      { name: 'B', value: 'ends with\\' },
      { name: 'C', value: 'u00e9 and more' },
    ]);
    for (const text of ['say\nothing at all', 'ends with\n', 'ends with"', 'so \u0001\u00e9']) {
      const json = JSON.stringify(text).replace('\u00e9', '\\u00e9 and more');
      const redacted = redactor.bytes(Buffer.from(json), { json: true }).toString();
      expect(() => JSON.parse(redacted)).not.toThrow();
    }
    expect(redactor.found.get('A')).toBe(1);
  });
});

it('a stream is redacted as the whole is, however it is cut', async () => {
  const random = fc.string({
    unit: fc.constantFrom('a', '-', '_', '.', ' ', '\n', 'sk-', 'eyJ', '://', ':', '@', '9', 'Z'),
    maxLength: 40,
  });
  const part = fc.oneof(
    random,
    fc.constantFrom(
      ...secrets.map(([, secret]) => ` ${secret}`),
      key.join('\n'),
      'known value 1',
      'p://u:secretpw@h',
    ),
    // So that secrets lie at the ends of pieces.
    fc.nat(140_000).map((length) => 'x '.repeat(length / 2)),
  );
  const known = [{ name: 'K', value: 'known value 1' }];
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 12 }),
      fc.constantFrom(1000, 65_536, 131_072, 200_000),
      async (parts, size) => {
        const text = Buffer.from(parts.join('\n'));
        const whole = new Redactor(known);
        const streamed = new Redactor(known);
        const out: Buffer[] = [];
        for await (const piece of streamed.stream(pieces(text, size))) out.push(piece);
        expect(Buffer.concat(out).equals(whole.bytes(text))).toBe(true);
        expect(streamed.found).toEqual(whole.found);
      },
    ),
    { numRuns: 150 },
  );
});
