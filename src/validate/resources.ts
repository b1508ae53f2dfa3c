/** Rules on `linux.resources`: config-linux.md "Control groups" and the kernel's control files. */
import type { Int, Resources, Spec } from '../spec.js';
import { type Check, each, type Report, run, step } from './report.js';

function deviceRules(resources: Resources, at: string, report: Report): void {
  each(resources.devices, `${at}/devices`, report, ({ type = '', access, major = 0, minor = 0 }, under) => {
    if (type !== '' && type !== 'a' && type !== 'b' && type !== 'c') {
      report('device-rule-type', `${under}/type`, type);
    }
    if (access !== undefined && access !== 'rwm' && !/^[rwm]{1,3}$/.test(access))
      report('device-access', `${under}/access`, access);
    // -1 is a wildcard, as an absent number is
    if (major < -1 || major > 0xffffffff) report('device-rule-number', `${under}/major`, major);
    if (minor < -1 || minor > 0xffffffff) report('device-rule-number', `${under}/minor`, minor);
  });
}

function memory(resources: Resources, at: string, report: Report): void {
  const limits = resources.memory;
  if (limits === undefined) return;
  const { limit = 0, swap = 0, swappiness = 0 } = limits;
  for (const key of ['limit', 'reservation', 'swap', 'kernel', 'kernelTCP'] as const) {
    if ((limits[key] ?? 0) < -1) report('memory-bytes', `${at}/memory/${key}`, limits[key]);
  }
  if (swap > 0 && limit > 0 && swap < limit) report('memory-swap', `${at}/memory/swap`, swap, limit);
  if (swappiness > 100) report('memory-swappiness', `${at}/memory/swappiness`, swappiness);
  for (const key of ['kernel', 'kernelTCP'] as const) {
    if (isSet(limits[key])) report('memory-kernel', `${at}/memory/${key}`, limits[key]);
  }
}

/** A swap limit counts memory too, so that it means nothing alone. */
export function swapNeedsLimit(spec: Spec, _at: string, report: Report): void {
  const { limit = 0, swap = 0 } = spec.linux?.resources?.memory ?? {};
  if (swap > 0 && !(limit > 0)) report('memory-swap-alone', '/linux/resources/memory/limit', limit);
}

function isSet(value: Int | undefined): value is Int {
  return value !== undefined && Number(value) !== 0;
}

/** cgroup-v2.rst "cpu.max": the kernel's bounds, in microseconds; 0 is unset */
function cpu(resources: Resources, at: string, report: Report): void {
  if (resources.cpu === undefined) return;
  const { quota = 0, burst = 0, period, idle = 0, cpus = '', mems = '' } = resources.cpu;
  if (isSet(period) && (period < 1000 || period > 1000000)) report('cpu-period', `${at}/cpu/period`, period);
  if (quota > 0 && quota < 1000) report('cpu-quota', `${at}/cpu/quota`, quota);
  if (quota > 0 && burst > quota) report('cpu-burst', `${at}/cpu/burst`, burst, quota);
  if (idle < 0 || idle > 1) report('cpu-idle', `${at}/cpu/idle`, idle);
  // the kernel's bitmap lists also know strides, 0-7:2/4, and "all"
  for (const [key, list] of [
    ['cpus', cpus],
    ['mems', mems],
  ] as const) {
    if (list !== '' && !/^(?:all|[\d,:/\s-]*)$/i.test(list)) report('cpu-set', `${at}/cpu/${key}`, list);
  }
}

function blockIo(resources: Resources, at: string, report: Report): void {
  const blockIO = resources.blockIO;
  if (blockIO === undefined) return;
  weights(blockIO, `${at}/blockIO`, report);
  each(blockIO.weightDevice, `${at}/blockIO/weightDevice`, report, (device, under) => {
    if (device.weight === undefined && device.leafWeight === undefined) {
      report('weight-device', `${under}/weight`, undefined);
    }
    weights(device, under, report);
  });
}

function weights(of: { weight?: number; leafWeight?: number }, at: string, report: Report): void {
  for (const key of ['weight', 'leafWeight'] as const) {
    const weight = of[key] ?? 0;
    if (weight !== 0 && (weight < 10 || weight > 1000)) report('io-weight', `${at}/${key}`, weight);
  }
}

/** The device name becomes part of a line of rdma.max. */
function rdma(resources: Resources, at: string, report: Report): void {
  const devices = resources.rdma;
  if (devices === undefined) return;
  for (const name of Object.keys(devices)) {
    const under = `${at}/rdma${step(name)}`;
    if (!/^\S+$/.test(name)) report('rdma-name', under, name);
    if (devices[name]?.hcaHandles === undefined && devices[name]?.hcaObjects === undefined) {
      report('rdma-limit', `${under}/hcaHandles`, undefined);
    }
  }
}

/** Files that would move or end processes, us first. */
const PROCESS_FILES = ['cgroup.procs', 'cgroup.threads', 'cgroup.kill'];

/** A key is a file name in the container's cgroup. In a frozen one the container would never come to be. */
function unified(resources: Resources, at: string, report: Report): void {
  if (resources.unified === undefined) return;
  for (const name of Object.keys(resources.unified)) {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      report('unified-file', `${at}/unified${step(name)}`, name);
    } else if (
      PROCESS_FILES.includes(name) ||
      (name === 'cgroup.freeze' && resources.unified[name]!.trim() !== '0')
    ) {
      report('unified-limit', `${at}/unified${step(name)}`, resources.unified[name]);
    }
  }
}

const resourceChecks: readonly Check<Resources>[] = [deviceRules, memory, cpu, blockIo, rdma, unified];

export function resources(spec: Spec, _at: string, report: Report): void {
  const part = spec.linux?.resources;
  if (part !== undefined) run(resourceChecks, part, '/linux/resources', report);
}
