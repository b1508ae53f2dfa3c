/** config-linux.md "Control groups": limits as files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
import type { BlockIo, Cpu, HugepageLimit, Int, Memory, Resources } from '../spec.js';
import { PlanError } from './plan-error.js';

export interface CgroupFile {
  from: string;
  file: string;
  value: string;
  tolerate?: readonly string[];
  /** the file to write instead when this one is not there */
  instead?: { file: string; value: string };
}

const isSet = (value: Int | undefined): value is Int => value !== undefined && BigInt(value) !== 0n;
const orMax = (value: Int): string => (BigInt(value) < 0n ? 'max' : String(value));

function memoryFiles(memory: Memory): CgroupFile[] {
  const from = '/linux/resources/memory';
  const { limit, swap, reservation } = memory;
  const files: CgroupFile[] = [];
  const unlimited = isSet(limit) && BigInt(limit) === -1n;
  if (isSet(swap)) files.push(swapFile(limit, swap, `${from}/swap`));
  else if (unlimited) files.push(swapFile(limit, -1n, `${from}/limit`));
  if (isSet(limit)) files.push({ from: `${from}/limit`, file: 'memory.max', value: orMax(limit) });
  if (isSet(reservation))
    files.push({ from: `${from}/reservation`, file: 'memory.low', value: orMax(reservation) });
  return files;
}

/** The configuration counts memory and swap together, the kernel swap alone. No swap accounting is fine when none is limited. */
function swapFile(limit: Int | undefined, swap: Int, from: string): CgroupFile {
  const total = BigInt(swap);
  if (total === -1n) return { from, file: 'memory.swap.max', value: 'max', tolerate: ['ENOENT'] };
  if (!isSet(limit) || BigInt(limit) < 0n)
    throw new PlanError(from, 'a swap limit needs a memory limit: it counts memory and swap together');
  const only = total - BigInt(limit);
  if (only < 0n)
    throw new PlanError(
      from,
      `memory and swap together (${total}) cannot be less than the memory limit (${limit})`,
    );
  const file = { from, file: 'memory.swap.max', value: String(only) };
  return only === 0n ? { ...file, tolerate: ['ENOENT'] } : file;
}

/** CPU shares (2 to 262144, 1024 by default) on the scale of cpu.weight (1 to 10000, 100 by default). */
export function sharesToWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

function cpuFiles(cpu: Cpu): CgroupFile[] {
  const from = '/linux/resources/cpu';
  const files: CgroupFile[] = [];
  if (cpu.idle !== undefined) files.push({ from: `${from}/idle`, file: 'cpu.idle', value: String(cpu.idle) });
  // an idle group has no weight: the kernel refuses to set one (EINVAL)
  if (isSet(cpu.shares) && !isSet(cpu.idle)) {
    files.push({
      from: `${from}/shares`,
      file: 'cpu.weight',
      value: String(sharesToWeight(Number(cpu.shares))),
    });
  }
  if (isSet(cpu.quota) || isSet(cpu.period)) {
    const quota = isSet(cpu.quota) ? orMax(cpu.quota) : 'max';
    files.push({
      from: isSet(cpu.quota) ? `${from}/quota` : `${from}/period`,
      file: 'cpu.max',
      value: isSet(cpu.period) ? `${quota} ${cpu.period}` : quota,
    });
  }
  if (cpu.burst !== undefined)
    files.push({ from: `${from}/burst`, file: 'cpu.max.burst', value: String(cpu.burst) });
  if (cpu.cpus) files.push({ from: `${from}/cpus`, file: 'cpuset.cpus', value: cpu.cpus });
  if (cpu.mems) files.push({ from: `${from}/mems`, file: 'cpuset.mems', value: cpu.mems });
  if (isSet(cpu.realtimeRuntime) || isSet(cpu.realtimePeriod)) {
    const name = isSet(cpu.realtimeRuntime) ? 'realtimeRuntime' : 'realtimePeriod';
    throw new PlanError(`${from}/${name}`, 'cgroup v2 has no realtime limits');
  }
  return files;
}

function blockFiles(block: BlockIo): CgroupFile[] {
  const from = '/linux/resources/blockIO';
  const files: CgroupFile[] = [];
  if (block.weight) {
    files.push(weightFile(`${from}/weight`, 'default', block.weight));
  }
  for (const [i, device] of (block.weightDevice ?? []).entries()) {
    if (!device.weight) continue;
    files.push(weightFile(`${from}/weightDevice/${i}`, `${device.major}:${device.minor}`, device.weight));
  }
  const limits = [
    ['throttleReadBpsDevice', 'rbps'],
    ['throttleWriteBpsDevice', 'wbps'],
    ['throttleReadIOPSDevice', 'riops'],
    ['throttleWriteIOPSDevice', 'wiops'],
  ] as const;
  for (const [property, key] of limits) {
    for (const [i, device] of (block[property] ?? []).entries()) {
      const value = `${device.major}:${device.minor} ${key}=${isSet(device.rate) ? device.rate : 'max'}`;
      files.push({ from: `${from}/${property}/${i}`, file: 'io.max', value });
    }
  }
  return files;
}

