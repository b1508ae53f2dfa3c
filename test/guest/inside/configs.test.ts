/** The configurations that engines wrote, with paths of ours: each gives a container that runs, and one that exec enters. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import t, { type Test } from 'tap';
import type { Process, Spec } from '../../../src/spec.js';
import { type Config, type Kernel, kernelTest, until } from '../../kernel/harness.js';

const directory = new URL('../../../caller-configs', import.meta.url).pathname;
const files = new Set(['hosts', 'hostname', 'resolv.conf', '.containerenv', 'docker-init', 'catatonit']);

/** Sources of bind mounts are those of the machine where the engine ran. */
function makeSource(kernel: Kernel, source: string): string {
  if (existsSync(source)) return source;
  const path = `${kernel.directory}/sources${source}`;
  mkdirSync(dirname(path), { recursive: true });
  if (files.has(basename(source))) writeFileSync(path, '');
  else mkdirSync(path, { recursive: true });
  return path;
}

/** An overlay's directories are the engine's too. */
const adaptOption = (kernel: Kernel, option: string): string =>
  option.replace(
    /^((?:lower|upper|work)dir=)(.*)$/,
    (_, key: string, path: string) => key + makeSource(kernel, path),
  );

/** The engine's configuration with our paths, a program of ours, and no terminal; `joined` stands for the pods's first container. */
function adapt(kernel: Kernel, spec: Spec, joined: number): Spec {
  return {
    ...spec,
    root: { ...spec.root, path: 'rootfs' },
    process: {
      ...spec.process!,
      terminal: false,
      args: ['sh', '-c', 'trap "exit 3" TERM; echo started; while :; do sleep 0.1; done'],
    },
    mounts: (spec.mounts ?? []).map(mount => ({
      ...mount,
      ...(mount.options ? { options: mount.options.map(option => adaptOption(kernel, option)) } : {}),
      ...(mount.options?.some(name => name === 'bind' || name === 'rbind')
        ? { source: makeSource(kernel, mount.source ?? '') }
        : {}),
    })),
    linux: {
      ...spec.linux,
      ...(spec.linux?.cgroupsPath
        ? { cgroupsPath: `/${kernel.token}/${basename(spec.linux.cgroupsPath)}` }
        : {}),
      namespaces: (spec.linux?.namespaces ?? []).map(one =>
        one.path ? { ...one, path: one.path.replace(/^\/proc\/\d+\//, `/proc/${joined}/`) } : one,
      ),
    },
  };
}

/** Starts the configuration, gives its id to `use`, and ends it by a signal. */
async function withContainer(
  t: Test,
  kernel: Kernel,
  name: string,
  use: (id: string) => void,
): Promise<void> {
  const spec = JSON.parse(readFileSync(`${directory}/${name}`, 'utf8')) as Spec;
  const first = kernel.running();
  const bundle = kernel.bundle(() => {}, {
    text: JSON.stringify(adapt(kernel, spec, kernel.state(first).pid)),
  });
  // The engine would have given the files to the container's root, and a way to them.
  const owner = spec.linux?.uidMappings?.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
  execFileSync('chown', ['-R', `${owner}:${owner}`, kernel.directory]);
  chmodSync(kernel.directory, 0o711);
  const id = kernel.id();
  const background = kernel.start(['run', '--bundle', bundle, id]);
  await until(() => background.stdout() !== '' || background.child.exitCode !== null, 60_000);
  t.equal(background.stdout(), 'started\n', 'it runs');
  if (background.child.exitCode === null) {
    use(id);
    kernel.ok(['kill', id, 'KILL']);
  }
  const { status, stderr } = await background.done;
  t.strictSame([status, stderr], [137, ''], 'its end');
  kernel.remove(first);
}

const names = existsSync(directory) ? readdirSync(directory).sort() : [];
if (names.length === 0)
  t.pass('skipped', { skip: 'the configurations of engines (../shared/caller-configs) are not there' });

for (const name of names.filter(one => !one.startsWith('process-'))) {
  kernelTest(name, async (t, kernel) => {
    await withContainer(t, kernel, name, id => {
      const { status, stdout, stderr } = kernel.exec(id, 'echo entered');
      t.strictSame([status, stdout, stderr], [0, 'entered\n', ''], 'exec');
    });
  });
}

const defaults: { readonly [engine: string]: string } = {
  containerd: 'containerd-ctr-default.json',
  docker: 'docker-default.json',
  podman: 'podman-default.json',
};

for (const name of names.filter(one => one.startsWith('process-'))) {
  kernelTest(name, async (t, kernel) => {
    const file = `${kernel.directory}/process.json`;
    const process = JSON.parse(readFileSync(`${directory}/${name}`, 'utf8')) as Process;
    writeFileSync(file, JSON.stringify({ ...process, terminal: false, args: ['sh', '-c', 'id -u'] }));
    await withContainer(t, kernel, defaults[name.split('-')[1]!]!, id => {
      const { status, stdout, stderr } = kernel.runts(['exec', '--process', file, id]);
      t.strictSame([status, stdout, stderr], [0, `${process.user?.uid ?? 0}\n`, '']);
    });
  });
}

kernelTest('a thousand mounts', async (t, kernel) => {
  const out = kernel.inside(
    'grep -c /m/ /proc/self/mountinfo; umount /tmp 2>/dev/null; true',
    (config: Config, rootfs) => {
      for (let i = 0; i < 1000; i++) {
        mkdirSync(`${rootfs}/m/${i}`, { recursive: true });
        config.mounts.push({
          destination: `/m/${i}`,
          type: 'bind',
          source: '/usr/bin',
          options: ['rbind', 'ro', 'nosuid'],
        });
      }
    },
  );
  t.equal(out, '1000\n');
});
