/** linux.sysctl: set in the container's namespaces, refused where they are the host's. */
import { readFileSync } from 'node:fs';
import { refused } from './config-tools.js';
import { type Config, kernelTest } from './harness.js';

const set = (sysctl: Record<string, string>) => (config: Config) => {
  config.linux.sysctl = sysctl;
};

const KEYS: [key: string, value: string, file: string][] = [
  ['net.ipv4.ip_forward', '1', 'net/ipv4/ip_forward'],
  ['net/ipv4/ip_default_ttl', '77', 'net/ipv4/ip_default_ttl'],
  ['net.ipv4.conf.lo.forwarding', '1', 'net/ipv4/conf/lo/forwarding'],
  ['net.core.somaxconn', '333', 'net/core/somaxconn'],
  ['net.ipv4.ip_local_port_range', '2000\t3000', 'net/ipv4/ip_local_port_range'],
  ['kernel.shmmax', '123456', 'kernel/shmmax'],
  ['kernel/shmmni', '55', 'kernel/shmmni'],
  ['kernel.sem', '100\t200\t10\t20', 'kernel/sem'],
  ['kernel.msgmax', '4000', 'kernel/msgmax'],
  ['kernel.shm_rmid_forced', '1', 'kernel/shm_rmid_forced'],
  ['fs.mqueue.msg_max', '7', 'fs/mqueue/msg_max'],
  ['kernel.domainname', 'example.org', 'kernel/domainname'],
];

kernelTest('each setting is made, in both spellings, and not on the host', async (t, k) => {
  const before = KEYS.map(([, , file]) => readFileSync(`/proc/sys/${file}`, 'utf8'));
  const text = k.inside(
    `cd /proc/sys; cat ${KEYS.map(([, , file]) => file).join(' ')}`,
    set(Object.fromEntries(KEYS.map(([key, value]) => [key, value]))),
  );
  t.strictSame(
    text.trim().split('\n'),
    KEYS.map(([, value]) => value),
  );
  t.strictSame(
    KEYS.map(([, , file]) => readFileSync(`/proc/sys/${file}`, 'utf8')),
    before,
  );
});

kernelTest('a dot in a name is written as a slash, and the other way round', async (t, k) => {
  const script = 'cat /proc/sys/net/ipv4/conf/*/arp_ignore';
  t.equal(
    k
      .inside(script, set({ 'net/ipv4/conf/lo/arp_ignore': '1' }))
      .trim()
      .split('\n')
      .at(-1),
    '1',
  );
  refused(
    t,
    k,
    /\/proc\/sys\/net\/ipv4\/conf\/eth0\.1\/arp_ignore .*sysctl/,
    set({ 'net.ipv4.conf.eth0/1.arp_ignore': '1' }),
  );
});

kernelTest('what belongs to the whole machine is refused', async (t, k) => {
  for (const key of [
    'kernel.panic',
    'vm.swappiness',
    'fs.file-max',
    'kernel/core_pattern',
    'user.max_user_namespaces',
  ])
    refused(t, k, /linux[./]sysctl/, set({ [key]: '1' }));
});

kernelTest('the hostname is not set this way', async (t, k) => {
  refused(t, k, /hostname/, set({ 'kernel.hostname': 'name' }));
});

kernelTest('keys do not lead out of /proc/sys', async (t, k) => {
  for (const key of ['net/../kernel/panic', 'net//ipv4', 'net..ipv4', 'net/', '/net/ipv4/ip_forward'])
    refused(t, k, /linux[./]sysctl/, set({ [key]: '1' }));
});

kernelTest('without the namespace of its own a setting is refused', async (t, k) => {
  for (const [key, type] of [
    ['net.ipv4.ip_forward', 'network'],
    ['kernel.shmmax', 'ipc'],
    ['fs.mqueue.msg_max', 'ipc'],
    ['kernel.domainname', 'uts'],
  ] as const)
    refused(t, k, new RegExp(`sysctl.*type "${type}"`), config => {
      config.linux.sysctl = { [key]: '1' };
      config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== type);
      Reflect.deleteProperty(config, 'hostname');
    });
  refused(t, k, /sysctl.*network/, config => {
    config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== 'network');
    config.linux.namespaces.push({ type: 'network', path: '/proc/self/ns/net' });
  });
});

kernelTest(
  'a setting that the kernel does not have, or a value that it does not take, is named',
  async (t, k) => {
    refused(t, k, /net\/ipv4\/no_such.*no such file or directory/, set({ 'net.ipv4.no_such': '1' }));
    refused(t, k, /net\/ipv4\/ip_forward.*invalid argument/, set({ 'net.ipv4.ip_forward': 'nonsense' }));
  },
);

kernelTest(
  'settings are made in a container whose /proc is covered, read-only or not there',
  async (t, k) => {
    const text = k.inside('cat /tmp/sys/net/ipv4/ip_default_ttl', config => {
      config.linux.sysctl = { 'net.ipv4.ip_default_ttl': '77' };
      config.linux.readonlyPaths = ['/tmp/sys'];
      config.linux.maskedPaths = [];
      config.mounts[0] = { destination: '/tmp', type: 'proc', source: 'proc', options: ['ro'] };
    });
    t.equal(text, '77\n');
  },
);

kernelTest('settings of namespaces that a user namespace owns are made', async (t, k) => {
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const text = k.inside('cat /proc/sys/net/ipv4/ip_default_ttl', config => {
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
    config.linux.sysctl = { 'net.ipv4.ip_default_ttl': '77' };
  });
  t.equal(text, '77\n');
});
