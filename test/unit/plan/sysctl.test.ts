import t from 'tap';
import { SLOT } from '../../../src/plan/step.js';
import { sysctlSteps } from '../../../src/plan/sysctl.js';
import { sysctlPath } from '../../../src/plan/sysctl-names.js';
import type { Namespace } from '../../../src/spec.js';
import { config, context, facts, refusal } from '../fixtures/planner.js';

const ALL: Namespace[] = [{ type: 'ipc' }, { type: 'network' }, { type: 'uts' }, { type: 'user' }];

const steps = (sysctl: Record<string, string>, namespaces = ALL, known = facts()) =>
  sysctlSteps(context({ ...config(), linux: { namespaces, sysctl } }, known));

t.test('the separator that comes first separates', async t => {
  for (const [key, path] of [
    ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
    ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
    ['net.ipv4.conf.eth0/100.forwarding', 'net/ipv4/conf/eth0.100/forwarding'],
    ['net/ipv4/conf/eth0.100/forwarding', 'net/ipv4/conf/eth0.100/forwarding'],
    ['single', 'single'],
  ] as const)
    t.equal(sysctlPath(key), path, key);
});

t.test('written by the private procfs, with the pointer of its key', async t => {
  const [first, second] = steps({ 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/a~b/rp_filter': '' });
  t.strictSame(first!.with, { slot: SLOT.proc, path: 'sys/net/ipv4/ip_forward', value: '1' });
  t.equal(first!.from, '/linux/sysctl/net.ipv4.ip_forward');
  t.equal(second!.from, '/linux/sysctl/net~1ipv4~1conf~1a~0b~1rp_filter');
});

const IPC = 'msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced';

t.test('what belongs to a namespace needs that namespace', async t => {
  const cases: [key: string, type: Namespace['type']][] = [
    ...IPC.split(' ').map(name => [`kernel.${name}`, 'ipc'] as [string, 'ipc']),
    ['fs.mqueue.msg_max', 'ipc'],
    ['net.core.somaxconn', 'network'],
    ['kernel.domainname', 'uts'],
    ['user.max_user_namespaces', 'user'],
  ];
  for (const [key, type] of cases) {
    t.equal(steps({ [key]: '1' }, [{ type }]).length, 1, key);
    t.match(
      refusal(() =>
        steps(
          { [key]: '1' },
          ALL.filter(namespace => namespace.type !== type),
        ),
      ),
      new RegExp(`^/linux/sysctl/${key}: the sysctl "${key}" needs a ${type} namespace`),
      `${key} without it`,
    );
  }
});

t.test('a namespace of the host does not count, by whichever path', async t => {
  const namespaces: Namespace[] = [{ type: 'network', path: '/proc/1/ns/net' }];
  const known = (same: boolean) => facts({ namespaces: { '/proc/1/ns/net': { same, ownedByOurs: true } } });
  t.match(
    refusal(() => steps({ 'net.core.somaxconn': '1' }, namespaces, known(true))),
    /needs a network namespace other than the host's/,
  );
  t.equal(steps({ 'net.core.somaxconn': '1' }, namespaces, known(false)).length, 1);
});

t.test('what belongs to the machine is refused', async t => {
  for (const key of [
    'kernel.core_pattern',
    'vm.swappiness',
    'fs.file-max',
    'kernel.semantics',
    'fs.mqueue',
    'constructor',
  ])
    t.match(
      refusal(() => steps({ [key]: '1' })),
      /belongs to the whole machine/,
      key,
    );
});

t.test('the hostname has its own property', async t => {
  t.match(
    refusal(() => steps({ 'kernel.hostname': 'h' })),
    /use "hostname"/,
  );
});

t.test('no way out of /proc/sys', async t => {
  for (const key of ['net/../kernel/core_pattern', 'net//x', '', 'net/', '/net/x', 'net/./x', '../net/x'])
    t.match(
      refusal(() => steps({ [key]: '1' })),
      /is not a name of a setting|whole machine/,
      key,
    );
});

t.test('a key called __proto__ is a key', async t => {
  const sysctl = JSON.parse('{"__proto__": "1"}');
  t.match(
    refusal(() => steps(sysctl)),
    /"__proto__" belongs to the whole machine/,
  );
});
