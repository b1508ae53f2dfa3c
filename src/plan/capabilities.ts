/** capabilities(7): names, numbers and the five sets as masks. */
import type { Capabilities } from '../spec.js';

/** In the kernel's order: the index is the number (linux/capability.h). */
export const CAPABILITIES: readonly string[] = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map(name => `CAP_${name}`);

/** What root of a user namespace has. */
export const ALL_CAPABILITIES = (1n << 64n) - 1n;

export interface CapabilityMasks {
  bounding: bigint;
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
  ambient: bigint;
}

const SETS = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'] as const;

const numbers = new Map(CAPABILITIES.map((name, number) => [name, number]));

/**
 * The sets as masks. What this kernel does not know or we may not give is left out: the spec wants a warning, not a
 * failure (config.md "Linux Process").
 */
export function capabilityMasks(
  capabilities: Capabilities,
  last: number,
  ours: bigint,
  warnings: string[],
): CapabilityMasks {
  const masks: CapabilityMasks = { bounding: 0n, effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n };
  for (const set of SETS) {
    let low = 0;
    let high = 0;
    for (const name of capabilities[set] ?? []) {
      const number = numbers.get(name);
      if (number === undefined || number > last)
        warnings.push(`${name} in ${set} is left out: this kernel does not know it`);
      else if (number < 32) low |= 1 << number;
      else high |= 1 << (number - 32);
    }
    masks[set] = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const missing = set === 'bounding' ? 0n : masks[set] & ~ours;
    if (missing === 0n) continue;
    masks[set] &= ours;
    const names = CAPABILITIES.filter((_, number) => ((missing >> BigInt(number)) & 1n) === 1n);
    warnings.push(`${names.join(', ')} in ${set} is left out: runts itself does not have it`);
  }
  if ((masks.inheritable & ~masks.bounding) !== 0n)
    warnings.push('inheritable capabilities that are not in the bounding set are left out');
  masks.inheritable &= masks.bounding; // capset(2) refuses to add others
  const possible = masks.permitted & masks.inheritable; // an ambient capability must be both (capabilities(7))
  if ((masks.ambient & ~possible) !== 0n)
    warnings.push('ambient capabilities that are not permitted and inheritable are left out');
  masks.ambient &= possible;
  if ((masks.effective & ~masks.permitted) !== 0n)
    warnings.push('effective capabilities that are not permitted are left out');
  masks.effective &= masks.permitted;
  return masks;
}
