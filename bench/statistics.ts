/** What is made of the samples of one command. */
import type { Sample } from './place.js';

export interface Summary {
  samples: number;
  /** microseconds until the command has ended: half of the samples took no longer */
  median: number;
  lowest: number;
  /** a quarter of the samples took no longer */
  quartile: number;
  /** median of the processor time, microseconds */
  cpu: number;
  /** median of the largest resident set of one process, kB */
  peak: number;
}

/** The sample at a fraction of the sorted list; of an even number of samples the lower one of the middle. */
function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * fraction)] ?? Number.NaN;
}

export function summarize(samples: readonly Sample[]): Summary {
  const walls = samples.map(sample => sample.wall);
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  return {
    samples: samples.length,
    median: rounded(quantile(walls, 0.5)),
    lowest: rounded(quantile(walls, 0)),
    quartile: rounded(quantile(walls, 0.25)),
    cpu: quantile(
      samples.map(sample => sample.cpu),
      0.5,
    ),
    peak: quantile(
      samples.map(sample => sample.peak),
      0.5,
    ),
  };
}
