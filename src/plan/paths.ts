/** Lexical paths; nothing here looks at a file system. */
import { PlanError } from './plan-error.js';

/** Without `.`, `..`, double and trailing slashes; always absolute. */
export function clean(path: string): string {
  const isClean = path[0] === '/' && !path.includes('//') && !path.includes('/.') && !path.endsWith('/');
  if (isClean) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** An absolute path as it is, a relative one below base. */
export const absolute = (base: string, path: string): string =>
  clean(path.startsWith('/') ? path : `${base}/${path}`);

export const parent = (path: string): string => clean(`${path}/..`);

/** Whether path is directory or lies below it, by components. */
export const within = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);

/** Parses `0-3,7` (cpuset(7), "List format") into a bit mask, 8 bits a byte, a whole number of 64-bit words. */
export function parseList(list: string, from: string): Uint8Array {
  const mask = new Uint8Array(128 * 8);
  let words = 1;
  for (const part of list.split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || last < first || last >= mask.length * 8) {
      throw new PlanError(from, `"${list}" is not a list like "0-3,7" of numbers below ${mask.length * 8}`);
    }
    for (let bit = first; bit <= last; bit++) mask[bit >> 3]! |= 1 << (bit & 7);
    words = Math.max(words, (last >> 6) + 1);
  }
  return mask.slice(0, words * 8);
}
