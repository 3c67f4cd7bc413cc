import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { isJournal, openLog, RotatingFile } from '../../src/daemon/log.js';
import { journalLine, plainLine } from '../../src/rpc/log-line.js';
import { LogTail, tailOf } from '../../src/rpc/log-tail.js';

let file = '';
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cw-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  file = join(folder, 'logs', 'daemon.log');
});

test('lines are JSON in a file of ours alone, and words for the journal and for people', () => {
  const plain: string[] = [];
  const log = openLog({ file, plain: (line) => plain.push(line) });
  log.info('saved', { saved: ['shop'] });
  log.error('saving', new Error('the disk\nis full'));
  log.close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'info', msg: 'saved', saved: ['shop'], pid: process.pid },
    { level: 'error', msg: 'saving', err: { message: 'the disk\nis full', stack: expect.any(String) } },
  ]);
  expect(plain.map((line) => line.trim())).toEqual(lines);
  expect(plain.map(journalLine)).toEqual(['<6>saved\n', '<3>saving: the disk is full\n']);
  expect(plainLine(lines[0]!)).toMatch(/^\d{4}-\d\d-\d\dT\S+Z info {2}saved\n$/);
  expect(journalLine('node:internal/errors\n')).toBe('<6>node:internal/errors\n');
});

test('a full file is moved aside, and only so many are kept', () => {
  const rotating = new RotatingFile(file, 100, 2);
  for (let i = 0; i < 50; i++) rotating.write(`${String(i).padStart(19, '0')}\n`);
  rotating.close();
  expect([file, `${file}.1`, `${file}.2`].map((path) => statSync(path).size)).toEqual([100, 100, 100]);
  expect(existsSync(`${file}.3`)).toBe(false);
  expect(tailOf(file, 7).map(Number)).toEqual([43, 44, 45, 46, 47, 48, 49]);
  expect(tailOf(file, 1000)).toHaveLength(15);
  expect(tailOf(file, 0)).toEqual([]);
  expect(tailOf(`${file}.none`, 5)).toEqual([]);
});

test('a folder that is removed does not end the log, and what was lost is counted', () => {
  const rotating = new RotatingFile('/dev/full', 1000, 1);
  rotating.write('lost\n');
  rotating.close();
  const other = new RotatingFile(file, 20, 1);
  other.write('the first line\n');
  rmSync(join(file, '..'), { recursive: true });
  other.write('the second line\n'); // it is full: the new file finds its folder made again
  expect(readFileSync(file, 'utf8')).toBe('the second line\n');
  other.close();
});

test('a tail follows over a rotation, and keeps a half line until its end comes', () => {
  const rotating = new RotatingFile(file, 40, 2);
  rotating.write('before\n');
  const tail = new LogTail(file);
  expect(tail.read()).toEqual([]);
  rotating.write('ä o');
  expect(tail.read()).toEqual([]);
  rotating.write('ne\n');
  expect(tail.read()).toEqual(['ä one']);
  rotating.write('the last of the old\n');
  rotating.write('the first of the new\n');
  expect(tail.read()).toEqual(['the last of the old', 'the first of the new']);
  rotating.close();
});

test('the journal is it only when our output goes there', () => {
  const { dev, ino } = statSync('/dev/null', { bigint: true });
  expect(isJournal({})).toBe(false);
  expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1n}` })).toBe(false);
  expect(isJournal({ JOURNAL_STREAM: 'rubbish' })).toBe(false);
});
