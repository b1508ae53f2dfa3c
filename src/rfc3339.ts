/**
 * Time as runc and its callers write it: UTC, with as many digits of the second as are needed (Go's RFC3339Nano).
 * `time` is CLOCK_REALTIME as seconds and nanoseconds.
 */
export function rfc3339(time: readonly [number, number]): string {
  const second = new Date(time[0] * 1000).toISOString().slice(0, 19);
  const fraction = String(time[1]).padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? `${second}Z` : `${second}.${fraction}Z`;
}
