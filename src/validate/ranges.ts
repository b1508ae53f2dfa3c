/**
 * Reads a list of ids with ranges, `0-3,7` (CPUs, memory nodes). Blanks around entries and empty entries are
 * accepted, as runc does. Null when it is no such list; the empty text is the empty list.
 */
export function parseRanges(text: string): [first: number, last: number][] | null {
  const ranges: [number, number][] = [];
  for (const entry of text.split(',')) {
    const trimmed = entry.trim();
    if (trimmed === '') continue;
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(trimmed);
    if (match === null) return null;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) return null;
    ranges.push([first, last]);
  }
  return ranges;
}
