/** linux.devices and linux.resources.devices: nodes of all kinds, and what the kernel lets the container do with them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { allow, refused } from './config-tools.js';
import { type Config, kernelTest } from './harness.js';

type Device = NonNullable<Config['linux']['devices']>[number];
type Rule = NonNullable<Config['linux']['resources']['devices']>[number];

kernelTest('nodes of all kinds are made with their numbers, modes and owners', async (t, k) => {
  const devices: Device[] = [
    { type: 'c', path: '/dev/one', major: 1, minor: 3 },
    { type: 'c', path: '/dev/two', major: 200, minor: 300, fileMode: 0o600, uid: 5, gid: 6 },
    { type: 'b', path: '/dev/disk', major: 7, minor: 0, fileMode: 0o660, gid: 6 },
    { type: 'u', path: '/dev/raw', major: 1, minor: 5, fileMode: 0o444 },
    { type: 'p', path: '/dev/fifo', fileMode: 0o622, uid: 1000 },
    { type: 'c', path: '/dev/deep/er/null', major: 1, minor: 3, fileMode: 0 },
    { type: 'c', path: '/dev/sticky', major: 1, minor: 3, fileMode: 0o1777 },
    { type: 'c', path: '/elsewhere/null', major: 1, minor: 3 },
  ];
  const text = k.inside(
    `stat -c "%n %F %t:%T %a %u:%g" ${devices.map(({ path }) => path).join(' ')}`,
    config => {
      config.linux.devices = devices;
    },
  );
  t.strictSame(text.trim().split('\n'), [
    '/dev/one character special file 1:3 666 0:0',
    '/dev/two character special file c8:12c 600 5:6',
    '/dev/disk block special file 7:0 660 0:6',
    '/dev/raw character special file 1:5 444 0:0',
    '/dev/fifo fifo 0:0 622 1000:0',
    '/dev/deep/er/null character special file 1:3 0 0:0',
    '/dev/sticky character special file 1:3 1777 0:0',
    '/elsewhere/null character special file 1:3 666 0:0',
  ]);
});

kernelTest('a device of the configuration takes the place of a default one', async (t, k) => {
  const text = k.inside('stat -c "%t:%T %a %u" /dev/null /dev/zero', config => {
    config.linux.devices = [{ type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o600, uid: 7 }];
  });
  t.equal(text, '1:3 600 7\n1:5 666 0\n');
});

kernelTest('what is in the way of a device and is another is refused', async (t, k) => {
  refused(t, k, /\/dev\/thing.*\/linux\/devices\/0.*file exists/, (config, rootfs) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    config.root.readonly = false;
    writeFileSync(`${rootfs}/dev/thing`, '');
    config.linux.devices = [{ type: 'c', path: '/dev/thing', major: 1, minor: 3 }];
  });
});

kernelTest('a device that is there already stays', async (t, k) => {
  const bundle = k.bundle(config => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    config.root.readonly = false;
    config.process.args = ['stat', '-c', '%t:%T', '/dev/null', '/dev/own'];
    config.linux.devices = [{ type: 'c', path: '/dev/own', major: 1, minor: 5 }];
  });
  for (const _ of [1, 2]) t.equal(k.ok(['run', '--bundle', bundle, k.id()]), '1:3\n1:5\n');
});

kernelTest('with a bind of /dev its nodes are those of the source', async (t, k) => {
  const source = `${k.directory}/dev`;
  mkdirSync(source);
  const text = k.inside('ls -A /dev', config => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    config.mounts.push({ destination: '/dev', source, options: ['rbind'] });
  });
  t.equal(text, '');
});

const nodes: Device[] = [
  { type: 'c', path: '/dev/kmsg', major: 1, minor: 11 },
  { type: 'c', path: '/dev/mem0', major: 1, minor: 1 },
  { type: 'b', path: '/dev/ram', major: 1, minor: 11 },
];

/** What can be done with a device, by really doing it: r and w by opening, m by mknod. */
const attempt = (type: string, major: number, minor: number, path: string): string =>
  [
    `(exec 3<${path}) 2>/tmp/error && printf r || { grep -q 'not permitted' /tmp/error || printf r; }`,
    `(exec 3>>${path}) 2>/tmp/error && printf w || { grep -q 'not permitted' /tmp/error || printf w; }`,
    `busybox mknod /tmp/node ${type} ${major} ${minor} 2>/dev/null && printf m; rm -f /tmp/node; echo`,
  ].join('\n');

