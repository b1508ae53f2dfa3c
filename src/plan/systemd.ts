/**
 * The systemd cgroup driver (`--systemd-cgroup`), as data: which unit, below which slice, with which properties. The
 * property names are those of systemd.resource-control(5) on D-Bus (org.freedesktop.systemd1(5)).
 */
import type { BlockIo, Cpu, DeviceRule, Resources } from '../spec.js';
import { DEFAULT_RULES } from './device-filter.js';
import { parseList } from './paths.js';
import { PlanError } from './plan-error.js';
import { blockWeight, sharesToWeight } from './resources.js';

/** D-Bus signature and value of a variant. */
export interface Property {
  name: string;
  signature: 'b' | 's' | 't' | 'u' | 'i' | 'x' | 'd' | 'ay' | 'as' | 'au' | 'a(ss)' | 'a(st)';
  value:
    | boolean
    | string
    | number
    | bigint
    | Uint8Array
    | readonly string[]
    | readonly number[]
    | readonly (readonly [string, string | bigint])[];
}

export interface Scope {
  unit: string;
  slice: string;
  /** of the unit, below the manager's own cgroup */
  path: string;
  /** without PIDs, which are known only when init lives */
  properties: Property[];
}

/** `a-b.slice` lies in `a.slice` (systemd.slice(5)); `-` and `-.slice` are the root. */
export function slicePath(slice: string): string {
  if (slice === '' || slice === '-' || slice === '-.slice') return '';
  const name = slice.replace(/\.slice$/, '');
  let path = '';
  let prefix = '';
  for (const part of name.split('-')) {
    prefix = prefix === '' ? part : `${prefix}-${part}`;
    path += `/${prefix}.slice`;
  }
  return path;
}

/** `slice:prefix:name`; what is empty gets its default. */
export function scopeName(
  cgroupsPath: string | undefined,
  id: string,
  user: boolean,
): { unit: string; slice: string } {
  const from = '/linux/cgroupsPath';
  const parts = (cgroupsPath || `:runts:${id}`).split(':');
  if (parts.length !== 3)
    throw new PlanError(
      from,
      `with the systemd cgroup manager "${cgroupsPath}" must have the form slice:prefix:name`,
    );
  const [slice, prefix, name] = parts as [string, string, string];
  if (slice !== '' && slice !== '-' && !/^[A-Za-z0-9:_.\\@-]+\.slice$/.test(slice))
    throw new PlanError(from, `"${slice}" is not the name of a slice, like "machine.slice"`);
  if (/--|^-.|-\.slice$/.test(slice) && slice !== '-.slice')
    throw new PlanError(from, `"${slice}" is not the name of a slice: empty parts between dashes`);
  if (!/^[A-Za-z0-9:_.\\@+-]+$/.test(name) || !/^[A-Za-z0-9:_.\\@+-]*$/.test(prefix))
    throw new PlanError(from, `"${cgroupsPath}" has characters that a unit name cannot have`);
  if (name.endsWith('.slice'))
    throw new PlanError(from, `"${name}" is a slice, which holds no processes: the container needs a scope`);
  return {
    unit: prefix === '' ? `${name}.scope` : `${prefix}-${name}.scope`,
    slice: slice === '' ? (user ? 'user.slice' : 'system.slice') : slice === '-' ? '-.slice' : slice,
  };
}

const MAX = 0xffffffffffffffffn;
const amount = (value: number | bigint): bigint => (BigInt(value) < 0n ? MAX : BigInt(value));
const isSet = (value: number | bigint | undefined): value is number | bigint =>
  value !== undefined && BigInt(value) !== 0n;

function cpuQuota(quota: number | bigint, period: number | bigint): bigint {
  const perSecond = (BigInt(quota) * 1_000_000n) / BigInt(period);
  return ((perSecond + 9_999n) / 10_000n) * 10_000n; // systemd counts in steps of 10 ms
}

