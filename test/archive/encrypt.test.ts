import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Encrypter } from 'age-encryption';
import { expect, it } from 'vitest';
import { memberName } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { withStaging } from '../../src/archive/staging.js';
import { testFolder, write } from './support.js';

const right = async () => 'four plain words here';

it('an encrypted archive opens with its passphrase alone, and shows nothing without it', async () => {
  const folder = testFolder();
  const path = join(folder, 'shop.tar.gz.age');
  const { manifest } = await write(path, undefined, { passphrase: await right() });
  expect(readFileSync(path, 'latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt /);
  expect(readdirSync(folder)).toEqual(['shop.tar.gz.age']);
  const read = await readArchive(path, () => 'memory', { passphrase: right });
  expect(read.manifest).toEqual(manifest);
  expect(read.memory.get(memberName.snapshot)?.toString()).toBe('{"format":1}\n');

  const parent = join(folder, 'state');
  const unpacked = (passphrase?: () => Promise<string>) =>
    withStaging(parent, (staging) =>
      readArchive(path, ({ name }) => ({ file: join(staging, name) }), passphrase ? { passphrase } : {}),
    );
  await expect(unpacked(async () => 'four plain words there')).rejects.toMatchObject({
    kind: 'failed',
    message: expect.stringMatching(/the passphrase is another one/),
  });
  await expect(unpacked()).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/is encrypted\.$/),
  });
  await expect(unpacked(() => Promise.reject(new Error('no terminal')))).rejects.toThrow('no terminal');

  // With little work for the passphrase, since it is done each time.
  const encrypter = new Encrypter();
  encrypter.setPassphrase(await right());
  encrypter.setScryptWorkFactor(8);
  await write(join(folder, 'open.tar.gz'));
  const good = Buffer.from(await encrypter.encrypt(readFileSync(join(folder, 'open.tar.gz'))));
  writeFileSync(path, good);
  await expect(unpacked(right)).resolves.toBeTruthy();
  for (let at = 0; at < good.length; at += 5) {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    await expect(unpacked(right)).rejects.toMatchObject({ isCwError: true });
  }
  // Shorter ones are not known as encrypted.
  for (let length = 25; length < good.length; length += 5) {
    writeFileSync(path, good.subarray(0, length));
    await expect(unpacked(right)).rejects.toMatchObject({ kind: 'failed' });
  }
  writeFileSync(path, Buffer.concat([good, good]));
  await expect(unpacked(right)).rejects.toMatchObject({ kind: 'failed' });
  writeFileSync(path, '-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n');
  await expect(unpacked(right)).rejects.toMatchObject({
    kind: 'refused',
    hint: expect.stringContaining('age -d'),
  });
  expect(readdirSync(parent)).toEqual([]);
}, 120_000);

it('age opens it', async ({ skip }) => {
  if (spawnSync('age', ['--version']).error || spawnSync('script', ['--version']).error)
    return skip('age or script is not installed');
  const folder = testFolder();
  const path = join(folder, 'a.age');
  await write(path, undefined, { passphrase: await right() });
  // It asks on its terminal.
  execFileSync('script', ['-qec', `age -d -o '${folder}/a.tar.gz' '${path}'`, '/dev/null'], {
    input: `${await right()}\n`,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await expect(readArchive(join(folder, 'a.tar.gz'), () => 'skip')).resolves.toBeTruthy();
}, 120_000);
