import { z } from 'zod';
import { Template } from '../blueprint/template.js';

/**
 * The JSON Schema of templates, for editors that complete and check YAML. `schema/template.json` is its printed form;
 * a test holds the two together.
 */
export function templateJsonSchema(): object {
  return {
    ...z.toJSONSchema(Template, { target: 'draft-7', io: 'input' }),
    title: 'A template of cw (claude-workspaces)',
  };
}

/** The text of `schema/template.json`. */
export function templateJsonSchemaText(): string {
  return `${JSON.stringify(templateJsonSchema(), null, 2)}\n`;
}
