/** config-linux.md "Devices" and "Default Devices": the nodes in /dev. */
import type { Device } from '../spec.js';
import type { Context } from './context.js';
import { ATTRIBUTE } from './mount-options.js';
import { clean } from './paths.js';
import { SLOT, type Step, step } from './step.js';

/** S_IF* of stat.h */
const KIND = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 } as const;

const DEFAULT_DEVICES: readonly Device[] = [
  { type: 'c', path: '/dev/null', major: 1, minor: 3 },
  { type: 'c', path: '/dev/zero', major: 1, minor: 5 },
  { type: 'c', path: '/dev/full', major: 1, minor: 7 },
  { type: 'c', path: '/dev/random', major: 1, minor: 8 },
  { type: 'c', path: '/dev/urandom', major: 1, minor: 9 },
  { type: 'c', path: '/dev/tty', major: 5, minor: 0 },
];

/**
 * In a user namespace nobody may make a device node: there the host's is bound. Read-only, which does not keep anybody
 * from writing to the device, but from changing the mode and the owner of the host's node.
 */
function bindDevice(path: string, from: string): Step {
  const flags = { set: ATTRIBUTE.readOnly, clear: 0, all_set: 0, all_clear: 0, flags: 0, slot: SLOT.none };
  return step('mount_bind', 'init', from, { ...flags, source: path, target: path });
}

function deviceStep(context: Context, device: Device, from: string): Step {
  const path = clean(device.path);
  if (context.userNamespace && device.type !== 'p') return bindDevice(path, from);
  const args = {
    kind: KIND[device.type],
    mode: device.fileMode === undefined ? 0o666 : device.fileMode & 0o7777,
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
    path,
  };
  if (device.type === 'p') return step('device', 'init', from, args);
  return step('device', 'init', from, args, ['EPERM'], [bindDevice(path, from)]);
}

/** The nodes of the configuration, and the default ones that it does not name itself. */
export function deviceSteps(context: Context): Step[] {
  const own = context.linux.devices ?? [];
  const named = new Set(own.map(device => clean(device.path)));
  const defaults = DEFAULT_DEVICES.filter(device => !named.has(device.path)).map(device =>
    deviceStep(context, device, ''),
  );
  return [...defaults, ...own.map((device, index) => deviceStep(context, device, `/linux/devices/${index}`))];
}