/** Without trailing zero bytes, as systemd wants CPU sets. */
function trimmed(mask: Uint8Array): Uint8Array {
  let size = mask.length;
  while (size > 0 && mask[size - 1] === 0) size--;
  return mask.subarray(0, size);
}

const number = (name: string, value: bigint): Property => ({ name, signature: 't', value });
const list = (name: string, text: string, from: string): Property => ({
  name,
  signature: 'ay',
  value: trimmed(parseList(text, from)),
});

/** systemd 252 and later: else it takes cpu.idle back whenever it writes the weight. */
const IDLE = number('CPUWeight', 0n);

function quotaProperties(quota: number | bigint, period: number | bigint): Property[] {
  return [
    number('CPUQuotaPeriodUSec', BigInt(period)),
    number('CPUQuotaPerSecUSec', BigInt(quota) < 0n ? MAX : cpuQuota(quota, period)),
  ];
}

function cpuProperties(cpu: Cpu): Property[] {
  const from = '/linux/resources/cpu';
  const { cpus, idle, mems, period, quota, shares } = cpu;
  return [
    ...(isSet(idle) ? [IDLE] : []),
    ...(isSet(shares) && !isSet(idle) ? [number('CPUWeight', BigInt(sharesToWeight(Number(shares))))] : []),
    ...(isSet(quota) ? quotaProperties(quota, isSet(period) ? period : 100_000) : []),
    ...(cpus ? [list('AllowedCPUs', cpus, `${from}/cpus`)] : []),
    ...(mems ? [list('AllowedMemoryNodes', mems, `${from}/mems`)] : []),
  ];
}

function memoryProperties({ limit, reservation, swap }: NonNullable<Resources['memory']>): Property[] {
  const properties: Property[] = [];
  if (isSet(limit)) properties.push(number('MemoryMax', amount(limit)));
  if (isSet(reservation)) properties.push(number('MemoryLow', amount(reservation)));
  // the configuration counts memory and swap together
  if (isSet(swap))
    properties.push(number('MemorySwapMax', BigInt(swap) < 0n ? MAX : BigInt(swap) - BigInt(limit ?? 0)));
  return properties;
}

/** A device is named by its node, which udev makes for every block device. */
function blockProperties(block: BlockIo): Property[] {
  const properties: Property[] = [];
  const perDevice = <D extends { major: number | bigint; minor: number | bigint }>(
    name: string,
    devices: readonly D[] = [],
    value: (device: D) => bigint | undefined,
  ): void => {
    const entries = devices.flatMap(device => {
      const found = value(device);
      return found === undefined ? [] : [[`/dev/block/${device.major}:${device.minor}`, found] as const];
    });
    if (entries.length > 0) properties.push({ name, signature: 'a(st)', value: entries });
  };
  const weight = (of: number | undefined): bigint | undefined => (of ? BigInt(blockWeight(of)) : undefined);
  const common = weight(block.weight);
  if (common !== undefined) properties.push(number('IOWeight', common));
  perDevice('IODeviceWeight', block.weightDevice, device => weight(device.weight));
  const rate = (device: { rate?: number | bigint }): bigint =>
    isSet(device.rate) ? BigInt(device.rate) : MAX;
  perDevice('IOReadBandwidthMax', block.throttleReadBpsDevice, rate);
  perDevice('IOWriteBandwidthMax', block.throttleWriteBpsDevice, rate);
  perDevice('IOReadIOPSMax', block.throttleReadIOPSDevice, rate);
  perDevice('IOWriteIOPSMax', block.throttleWriteIOPSDevice, rate);
  return properties;
}

/** Files whose value is one number or "max". */
const UNIFIED_NUMBERS: { readonly [file: string]: string } = {
  'cpu.weight': 'CPUWeight',
  'memory.min': 'MemoryMin',
  'memory.low': 'MemoryLow',
  'memory.high': 'MemoryHigh',
  'memory.max': 'MemoryMax',
  'memory.swap.max': 'MemorySwapMax',
  'pids.max': 'TasksMax',
};

