/** The bundles that all runtimes get. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Mount, Spec } from '../src/spec.js';

export interface Bundle {
  name: string;
  /** with /bin/true, for `run` */
  once: string;
  /** with a program that stays, for the other commands */
  staying: string;
  /** with a program that makes a million system calls, syscalls.c */
  calling: string;
}

/** An older version than runts knows: crun 1.8 and runc 1.1 refuse newer ones. */
const VERSION = '1.0.2';

function makeRootfs(directory: string, busybox: string): void {
  for (const place of ['bin', 'dev', 'proc', 'sys', 'etc', 'tmp'])
    mkdirSync(join(directory, place), { recursive: true });
  copyFileSync(busybox, join(directory, 'bin/busybox'));
  for (const name of ['true', 'sh', 'sleep']) symlinkSync('busybox', join(directory, 'bin', name));
  copyFileSync(join(dirname(directory), '..', 'syscalls'), join(directory, 'bin/syscalls'));
}

const PROGRAMS: readonly [kind: string, ...args: string[]][] = [
  ['once', '/bin/true'],
  ['staying', '/bin/sleep', '1000'],
  ['calling', '/bin/syscalls'],
];

function write(work: string, name: string, spec: Spec, busybox: string): Bundle {
  const rootfs = join(work, name, 'rootfs');
  makeRootfs(rootfs, busybox);
  const [once, staying, calling] = PROGRAMS.map(([kind, ...args]) => {
    const directory = join(work, name, kind);
    const process = { ...spec.process!, args, terminal: false };
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, 'config.json'),
      JSON.stringify({
        ...spec,
        ociVersion: VERSION,
        root: { ...spec.root, path: rootfs },
        process,
      }),
    );
    return directory;
  });
  return { name, once: once!, staying: staying!, calling: calling! };
}

/** 500 bind mounts of one directory, every other one read-only. */
function manyMounts(work: string): Mount[] {
  const source = join(work, 'source');
  mkdirSync(source, { recursive: true });
  return Array.from({ length: 500 }, (_, i) => ({
    destination: `/mnt/${i}`,
    type: 'bind',
    source,
    options: i % 2 === 0 ? ['bind', 'ro'] : ['rbind', 'rprivate', 'nosuid'],
  }));
}

/** The configuration that Docker makes, without what this machine may not have (limits, AppArmor, Docker's hooks). */
function docker(work: string, file: string): Spec {
  const spec = JSON.parse(readFileSync(file, 'utf8')) as Spec;
  for (const mount of spec.mounts ?? []) {
    if (mount.type !== 'bind') continue;
    mount.source = join(work, 'docker-files', mount.destination);
    mkdirSync(dirname(mount.source), { recursive: true });
    writeFileSync(mount.source, '');
  }
  const { hooks: _hooks, ...rest } = spec;
  const { apparmorProfile: _profile, oomScoreAdj: _score, rlimits: _limits, ...process } = spec.process!;
  return {
    ...rest,
    process,
    linux: {
      ...spec.linux,
      cgroupsPath: '/docker/0123456789abcdef',
      resources: { devices: spec.linux?.resources?.devices ?? [] },
    },
  };
}

/**
 * Writes the bundles below a directory.
 * @param base what `runts spec` writes
 * @param dockerConfig a configuration that Docker made; where there is none the bundle is left out
 */
export function makeBundles(work: string, base: Spec, busybox: string, dockerConfig: string): Bundle[] {
  const bundles = [write(work, 'default', base, busybox)];
  if (existsSync(dockerConfig)) bundles.push(write(work, 'docker', docker(work, dockerConfig), busybox));
  else console.error(`bench: no bundle like Docker's: there is no ${dockerConfig}`);
  const many = { ...base, root: { path: '' }, mounts: [...(base.mounts ?? []), ...manyMounts(work)] };
  bundles.push(write(work, '500-mounts', many, busybox));
  return bundles;
}
