import type { RuleName } from './accepted.js';

/**
 * Receives what a rule found: the rule's name, the JSON pointer, the value there (undefined: missing), and what
 * replaces `%` in the rule's text. The quick path only notes that it was called.
 */
export type Report = (
  rule: RuleName,
  pointer: string,
  found: unknown,
  detail?: string | number | bigint,
) => void;

/** A named rule on a part of the document; `at` is the JSON pointer of that part. */
export type Check<Part> = (part: Part, at: string, report: Report) => void;

/**
 * Runs checks on a part. The rules expect what the schema promises; with a part that breaks the schema (only the
 * full path goes on then) a check may throw, which must neither end the others nor pass for a success.
 */
export function run<Part>(checks: readonly Check<Part>[], part: Part, at: string, report: Report): void {
  for (const check of checks) {
    try {
      check(part, at, report);
    } catch {
      report('well-formed', at, part);
    }
  }
}

/** Runs a check on every entry of an optional array. */
export function each<Item>(list: Item[] | undefined, at: string, report: Report, check: Check<Item>): void {
  if (list === undefined) return;
  for (let i = 0; i < list.length; i++) {
    try {
      check(list[i]!, `${at}/${i}`, report);
    } catch {
      report('well-formed', `${at}/${i}`, list[i]);
    }
  }
}

/** One step of a JSON pointer, RFC 6901. */
export function step(key: string): string {
  return `/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`;
}

export function isAbsolute(path: string): boolean {
  return path.charCodeAt(0) === 0x2f;
}
