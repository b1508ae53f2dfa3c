/** `runts features`: by the schemas, and saying what the planner can do. */
import './fixtures/fake-host.js';

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { actions, architectures, compile, flags, operators } from 'seccomp-bpf-ts';
import t from 'tap';
import type { Context } from '../../src/commands.js';
import { features, featuresDocument } from '../../src/features-command.js';
import { CAPABILITIES, capabilityMasks } from '../../src/plan/capabilities.js';
import { HOOK_KINDS } from '../../src/plan/hooks.js';
import { parseMountOptions } from '../../src/plan/mount-options.js';
import { CLONE } from '../../src/plan/namespaces.js';
import type { Spec } from '../../src/spec.js';
import { host, resetHost } from './fixtures/fake-host.js';
import { planOf } from './fixtures/plan-of.js';
import { all } from './fixtures/planner.js';

interface Validate {
  (value: unknown): boolean;
  errors?: unknown;
}
const { Ajv } = createRequire(import.meta.url)('ajv') as {
  Ajv: new (options: object) => { addSchema(schema: object): void; getSchema(id: string): Validate };
};
const ours = new URL('../../schemas/', import.meta.url);
const official = new URL('../../../shared/oci-runtime-spec/', import.meta.url);
const skip = existsSync(official) ? false : 'the official schemas are not at ../shared/oci-runtime-spec';

interface Features {
  ociVersionMin: string;
  ociVersionMax: string;
  hooks: (typeof HOOK_KINDS)[number][];
  mountOptions: string[];
  linux: {
    namespaces: (keyof typeof CLONE)[];
    capabilities: string[];
    cgroup: { [name: string]: boolean };
    seccomp: { [name: string]: string[] };
    memoryPolicy: { modes: string[]; flags: string[] };
    intelRdt: { enabled: boolean; schemata: boolean; monitoring: boolean };
    mountExtensions: { idmap: { enabled: boolean } };
    netDevices: { enabled: boolean };
  };
  annotations: { [name: string]: string };
}
const document = featuresDocument() as Features;

t.test('by our schema', async t => {
  const ajv = new Ajv({ strict: true, allErrors: true });
  for (const name of ['config', 'features'])
    ajv.addSchema(JSON.parse(readFileSync(new URL(`${name}.schema.json`, ours), 'utf8')));
  const validate = ajv.getSchema('features.schema.json');
  t.ok(validate(document), JSON.stringify(validate.errors));
});

t.test('by the official schema', { skip }, async t => {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  for (const name of readdirSync(official).filter(name => name.endsWith('.json'))) {
    const { $schema: _, ...schema } = JSON.parse(readFileSync(new URL(name, official), 'utf8'));
    ajv.addSchema({ $id: name, ...schema });
  }
  const validate = ajv.getSchema('features-schema.json');
  t.ok(validate(document), JSON.stringify(validate.errors));
});

t.test('the command prints it', async t => {
  resetHost();
  t.equal(features({} as Context, {} as never, []), 0);
  t.strictSame(JSON.parse(host.written[1]!), document);
  t.match(host.written[1], /^\{\n {4}"ociVersionMin": "1\.0\.0",\n/);
});

t.test('it does not depend on the host', async t => {
  t.strictSame(featuresDocument(), document);
  t.notMatch(readFileSync('src/features-command.ts', 'utf8'), /facts\.js|native\.(?!write)/);
});

t.test('hooks are planned or kept for later', async t => {
  t.strictSame(document.hooks, [...HOOK_KINDS]);
  for (const kind of document.hooks) {
    const { steps, teardown } = planOf({ hooks: { [kind]: [{ path: '/h' }] } }, {}, { start: 'now' });
    t.equal(all(steps, 'hook').length + teardown.poststop.length, 1, kind);
  }
});

t.test('mount options are options, not data of a file system', async t => {
  const own = new Set('sync async dirsync mand nomand lazytime nolazytime'.split(' '));
  t.ok(document.mountOptions.length > 60);
  t.strictSame(document.mountOptions, [...new Set(document.mountOptions)].sort());
  for (const name of document.mountOptions) {
    const { data } = parseMountOptions({ destination: '/d', options: [name] });
    t.ok(data.length === 0 || own.has(name), name);
  }
});

t.test('namespaces can be made', async t => {
  t.strictSame([...document.linux.namespaces].sort(), Object.keys(CLONE).sort());
  t.equal(document.linux.namespaces.length, 8);
});

t.test('capabilities can be given', async t => {
  t.strictSame(document.linux.capabilities, [...CAPABILITIES]);
  const notes: string[] = [];
  capabilityMasks({ permitted: document.linux.capabilities }, 63, -1n, notes);
  t.strictSame(notes, []);
});

t.test('seccomp: what the compiler accepts', async t => {
  const { seccomp } = document.linux;
  t.strictSame(seccomp.actions, Object.keys(actions));
  t.strictSame(seccomp.operators, Object.keys(operators));
  t.strictSame(seccomp.archs, Object.keys(architectures));
  t.strictSame(seccomp.knownFlags, Object.keys(flags));
  for (const name of seccomp.supportedFlags!) {
    t.ok(seccomp.knownFlags!.includes(name), name);
    const profile = { defaultAction: 'SCMP_ACT_ALLOW', flags: [name] } as unknown as NonNullable<
      NonNullable<Spec['linux']>['seccomp']
    >;
    t.ok(compile(profile, 'SCMP_ARCH_X86_64').program.length > 0, `${name} can be asked for`);
  }
});

t.test('memory policies are planned', async t => {
  for (const mode of document.linux.memoryPolicy.modes) {
    const memoryPolicy = { mode, nodes: '0', flags: document.linux.memoryPolicy.flags } as never;
    t.equal(all(planOf({ linux: { memoryPolicy } }).steps, 'memory_policy').length, 1, mode);
  }
});

t.test('what it says of cgroups, idmapped mounts and network devices is so', async t => {
  const { cgroup, mountExtensions, netDevices } = document.linux;
  t.match(cgroup, { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true });
  t.equal(planOf({}, {}, { cgroupManager: 'systemd' }).scope?.unit, 'runts-box.scope');
  t.equal(mountExtensions.idmap.enabled, true);
  t.strictSame(document.linux.intelRdt, { enabled: true, schemata: true, monitoring: true });
  const rdt = { schemata: ['MB:0=20'], enableMonitoring: true };
  const groups = planOf({ linux: { intelRdt: rdt } }, { resctrl: { mount: '/r', schemata: null } }).steps;
  t.strictSame(
    all(groups, 'resctrl_make').map(one => one.with.path),
    ['/r/box', '/r/box/mon_groups/box'],
  );
  const net = planOf({ linux: { netDevices: { eth0: {} } } }).steps;
  t.equal(all(net, 'net_device').length, netDevices.enabled ? 1 : 0);
});

t.test('versions: the first that can be run, and the one that is implemented', async t => {
  t.equal(document.ociVersionMin, '1.0.0');
  t.equal(document.ociVersionMax, '1.3.0');
  t.notOk('org.opencontainers.runc.version' in document.annotations, 'it does not say that it is runc');
});