/** What systemd has a property for: it writes its own values again whenever it is reloaded. */
function unifiedProperties(unified: Readonly<Record<string, string>>): Property[] {
  return Object.keys(unified).flatMap(file => {
    const from = `/linux/resources/unified/${file}`;
    const value = unified[file]!.trim();
    const name = Object.hasOwn(UNIFIED_NUMBERS, file) ? UNIFIED_NUMBERS[file] : undefined;
    if (name) return /^(\d+|max)$/.test(value) ? [number(name, value === 'max' ? MAX : BigInt(value))] : [];
    if (file === 'cpuset.cpus' && value) return [list('AllowedCPUs', value, from)];
    if (file === 'cpuset.mems' && value) return [list('AllowedMemoryNodes', value, from)];
    if (file === 'cpu.idle' && value === '1') return [IDLE];
    if (file === 'memory.oom.group' && value === '1')
      return [{ name: 'OOMPolicy', signature: 's', value: 'kill' }];
    const [, quota, period] = (file === 'cpu.max' && /^(\d+|max)(?: (\d+))?$/.exec(value)) || [];
    return quota ? quotaProperties(quota === 'max' ? -1 : BigInt(quota), BigInt(period ?? 100_000)) : [];
  });
}

/** As the files of the cgroup: what `unified` says comes last and wins. */
function resourceProperties({ blockIO, cpu, memory, pids, unified }: Resources): Property[] {
  const last = unified ? unifiedProperties(unified) : [];
  const properties = [
    ...(memory ? memoryProperties(memory) : []),
    ...(cpu ? cpuProperties(cpu) : []),
    ...(pids?.limit === undefined
      ? []
      : [number('TasksMax', BigInt(pids.limit) === 0n ? 1n : amount(pids.limit))]),
    ...(blockIO ? blockProperties(blockIO) : []),
  ];
  return [...properties.filter(({ name }) => !last.some(other => other.name === name)), ...last];
}

/** systemd applies its own filter beside ours, again at each daemon-reload: it must know what is allowed. */
function deviceProperties(rules: readonly DeviceRule[]): Property[] {
  const all = [...rules, ...DEFAULT_RULES];
  let last = all.length - 1;
  while (last >= 0 && (all[last]!.type ?? 'a') !== 'a') last--;
  if (last >= 0 && all[last]!.allow) return [{ name: 'DevicePolicy', signature: 's', value: 'auto' }];
  const allow: [string, string][] = [];
  for (const rule of all.slice(last + 1)) {
    if (!rule.allow || (rule.type !== 'c' && rule.type !== 'b')) continue;
    const kind = rule.type === 'b' ? 'block' : 'char';
    const access = rule.access || 'rwm';
    const anyMajor = rule.major === undefined || Number(rule.major) < 0;
    const anyMinor = rule.minor === undefined || Number(rule.minor) < 0;
    if (anyMajor) allow.push([`${kind}-*`, access]);
    else if (anyMinor) allow.push([`${kind}-${rule.major}`, access]);
    else allow.push([`/dev/${kind}/${rule.major}:${rule.minor}`, access]);
  }
  return [
    { name: 'DevicePolicy', signature: 's', value: 'strict' },
    { name: 'DeviceAllow', signature: 'a(ss)', value: allow },
  ];
}

/** Annotation `org.systemd.property.NAME` = value in GVariant text. A `...Sec` is in seconds, D-Bus wants microseconds. */
function annotationProperties(annotations: Readonly<Record<string, string>>): Property[] {
  const prefix = 'org.systemd.property.';
  return Object.keys(annotations)
    .filter(key => key.startsWith(prefix))
    .map(key => {
      const from = `/annotations/${key}`;
      const name = key.slice(prefix.length);
      if (!/^[A-Za-z]{3,}$/.test(name))
        throw new PlanError(from, `"${name}" is not the name of a unit property`);
      const property = parseVariant(annotations[key]!, from);
      if (!/[a-z]Sec$/.test(name)) return { name, ...property };
      if (!['t', 'u', 'i', 'x', 'd'].includes(property.signature))
        throw new PlanError(from, 'a time must be a number of seconds');
      const micro = BigInt(Math.round(Number(property.value) * 1_000_000));
      if (micro < 0n || micro > MAX) throw new PlanError(from, `${property.value} is not a time in seconds`);
      return { name: name.replace(/Sec$/, 'USec'), signature: 't', value: micro };
    });
}

