/** What config.schema.json alone finds: wrong types, missing and unknown properties. */
import type { Check, SchemaError } from '../../build/generated/full.js';
import schema from '../../schemas/config.schema.json' with { type: 'json' };
import { nearest } from '../suggest.js';
import { type Issue, unaccepted, unknownKey } from './issue.js';
import { step } from './report.js';

/** The parts of JSON Schema that config.schema.json uses. */
interface Schema {
  $ref?: string;
  description?: string;
  type?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minItems?: number;
  properties?: Record<string, Schema | true>;
  items?: Schema;
  additionalProperties?: Schema;
}

/** Every place where the document breaks the schema of its part. */
export function schemaErrors(check: Check, of: Schema, document: unknown): Issue[] {
  if (check(document)) return [];
  return (check.errors ?? []).map(error => schemaIssue(error, of, document));
}

function schemaIssue({ instancePath, keyword, params }: SchemaError, of: Schema, document: unknown): Issue {
  const missing = keyword === 'required' ? step(params.missingProperty!) : '';
  const pointer = instancePath + missing;
  const [value, schema] = follow(pointer, document, of);
  const suggestion = typeof value === 'string' ? nearest(value, schema.enum ?? []) : undefined;
  return unaccepted('error', pointer, value, acceptedBy(schema), suggestion);
}

/**
 * What stands at a place and the schema of that place. The schema has no alternatives, so that there is only one;
 * ajv's own schemaPath starts anew at every `$ref`.
 */
function follow(pointer: string, document: unknown, of: Schema): [value: unknown, of: Schema] {
  let value = document;
  let schema = resolve(of);
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replace(/~1/g, '/').replace(/~0/g, '~');
    const member = Array.isArray(value)
      ? schema.items
      : (schema.properties?.[key] ?? schema.additionalProperties);
    schema = member === undefined || member === true ? {} : resolve(member);
    value = (value as Record<string, unknown>)[key];
  }
  return [value, schema];
}

/** Every property that the specification does not name; what is below it is not looked at. */
export function unknownKeys(value: unknown, pointer: string, of: Schema | true, found: Issue[]): void {
  if (of === true || typeof value !== 'object' || value === null) return;
  const target = resolve(of);
  if (Array.isArray(value)) {
    if (target.items === undefined) return;
    for (let i = 0; i < value.length; i++) unknownKeys(value[i], `${pointer}/${i}`, target.items, found);
    return;
  }
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    const at = pointer + step(key);
    const { properties, additionalProperties } = target;
    if (properties !== undefined && Object.hasOwn(properties, key)) {
      unknownKeys(member, at, properties[key]!, found);
    } else if (additionalProperties !== undefined) {
      unknownKeys(member, at, additionalProperties, found);
    } else if (properties !== undefined) {
      const known = Object.keys(properties);
      const absent = known.filter(name => !Object.hasOwn(value, name));
      found.push(unknownKey(at, member, known.join(', '), nearest(key, absent)));
    }
  }
}

/** The schema of the whole document, or of a process. */
export function partSchema(part: 'config' | 'process'): Schema {
  return (part === 'config' ? schema : schema.definitions.Process) as Schema;
}

function resolve(of: Schema): Schema {
  if (of.$ref === undefined) return of;
  const name = of.$ref.slice('#/definitions/'.length) as keyof typeof schema.definitions;
  return schema.definitions[name] as Schema;
}

const INTEGERS: Record<string, string> = {
  '-9223372036854775808': 'an integer of 64 bits',
  '18446744073709551616': 'an integer from 0 to 18446744073709551615',
  '9007199254740991': 'a positive integer',
};

/** Says in words what a schema accepts. */
function acceptedBy(of: Schema): string {
  const { type, description, minimum = 0, maximum = 0 } = of;
  if (of.enum !== undefined) return of.enum.filter(word => word !== '').join(', ');
  switch (type) {
    case 'integer': {
      const range = `an integer from ${minimum} to ${maximum}`;
      return INTEGERS[String(BigInt(maximum))] ?? INTEGERS[String(BigInt(minimum))] ?? range;
    }
    case 'array':
      return of.minItems === undefined ? 'a list' : 'a list with at least one entry';
    case 'object':
      return 'an object';
    case 'boolean':
      return 'true or false';
    default:
      return description ?? 'a text';
  }
}
