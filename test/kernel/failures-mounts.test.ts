/** Mounts that cannot be made: what is missing, of the wrong kind, or not to be trusted. */
import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Mount } from '../../src/spec.js';
import { type Change, failures } from './failures.js';

const mount = (added: Mount): Change => {
  return config => {
    config.mounts.push(added);
  };
};
const bind = (source: string, destination: string): Change =>
  mount({ destination, type: 'bind', source, options: ['bind'] });
const at = '(/mounts/7 in config.json)';

failures([
  {
    name: 'a mount whose source is missing',
    change: bind('/no/such', '/data'),
    says: `the mount source /no/such does not exist ${at}`,
  },
  {
    name: 'a file on a directory',
    change: bind('/etc/passwd', '/tmp'),
    says: `cannot bind /etc/passwd on /tmp ${at}: the source is not a directory, the target is a directory`,
  },
  {
    name: 'a directory on a file',
    change: bind('/etc', '/bin/busybox'),
    says: `cannot bind /etc on /bin/busybox ${at}: the source is a directory, the target is not a directory`,
  },
  {
    name: 'a mount below a file',
    change: bind('/etc', '/bin/busybox/a/b'),
    says: `cannot bind /etc on /bin/busybox/a/b ${at}: /bin/busybox in the container is not a directory`,
  },
  {
    name: 'a target that is a symbolic link to itself',
    change: (config, rootfs) => {
      symlinkSync('data', `${rootfs}/data`);
      bind('/etc', '/data')(config, rootfs);
    },
    says: `cannot bind /etc on /data ${at}: openat2: too many levels of symbolic links`,
  },
  {
    name: 'a file system that this kernel does not have',
    change: mount({ destination: '/data', type: 'foofs', source: 'x' }),
    says: `cannot mount a new foofs on /data ${at}: fsopen: no such device (this kernel has no such file system)`,
  },
  {
    name: 'an option that the file system does not know',
    change: mount({ destination: '/data', type: 'tmpfs', source: 'x', options: ['bogus=1'] }),
    says: `cannot mount a new tmpfs on /data, bogus=1 ${at}: fsconfig tmpfs: Unknown parameter 'bogus': invalid argument`,
  },
  {
    name: 'a mount over a part of /proc',
    change: mount({ destination: '/proc/1', type: 'tmpfs', source: 'x' }),
    says: 'BUNDLE/config.json: /mounts/7/destination: "/proc/1" cannot be mounted because it is inside /proc',
  },
  {
    name: 'an image in which /proc is a symbolic link',
    change: (_config, rootfs) => {
      rmdirSync(`${rootfs}/proc`);
      symlinkSync('tmp', `${rootfs}/proc`);
    },
    says: 'cannot mount a new proc on /proc (/mounts/0 in config.json): openat2: too many levels of symbolic links (the image has a symbolic link there, which could lead it to something else)',
  },
  {
    name: 'a device whose place is taken by another file',
    change: (config, rootfs) => {
      config.mounts = config.mounts.filter(({ destination }) => destination === '/proc');
      config.root.readonly = false;
      writeFileSync(`${rootfs}/dev/null`, '');
    },
    says: /^cannot make the device \/dev\/null, 1:3, mode 666[^\n]*: mknodat: file exists\n$/,
  },
  {
    name: 'a masked path in an image whose /dev/null is something else',
    change: (config, rootfs) => {
      mkdirSync(`${rootfs}/secret`);
      config.linux.maskedPaths.push('/secret/\0');
    },
    says: /^BUNDLE\/config\.json: \/linux\/maskedPaths\/11 is "\/secret\/\\u0000"; [^\n]*\n$/,
  },
]);
