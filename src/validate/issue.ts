/** What validation reports, and how its parts become words. */

export interface Issue {
  /** JSON pointer (RFC 6901) to the place; of a missing property too */
  pointer: string;
  /** the value there in short, `nothing` when there is none */
  found: string;
  accepted: string;
  /** one sentence of the three */
  message: string;
  /** the known word that was probably meant */
  suggestion?: string;
  severity: 'error' | 'warning';
}

const MAX_FOUND = 60;

/** Writes a value in short: texts in quotes, long ones cut, lists and objects by their size. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    return JSON.stringify(value.length > MAX_FOUND ? `${value.slice(0, MAX_FOUND)}…` : value);
  }
  if (Array.isArray(value)) return count(value.length, 'entry', 'entries', 'a list');
  if (typeof value === 'object' && value !== null) {
    return count(Object.keys(value).length, 'property', 'properties', 'an object');
  }
  return String(value);
}

function count(size: number, one: string, many: string, what: string): string {
  return size === 0 ? `${what} without ${many}` : `${what} with ${size} ${size === 1 ? one : many}`;
}

const MAX_PLACE = 200;

/** The pointer as it is said: cut, and in quotes when its keys are no plain text. That of the whole document is empty. */
function placeOf(pointer: string): string {
  if (pointer === '') return 'the document';
  const place = pointer.length > MAX_PLACE ? `${pointer.slice(0, MAX_PLACE)}…` : pointer;
  return /^[!-~…]+$/.test(place) ? place : JSON.stringify(place);
}

/** Makes the issue for a value that is not as it has to be. */
export function unaccepted(
  severity: Issue['severity'],
  pointer: string,
  value: unknown,
  accepted: string,
  suggestion?: string,
): Issue {
  const found = describe(value);
  const is = value === undefined ? 'is missing' : `is ${found}`;
  const hint = suggestion === undefined ? '' : `; did you mean ${JSON.stringify(suggestion)}?`;
  const message = `${placeOf(pointer)} ${is}; accepted: ${accepted}${hint}`;
  return withSuggestion({ pointer, found, accepted, message, severity }, suggestion);
}

/** Makes the warning for a property that the specification does not have: it has to be ignored. */
export function unknownKey(pointer: string, value: unknown, known: string, suggestion?: string): Issue {
  const hint = suggestion === undefined ? '' : `; did you mean ${JSON.stringify(suggestion)}?`;
  const message = `${placeOf(pointer)} is not known and is ignored${hint}`;
  const issue: Issue = { pointer, found: describe(value), accepted: known, message, severity: 'warning' };
  return withSuggestion(issue, suggestion);
}

function withSuggestion(issue: Issue, suggestion: string | undefined): Issue {
  return suggestion === undefined ? issue : { ...issue, suggestion };
}
