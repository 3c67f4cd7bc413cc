import { join } from 'node:path';
import { expect, it } from 'vitest';
import { templateJsonSchemaText } from '../../src/template/json-schema.js';
import { root } from '../support/sandbox.js';

it('schema/template.json is the schema of the program', async () => {
  // After a change of the schema: npx vitest run test/template/json-schema.test.ts -u
  await expect(templateJsonSchemaText()).toMatchFileSnapshot(join(root, 'schema/template.json'));
});
