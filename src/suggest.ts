/** "Did you mean": the nearest of the known words. */

/** How many letters to change, leave out, add or swap with a neighbour to make b of a (optimal string alignment). */
export function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + change);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}

/** The known word that is most like `word`, one that begins with it first; undefined when none is at all like it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > least) continue; // so far apart at least: words may be megabytes long
    const cost =
      distance(word.toLowerCase(), candidate.toLowerCase()) - (candidate.startsWith(word) ? 0.5 : 0);
    if (cost < least) {
      least = cost;
      best = candidate;
    }
  }
  return best;
}
