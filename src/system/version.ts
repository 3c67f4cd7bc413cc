import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from './paths.js';

/** The version of this package, as its package.json says. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