/** Integers: how they are written, their D-Bus type, the least and the greatest. */
const INTEGERS: readonly [
  pattern: RegExp,
  signature: Property['signature'],
  least: bigint,
  greatest: bigint,
][] = [
  [/^uint64 (\d+)$/, 't', 0n, MAX],
  [/^uint32 (\d+)$/, 'u', 0n, 0xffffffffn],
  [/^(?:int32 )?(-?\d+)$/, 'i', -0x80000000n, 0x7fffffffn],
  [/^int64 (-?\d+)$/, 'x', -0x8000000000000000n, 0x7fffffffffffffffn],
];
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g;
const STRINGS = new RegExp(`^\\[\\s*(?:(?:${STRING.source})\\s*(?:,\\s*(?:${STRING.source})\\s*)*)?\\]$`);

/** The subset of GVariant's text format that unit properties use: booleans, strings, numbers, lists of strings. */
function parseVariant(text: string, from: string): Pick<Property, 'signature' | 'value'> {
  const word = text.trim();
  if (word === 'true' || word === 'false') return { signature: 'b', value: word === 'true' };
  for (const [pattern, signature, least, greatest] of INTEGERS) {
    const digits = pattern.exec(word)?.[1];
    if (digits === undefined) continue;
    const value = BigInt(digits);
    if (value < least || value > greatest)
      throw new PlanError(from, `${digits} is not between ${least} and ${greatest}, its type's limits`);
    return { signature, value };
  }
  if (/^-?\d+\.\d+$/.test(word)) return { signature: 'd', value: Number(word) };
  const strings = (word.match(STRING) ?? []).map(quoted => quoted.slice(1, -1).replace(/\\(.)/g, '$1'));
  if (STRINGS.test(word)) return { signature: 'as', value: strings };
  if (strings.length === 1 && word.replace(STRING, '') === '') return { signature: 's', value: strings[0]! };
  throw new PlanError(
    from,
    `${JSON.stringify(text)} is not a value in GVariant text, like true, 'word' or uint64 5`,
  );
}

export interface ScopeRequest {
  id: string;
  cgroupsPath: string | undefined;
  resources: Resources | undefined;
  annotations: Readonly<Record<string, string>>;
  /** the user's manager, not the system's */
  user: boolean;
}

/** The unit that systemd is asked for, with all its properties. */
export function makeScope(request: ScopeRequest): Scope {
  const { unit, slice } = scopeName(request.cgroupsPath, request.id, request.user);
  const resources = request.resources ?? {};
  const own = annotationProperties(request.annotations);
  const properties: Property[] = [
    { name: 'Description', signature: 's', value: `runts container ${request.id}` },
    { name: 'Slice', signature: 's', value: slice },
    { name: 'Delegate', signature: 'b', value: true },
    { name: 'DefaultDependencies', signature: 'b', value: false },
    { name: 'CollectMode', signature: 's', value: 'inactive-or-failed' },
    ...['MemoryAccounting', 'CPUAccounting', 'IOAccounting', 'TasksAccounting'].map(
      name => ({ name, signature: 'b', value: true }) as const,
    ),
    ...resourceProperties(resources),
    ...(request.user ? [] : deviceProperties(resources.devices ?? [])),
  ];
  const kept = properties.filter(property => !own.some(other => other.name === property.name));
  return {
    unit,
    slice,
    path: `${slicePath(slice)}/${unit}`,
    properties: [...kept, ...own],
  };
}
