import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readIncoming, readRequest } from '../../src/rpc/protocol.js';

test('no line makes the readers throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((value) => JSON.stringify({ id: 1, method: 'save', params: value })),
      ),
      (line) => {
        const request = readRequest(line);
        expect('error' in request || 'method' in request).toBe(true);
        readIncoming(line);
      },
    ),
  );
});

test.each([
  ['{', null, 'bad-message'],
  ['[]', null, 'bad-message'],
  ['{"method":"status"}', null, 'bad-message'],
  ['{"id":{},"method":"status"}', null, 'bad-message'],
  ['{"id":7}', 7, 'bad-message'],
  ['{"id":7,"method":"destroy"}', 7, 'unknown-method'],
  ['{"id":7,"method":"constructor"}', 7, 'unknown-method'],
  ['{"id":7,"method":"__proto__"}', 7, 'unknown-method'],
  ['{"id":"a","method":"save","params":[]}', 'a', 'bad-params'],
  ['{"id":7,"method":"save","params":{"workspaces":"shop"}}', 7, 'bad-params'],
  ['{"id":7,"method":"save","params":{"note":1}}', 7, 'bad-params'],
  ['{"id":7,"method":"hello","params":{"protocol":1.5}}', 7, 'bad-params'],
])('%s is refused', (line, id, code) => {
  expect(readRequest(line)).toMatchObject({ id, error: { code } });
});

test('params may be left out, and unknown ones are passed on to nobody', () => {
  expect(readRequest('{"id":1,"method":"status"}')).toEqual({ id: 1, method: 'status', params: {} });
  expect(readRequest('{"id":1,"method":"save","params":{"note":"x"}}')).toEqual({
    id: 1,
    method: 'save',
    params: { note: 'x' },
  });
});