/** The BFQ scheduler has a file of its own, on the configuration's scale; io.weight is that of io.cost. */
function weightFile(from: string, key: string, weight: number): CgroupFile {
  const own = { file: 'io.bfq.weight', value: `${key} ${weight}` };
  const general = { file: 'io.weight', value: `${key} ${blockWeight(weight)}` };
  return { from, ...own, tolerate: ['ENOENT'], instead: general };
}

/** 10 to 1000 on the scale of io.weight, 1 to 10000. */
export const blockWeight = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990);

function hugepageFiles(limits: readonly HugepageLimit[]): CgroupFile[] {
  return limits.flatMap(({ pageSize, limit }, i) => {
    const from = `/linux/resources/hugepageLimits/${i}`;
    if (!/^[1-9]\d*[KMG]B$/.test(pageSize))
      throw new PlanError(`${from}/pageSize`, `"${pageSize}" is not a size like "2MB"`);
    const value = String(limit);
    return [
      { from, file: `hugetlb.${pageSize}.max`, value },
      { from, file: `hugetlb.${pageSize}.rsvd.max`, value, tolerate: ['ENOENT'] }, // Linux 5.7 and later
    ];
  });
}

function unifiedFiles(unified: Record<string, string>): CgroupFile[] {
  return Object.keys(unified).flatMap(file => {
    const from = `/linux/resources/unified/${file.replace(/~/g, '~0').replace(/\//g, '~1')}`;
    if (file.includes('/') || file === '.' || file === '..' || file === '')
      throw new PlanError(from, `"${file}" is not the name of a cgroup file`);
    // files like io.max take one line at a time
    return unified[file]!.split('\n')
      .filter((line, i) => line !== '' || i === 0)
      .map(value => ({ from, file, value }));
  });
}

/** What cannot be said to cgroup v2 is an error by config-linux.md "Unified"; what asks for nothing is none. */
function refuseInconvertible({ blockIO, memory }: Resources): void {
  const refuse = (place: string, what: string): never => {
    throw new PlanError(`/linux/resources/${place}`, `cgroup v2 has no ${what}`);
  };
  if (memory?.swappiness !== undefined)
    refuse('memory/swappiness', 'swappiness of a cgroup, only vm.swappiness of the host');
  if (memory?.disableOOMKiller) refuse('memory/disableOOMKiller', 'way to disable the OOM killer');
  if (blockIO?.leafWeight) refuse('blockIO/leafWeight', 'leaf weights');
  for (const [index, { leafWeight }] of (blockIO?.weightDevice ?? []).entries())
    if (leafWeight) refuse(`blockIO/weightDevice/${index}/leafWeight`, 'leaf weights');
}

/** Every file to write and its value, in the order that the kernel wants. */
export function resourceFiles(resources: Resources | undefined): CgroupFile[] {
  if (!resources) return [];
  refuseInconvertible(resources);
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, unified } = resources;
  const files: CgroupFile[] = [];
  if (memory) files.push(...memoryFiles(memory));
  if (cpu) files.push(...cpuFiles(cpu));
  if (pids?.limit !== undefined) {
    // 1.3: 0 is a limit, and as there is always one process it means 1
    const limit = BigInt(pids.limit);
    files.push({
      from: '/linux/resources/pids/limit',
      file: 'pids.max',
      value: limit === 0n ? '1' : orMax(limit),
    });
  }
  if (blockIO) files.push(...blockFiles(blockIO));
  if (hugepageLimits) files.push(...hugepageFiles(hugepageLimits));
  for (const device of Object.keys(rdma ?? {})) {
    const { hcaHandles, hcaObjects } = rdma![device]!;
    const value = [
      device,
      hcaHandles === undefined ? '' : `hca_handle=${hcaHandles}`,
      hcaObjects === undefined ? '' : `hca_object=${hcaObjects}`,
    ];
    files.push({
      from: `/linux/resources/rdma/${device.replace(/~/g, '~0').replace(/\//g, '~1')}`,
      file: 'rdma.max',
      value: value.filter(Boolean).join(' '),
    });
  }
  if (unified) files.push(...unifiedFiles(unified));
  return files;
}
