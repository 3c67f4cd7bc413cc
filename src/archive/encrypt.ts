import { ReadableStream } from 'node:stream/web';
import { Decrypter, Encrypter } from 'age-encryption';
import { CwError } from '../errors.js';

/**
 * The format of `age -p` (https://age-encryption.org/v1): a key from the passphrase by scrypt, then ChaCha20-Poly1305
 * over each 64 KiB, so that no byte can be changed, moved or cut off unseen. `age -d` opens what is written here.
 */

/** The bytes, encrypted; streamed. */
export async function* encrypted(
  source: AsyncIterable<Uint8Array>,
  passphrase: string,
): AsyncGenerator<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  // Its own type is the browsers', which is the same thing.
  const stream = await encrypter.encrypt(ReadableStream.from(source) as never);
  yield* stream as unknown as AsyncIterable<Uint8Array>;
}

/**
 * The bytes that were encrypted; streamed: each is given only once it is known to be genuine.
 *
 * @param shown the file's name, for what is thrown
 * @throws CwError `failed` for a wrong passphrase, and for bytes that were changed or are missing.
 */
export async function* decrypted(
  source: AsyncIterable<Uint8Array>,
  passphrase: string,
  shown: string,
): AsyncGenerator<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  let failure: unknown = null;
  async function* noted() {
    try {
      yield* source;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  let stream: AsyncIterable<Uint8Array>;
  try {
    const opened = await decrypter.decrypt(ReadableStream.from(noted()) as never);
    stream = opened as unknown as AsyncIterable<Uint8Array>;
  } catch {
    throw failure ?? closed(shown, 'the passphrase is another one, or its beginning is damaged');
  }
  try {
    yield* stream;
  } catch {
    throw failure ?? closed(shown, 'it was changed, or is cut off');
  }
}

function closed(shown: string, why: string): CwError {
  return new CwError('failed', `${shown} cannot be decrypted: ${why}.`, {
    hint: 'Nothing of it was kept. Try the passphrase again, or copy the file again from where it was written.',
  });
}
