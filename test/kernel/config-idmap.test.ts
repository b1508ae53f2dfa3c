/** Idmapped mounts: uidMappings and gidMappings of a mount, `idmap` and `ridmap`. */
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { refused } from './config-tools.js';
import { type Config, type Kernel, kernelTest, withOwnMounts } from './harness.js';

const map = (hostID: number, size = 65_536) => [{ containerID: 0, hostID, size }];

/** A directory whose files belong to ids 0 and 1000, writable for all. */
function data(k: Kernel): string {
  const directory = `${k.directory}/data`;
  mkdirSync(directory, { recursive: true });
  for (const id of [0, 1000]) {
    writeFileSync(`${directory}/of${id}`, '');
    chownSync(`${directory}/of${id}`, id, id + 1);
  }
  chmodSync(directory, 0o777);
  return directory;
}

const owners = 'stat -c %u:%g /tmp/of0 /tmp/of1000';

kernelTest("the mount's own mappings change the owners that the container sees", async (t, k) => {
  const source = data(k);
  for (const options of [['bind'], ['bind', 'idmap'], ['rbind', 'ridmap']]) {
    const text = k.inside(owners, config =>
      config.mounts.push({
        destination: '/tmp',
        source,
        options,
        uidMappings: map(5000),
        gidMappings: map(7000),
      }),
    );
    t.equal(text, '5000:7001\n6000:8001\n', options.join(' '));
  }
});

const inUser = (config: Config): void => {
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = map(100_000);
  config.linux.gidMappings = map(100_000);
};

kernelTest('idmap without mappings takes those of the user namespace', async (t, k) => {
  const source = data(k);
  chmodSync(k.directory, 0o755);
  const bind =
    (...options: string[]) =>
    (config: Config) => {
      inUser(config);
      config.mounts.push({ destination: '/tmp', source, options });
    };
  t.equal(k.inside(owners, bind('bind')), '65534:65534\n65534:65534\n', 'without it they are nobody');
  t.equal(k.inside(owners, bind('bind', 'idmap')), '0:1\n1000:1001\n');
  k.inside('touch /tmp/new', bind('bind', 'idmap'));
  const { uid, gid } = statSync(`${source}/new`);
  t.strictSame([uid, gid], [0, 0], 'what the container makes belongs to the mapped id on the host');
});

kernelTest('ridmap maps the mounts below, too', async (t, k) => {
  const source = data(k);
  const nested = `${source}/below`;
  const script =
    'mkdir -p "$1"; mount -t tmpfs below "$1"; touch "$1/file"; chown 1000:1000 "$1/file"; shift; exec "$@"';
  const prefix = withOwnMounts(script, nested);
  const owner = (option: string) =>
    k.inside(
      'stat -c %u:%g /tmp/of1000 /tmp/below/file',
      config =>
        config.mounts.push({
          destination: '/tmp',
          source,
          options: ['rbind', option],
          uidMappings: map(5000),
          gidMappings: map(5000),
        }),
      { prefix },
    );
  t.equal(owner('idmap'), '6000:6001\n1000:1000\n');
  t.equal(owner('ridmap'), '6000:6001\n6000:6000\n');
});

kernelTest('several idmapped mounts have their own mappings, and other options as well', async (t, k) => {
  const source = data(k);
  const text = k.inside(
    'stat -c %u /tmp/a/of0 /tmp/b/of0; touch /tmp/b/x 2>/dev/null || echo read-only',
    config => {
      config.root.readonly = false;
      for (const [name, id] of [
        ['a', 5000],
        ['b', 9000],
      ] as [string, number][])
        config.mounts.push({
          destination: `/tmp/${name}`,
          source,
          options: ['bind', 'idmap', 'ro'],
          uidMappings: map(id),
          gidMappings: map(id),
        });
    },
  );
  t.equal(text, '5000\n9000\nread-only\n');
});

kernelTest('a file can be idmapped', async (t, k) => {
  const source = `${data(k)}/of1000`;
  const text = k.inside('stat -c %u:%g /tmp/file', config =>
    config.mounts.push({
      destination: '/tmp/file',
      source,
      options: ['bind', 'idmap'],
      uidMappings: map(5000),
      gidMappings: map(5000),
    }),
  );
  t.equal(text, '6000:6001\n');
});

kernelTest('a file system that cannot be idmapped is refused', async (t, k) => {
  refused(t, k, /\/mounts\/7.*mount_setattr.*invalid argument/, config =>
    config.mounts.push({
      destination: '/tmp',
      source: '/proc',
      options: ['bind', 'idmap'],
      uidMappings: map(5000),
      gidMappings: map(5000),
    }),
  );
});

kernelTest('idmap with no mappings anywhere is refused', async (t, k) => {
  const source = data(k);
  refused(t, k, /mappings/i, config =>
    config.mounts.push({ destination: '/tmp', source, options: ['bind', 'idmap'] }),
  );
  refused(t, k, /gidMappings/, config =>
    config.mounts.push({ destination: '/tmp', source, options: ['bind'], uidMappings: map(5000) }),
  );
});
