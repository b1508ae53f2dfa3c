/** What the caller hands over besides standard input, output and error: descriptors and socket activation. */
import { numberOf } from './args.js';
import type { ParsedOptions } from './commands.js';
import { native } from './host.js';
import { failure } from './report.js';

/** As many as fit in the mask of the plan. */
const MOST = 61;

/** LISTEN_FDS counts only when it is meant for us (sd_listen_fds(3)). */
function listenDescriptors(): number {
  const [pid] = native.identity();
  if (native.env('LISTEN_PID') !== String(pid)) return 0;
  const count = Number(native.env('LISTEN_FDS') ?? '0');
  return Number.isInteger(count) && count > 0 ? count : 0;
}

export interface Inherited {
  /** bit mask of the descriptors that the container keeps */
  keepDescriptors: bigint;
  environment: string[];
}

/**
 * `--preserve-fds N` and LISTEN_FDS as runc counts them, one behind the other from descriptor 3. Only what was open when
 * we were called is kept: podman leaves gaps, and what lies in them now is ours.
 */
export function inherited(options: ParsedOptions): Inherited {
  const listen = listenDescriptors();
  const asked = numberOf(options, 'preserve-fds') ?? 0;
  if (asked < 0) throw failure(`--preserve-fds ${asked} is not a number of descriptors`);
  const count = listen + asked;
  if (count > MOST) throw failure(`--preserve-fds and LISTEN_FDS can pass on at most ${MOST} descriptors`);
  let keepDescriptors = 0n;
  for (let fd = 3; fd < 3 + count; fd++) if (native.openAtStart(fd)) keepDescriptors |= 1n << BigInt(fd);
  return { keepDescriptors, environment: listen > 0 ? [`LISTEN_FDS=${listen}`, 'LISTEN_PID=1'] : [] };
}
