/** The configuration to start from: in substance the one of `runc spec`. */
import { specVersion } from './version.js';

interface Mount {
  destination: string;
  type: string;
  source: string;
  options?: string[];
}

interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface Template {
  ociVersion: string;
  process: object;
  root: { path: string; readonly: boolean };
  hostname: string;
  mounts: Mount[];
  linux: {
    uidMappings?: IdMapping[];
    gidMappings?: IdMapping[];
    resources?: object;
    namespaces: { type: string }[];
    maskedPaths: string[];
    readonlyPaths: string[];
  };
}

const capabilities = () => ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

const process = () => ({
  terminal: true,
  user: { uid: 0, gid: 0 },
  args: ['sh'],
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
  cwd: '/',
  capabilities: { bounding: capabilities(), effective: capabilities(), permitted: capabilities() },
  rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
  noNewPrivileges: true,
});

const mounts = (): Mount[] => [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

/** For a caller with privileges. */
export function specTemplate(): Template {
  return {
    ociVersion: specVersion,
    process: process(),
    root: { path: 'rootfs', readonly: true },
    hostname: 'runts',
    mounts: mounts(),
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map(type => ({ type })),
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
        '/sys/devices/virtual/tpm',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/**
 * For a caller without: a user namespace with his ids only, the host's network, and therefore the host's /sys (a sysfs
 * mount needs a network namespace of the same user namespace); no limits, and no ids in mount options, as 5 is unmapped.
 */
export function rootlessTemplate(uid: number, gid: number): Template {
  const { linux, ...template } = specTemplate();
  const { resources: _, namespaces, ...rest } = linux;
  return {
    ...template,
    mounts: template.mounts.map(mount => {
      if (mount.destination === '/sys') {
        const options = ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'];
        return { destination: '/sys', type: 'none', source: '/sys', options };
      }
      return mount.options === undefined
        ? mount
        : { ...mount, options: mount.options.filter(option => !/^[ug]id=/.test(option)) };
    }),
    linux: {
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      namespaces: [...namespaces.filter(({ type }) => type !== 'network'), { type: 'user' }],
      ...rest,
    },
  };
}
