/** A seeded generator (mulberry32), so that a failure can be repeated. */
export interface Random {
  /** An integer from 0 to limit - 1. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  /** True in so many of 100 cases. */
  percent(chance: number): boolean;
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % limit;
  }
  return {
    below,
    pick: list => list[below(list.length)]!,
    percent: chance => below(100) < chance,
  };
}