/** Rules, and what they allow of the character device 1:11. */
const RULES: [rules: Rule[], allowed: string][] = [
  [[], 'm'],
  [[{ allow: false }], 'm'],
  [[{ allow: false, access: 'rwm' }], 'm'],
  [[{ allow: true, access: 'rwm' }], 'rwm'],
  [[{ allow: true }], 'rwm'],
  [[{ allow: false }, { allow: true, type: 'c', major: 1, minor: 11, access: 'r' }], 'rm'],
  [[{ allow: false }, { allow: true, type: 'c', major: 1, minor: 11, access: 'w' }], 'wm'],
  [[{ allow: false }, { allow: true, type: 'c', major: 1, access: 'rw' }], 'rwm'],
  [[{ allow: false }, { allow: true, type: 'c', access: 'rw' }], 'rwm'],
  [[{ allow: false }, { allow: true, type: 'c', minor: 11, access: 'rw' }], 'rwm'],
  // for another device
  [[{ allow: false }, { allow: true, type: 'c', major: 1, minor: 12, access: 'rw' }], 'm'],
  [[{ allow: false }, { allow: true, type: 'c', major: 2, minor: 11, access: 'rw' }], 'm'],
  [[{ allow: false }, { allow: true, type: 'b', major: 1, minor: 11, access: 'rw' }], 'm'],
  // the last one that matches decides
  [[{ allow: true }, { allow: false, type: 'c', major: 1, minor: 11, access: 'rwm' }], 'm'],
  [[{ allow: true }, { allow: false, type: 'c', major: 1, minor: 11, access: 'w' }], 'rm'],
  [[{ allow: false, type: 'c', major: 1, minor: 11 }, { allow: true }], 'rwm'],
  [
    [
      { allow: true, type: 'c', major: 1, minor: 11, access: 'rw' },
      { allow: false, type: 'c', major: 1, access: 'r' },
      { allow: true, type: 'c', major: 9, access: 'rwm' },
    ],
    'wm',
  ],
  [[{ allow: true }, { allow: false }, { allow: true, type: 'a', major: 1, minor: 11, access: 'r' }], 'rm'],
  // without a number, or with -1, it is all of them
  [[{ allow: false }, { allow: true, type: 'c', major: 1, minor: -1, access: 'r' }], 'rm'],
  [[{ allow: false }, { allow: true, type: 'c', major: -1, minor: -1, access: 'r' }], 'rm'],
];

kernelTest('the last rule that matches decides what can be done with a device', async (t, k) => {
  for (const [rules, allowed] of RULES) {
    const text = k.inside(attempt('c', 1, 11, '/dev/kmsg'), config => {
      allow(config, 'CAP_MKNOD', 'CAP_SYSLOG', 'CAP_SYS_ADMIN', 'CAP_SYS_RAWIO', 'CAP_DAC_OVERRIDE');
      config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
      config.linux.devices = nodes;
      config.linux.resources.devices = rules;
    });
    t.equal(text, `${allowed}\n`, JSON.stringify(rules));
  }
});

kernelTest('block devices have their own rules', async (t, k) => {
  const cases: [Rule[], string][] = [
    [[{ allow: false }], 'm'],
    [[{ allow: false }, { allow: true, type: 'b', access: 'r' }], 'rm'],
    [[{ allow: false }, { allow: true, type: 'c', access: 'rw' }], 'm'],
  ];
  for (const [rules, allowed] of cases) {
    const text = k.inside(attempt('b', 1, 11, '/dev/ram'), config => {
      allow(config, 'CAP_MKNOD', 'CAP_DAC_OVERRIDE', 'CAP_SYS_ADMIN');
      config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
      config.linux.devices = nodes;
      config.linux.resources.devices = rules;
    });
    t.equal(text, `${allowed}\n`, JSON.stringify(rules));
  }
});

kernelTest('the default devices can be used whatever the rules say', async (t, k) => {
  for (const rules of [
    [{ allow: false, access: 'rwm' }],
    [{ allow: false, type: 'c', major: 1, minor: 3, access: 'rwm' }],
  ] as Rule[][]) {
    const text = k.inside(
      'for d in null zero full random urandom; do head -c 0 /dev/$d && echo $d; done; echo x >/dev/null; ls /dev/pts',
      config => {
        config.linux.resources.devices = rules;
      },
    );
    t.equal(text, 'null\nzero\nfull\nrandom\nurandom\nptmx\n', JSON.stringify(rules));
  }
});

kernelTest('exec is under the same rules', async (t, k) => {
  const id = k.running(config => {
    allow(config, 'CAP_MKNOD', 'CAP_SYSLOG', 'CAP_DAC_OVERRIDE');
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
    config.linux.devices = nodes;
    config.linux.resources.devices = [
      { allow: false },
      { allow: true, type: 'c', major: 1, minor: 11, access: 'r' },
    ];
  });
  t.equal(k.exec(id, attempt('c', 1, 11, '/dev/kmsg')).stdout, 'rm\n');
  k.remove(id);
});

kernelTest('many rules are one program that the kernel accepts', async (t, k) => {
  const rules: Rule[] = [{ allow: false }];
  for (let i = 0; i < 500; i++)
    rules.push({ allow: i % 2 === 0, type: 'c', major: 300 + i, minor: i, access: 'rw' });
  rules.push({ allow: true, type: 'c', major: 1, minor: 11, access: 'r' });
  const text = k.inside(attempt('c', 1, 11, '/dev/kmsg'), config => {
    allow(config, 'CAP_MKNOD', 'CAP_SYSLOG', 'CAP_DAC_OVERRIDE');
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
    config.linux.devices = nodes;
    config.linux.resources.devices = rules;
  });
  t.equal(text, 'rm\n');
});

kernelTest('rules that no stack has room for are refused by the kernel, not by a crash', async (t, k) => {
  const many = (config: Config) => {
    const rule: Rule = { allow: true, type: 'c', major: 1, access: 'r' };
    config.linux.resources.devices = Array.from({ length: 2000 }, (_, minor) => ({ ...rule, minor }));
  };
  const small = k.host.name === 'static' ? { prefix: ['sh', '-c', 'ulimit -s 64; exec "$@"', 'sh'] } : {};
  t.match(k.run('true', many, small), { status: 1, stderr: /device filter.*argument list too long\n$/ });
});
