/** What the host sees of the container's mounts and the container of the host's, in a mount namespace of the test's own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Test } from 'tap';
import { allow, type Bystander, bystander, mountAt, mountsOfProcess } from './config-tools.js';
import { type Config, type Kernel, kernelTest } from './harness.js';

interface Place extends Bystander {
  /** runs the rest of a command line there */
  prefix: string[];
  /** runs a script there */
  host: (script: string) => void;
  /** a directory that is a shared mount point there */
  source: string;
}

/** A mount namespace whose mounts are all shared, as systemd makes the host's. */
async function sharedPlace(k: Kernel): Promise<Place> {
  const other = await bystander(k, '--mount', '--propagation', 'private');
  const prefix = ['nsenter', '--mount', '--target', `${other.pid}`];
  const source = `${k.directory}/source`;
  mkdirSync(source, { recursive: true });
  const host = (script: string) => {
    const { status, stderr } = spawnSync(prefix[0]!, [...prefix.slice(1), 'sh', '-c', script], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
  };
  host(
    `mount --make-rshared / && mount -t tmpfs source ${source} && mkdir ${source}/outside ${source}/inside`,
  );
  return { ...other, prefix, host, source };
}

/** Makes a mount on each side of a container that is running, and says who sees it. */
function exchange(t: Test, k: Kernel, place: Place, change: (config: Config) => void) {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
    allow(config, 'CAP_SYS_ADMIN');
    change(config);
  });
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', bundle, id], { prefix: place.prefix });
  const { pid } = k.state(id);
  place.host(`mount -t tmpfs of-the-host ${place.source}/outside`);
  const made = k.exec(id, 'mount -t tmpfs of-the-container /tmp/inside');
  t.equal(made.status, 0, made.stderr);
  const inside = mountsOfProcess(pid).includes('of-the-host');
  const outside = mountsOfProcess(place.pid).includes('of-the-container');
  place.host(`umount ${place.source}/outside`);
  if (outside) place.host(`umount ${place.source}/inside`);
  const entry = mountAt(mountsOfProcess(pid), '/tmp');
  k.remove(id);
  return { inside, outside, propagation: entry?.propagation ?? '' };
}

const cases: [option: string, inside: boolean, outside: boolean, shown: RegExp][] = [
  ['private', false, false, /^$/],
  ['rprivate', false, false, /^$/],
  ['slave', true, false, /^master:\d+$/],
  ['rslave', true, false, /^master:\d+$/],
  // by then the source is a slave of the host's, so being shared is among containers only
  ['shared', true, false, /^shared:\d+ master:\d+$/],
  ['rshared', true, false, /^shared:\d+ master:\d+$/],
];

for (const [option, inside, outside, shown] of cases) {
  kernelTest(`a bind mount that is ${option} exchanges mounts as the word says`, async (t, k) => {
    const place = await sharedPlace(k);
    const found = exchange(t, k, place, config =>
      config.mounts.push({ destination: '/tmp', source: place.source, options: ['rbind', option] }),
    );
    t.match(found, { inside, outside, propagation: shown });
    await place.stop();
  });
}

kernelTest('with a shared rootfsPropagation mounts go in both directions', async (t, k) => {
  for (const propagation of ['shared', 'rshared'] as const) {
    const place = await sharedPlace(k);
    const found = exchange(t, k, place, config => {
      config.linux.rootfsPropagation = propagation;
      config.mounts.push({ destination: '/tmp', source: place.source, options: ['rbind', 'rshared'] });
    });
    t.match(found, { inside: true, outside: true, propagation: /^shared:\d+$/ }, propagation);
    t.notMatch(
      mountsOfProcess(place.pid),
      /rootfs\/(proc|dev|sys)/,
      "the container's own mounts stay inside",
    );
    await place.stop();
  }
});

const roots: [propagation: NonNullable<Config['linux']['rootfsPropagation']>, shown: RegExp][] = [
  ['private', /^$/],
  ['rprivate', /^$/],
  ['slave', /^master:\d+$/],
  ['rslave', /^master:\d+$/],
  ['shared', /^shared:\d+$/],
  ['rshared', /^shared:\d+$/],
  ['unbindable', /unbindable$/],
  ['runbindable', /unbindable$/],
];

kernelTest('rootfsPropagation is that of the root', async (t, k) => {
  const place = await sharedPlace(k);
  for (const [propagation, shown] of roots) {
    const text = k.inside(
      'cat /proc/self/mountinfo',
      config => {
        config.linux.rootfsPropagation = propagation;
      },
      { prefix: place.prefix },
    );
    t.match(mountAt(text, '/')?.propagation, shown, propagation);
    const below = mountAt(text, '/dev')?.propagation;
    if (propagation === 'rshared') t.match(below, /^shared:\d+$/, 'and of what is below');
    if (propagation === 'runbindable') t.match(below, /unbindable/, 'and of what is below');
  }
  await place.stop();
});

kernelTest('without rootfsPropagation the container is a slave of the host', async (t, k) => {
  const place = await sharedPlace(k);
  const found = exchange(t, k, place, config =>
    config.mounts.push({ destination: '/tmp', source: place.source, options: ['rbind'] }),
  );
  t.match(found, { inside: true, outside: false, propagation: /^master:\d+$/ });
  await place.stop();
});

kernelTest(
  'without rootfsPropagation the root is its own: what the host mounts below it stays outside',
  async (t, k) => {
    const place = await sharedPlace(k);
    const bundle = k.bundle(config => {
      config.process.args = ['sleep', '1000'];
    });
    const id = k.id();
    k.ok(['run', '--detach', '--bundle', bundle, id], { prefix: place.prefix });
    place.host(`mount -t tmpfs of-the-host ${bundle}/rootfs/tmp`);
    const mounts = mountsOfProcess(k.state(id).pid);
    place.host(`umount ${bundle}/rootfs/tmp`);
    t.equal(mountAt(mounts, '/')?.propagation, '');
    t.notMatch(mounts, /of-the-host/);
    k.remove(id);
    await place.stop();
  },
);

kernelTest('nothing of the container appears on a host with shared mounts', async (t, k) => {
  const place = await sharedPlace(k);
  const before = mountsOfProcess(place.pid);
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
  });
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', bundle, id], { prefix: place.prefix });
  t.equal(mountsOfProcess(place.pid), before);
  k.remove(id);
  t.equal(mountsOfProcess(place.pid), before);
  await place.stop();
});

kernelTest('private rootfsPropagation and --no-pivot exclude each other', async (t, k) => {
  const bundle = k.bundle(config => {
    config.linux.rootfsPropagation = 'private';
  });
  t.match(k.runts(['run', '--no-pivot', '--bundle', bundle, k.id()]), {
    status: 1,
    stderr: /rootfsPropagation.*--no-pivot/,
  });
});
