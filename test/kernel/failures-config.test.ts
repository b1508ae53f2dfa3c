/** Bundles and configurations that create refuses before it does anything. */
import { mkdirSync, symlinkSync, truncateSync, unlinkSync } from 'node:fs';
import { baseConfig, type Config } from './base-config.js';
import { type Failing, failures } from './failures.js';

/** A configuration that the types would not allow. */
const wrong = (change: (config: Config, loose: Record<string, unknown>) => void): string => {
  const config = baseConfig();
  change(config, config as unknown as Record<string, unknown>);
  return JSON.stringify(config);
};
const set = (part: object, values: Record<string, unknown>): object => Object.assign(part, values);
const nested = (open: string, value: string, close: string, depth: number): string =>
  open.repeat(depth) + value + close.repeat(depth);
const file = 'BUNDLE/config.json';

const bundles: Failing[] = [
  {
    name: 'no config.json',
    prepare: ({ bundle }) => unlinkSync(`${bundle}/config.json`),
    says: `${file} does not exist`,
  },
  {
    name: 'config.json is a directory',
    prepare: ({ bundle }) => {
      unlinkSync(`${bundle}/config.json`);
      mkdirSync(`${bundle}/config.json`);
    },
    says: `cannot read ${file}: is a directory`,
  },
  {
    name: 'config.json never ends',
    prepare: ({ bundle }) => {
      unlinkSync(`${bundle}/config.json`);
      symlinkSync('/dev/zero', `${bundle}/config.json`);
    },
    says: `cannot read ${file}: file too large`,
  },
  {
    name: 'config.json is a hole of 100 gigabytes',
    prepare: ({ bundle }) => truncateSync(`${bundle}/config.json`, 100e9),
    says: `cannot read ${file}: file too large`,
  },
  {
    name: 'no bundle',
    args: ({ directory, id }) => ['create', '--bundle', directory, id],
    says: 'the bundle DIRECTORY is not a directory',
  },
  {
    name: 'another configuration that is missing',
    args: ({ bundle, id }) => ['create', '--bundle', bundle, '--config', 'other.json', id],
    says: 'BUNDLE/other.json does not exist',
  },
];

const documents: Failing[] = [
  {
    name: 'a configuration that is not JSON, with line and column',
    text: '{\n  "ociVersion": "1.3.0",\n  "root": }\n',
    says: `${file} is not JSON: line 3, column 11: expected a value, found "}"`,
  },
  {
    name: 'an empty configuration',
    text: '',
    says: `${file} is not JSON: line 1, column 1: the document is empty`,
  },
  {
    name: 'a configuration that is not UTF-8',
    text: Buffer.from('{"ociVersion":"\xff"}', 'latin1'),
    says: `${file} is not JSON: it is not valid UTF-8`,
  },
  {
    name: 'a configuration that is no object',
    text: '[]',
    says: `${file}: the document is a list without entries; accepted: an object`,
  },
  {
    name: 'lists in lists without end',
    text: '['.repeat(200_000),
    says: `${file} is not JSON: line 1, column 1001: the document is nested more than 1000 levels deep`,
  },
  {
    name: 'objects in objects, as deep as the parser goes',
    text: nested('{"a":', '1', '}', 900),
    says: /^BUNDLE\/config\.json: \/ociVersion is missing/,
  },
  {
    name: 'a configuration of ten megabytes that lacks its root',
    text: JSON.stringify({ ociVersion: '1.3.0', annotations: { a: 'x'.repeat(10_000_000) } }),
    says: `${file}: /root is missing; accepted: an object with the path of the root filesystem`,
  },
];

const shapes: Failing[] = [
  {
    name: 'wrong types, all of them told',
    text: wrong((config, loose) => {
      set(config.process, { args: 'sh', cwd: 3 });
      loose.hostname = 3;
    }),
    says: `${file}: /process/cwd is 3; accepted: a text; /process/args is "sh"; accepted: a list; /hostname is 3; accepted: a text`,
  },
  {
    name: 'no ociVersion',
    text: wrong((_config, loose) => delete loose.ociVersion),
    says: `${file}: /ociVersion is missing; accepted: version of the specification, by SemVer 2.0.0`,
  },
  {
    name: 'an ociVersion that is not ours',
    text: wrong((_config, loose) => {
      loose.ociVersion = '2.0.0';
    }),
    says: `${file}: /ociVersion is "2.0.0"; accepted: a version from 1.0.0 on of major version 1, like 1.3.0`,
  },
  {
    name: 'no root',
    text: wrong((_config, loose) => delete loose.root),
    says: `${file}: /root is missing; accepted: an object with the path of the root filesystem`,
  },
  {
    name: 'a root that is missing',
    change: config => {
      config.root.path = 'nope';
    },
    says: `${file}: /root/path: BUNDLE/nope is not a directory`,
  },
  {
    name: 'a root that is a file',
    change: config => {
      config.root.path = 'config.json';
    },
    says: `${file}: /root/path: BUNDLE/config.json is not a directory`,
  },
];

const processes: Failing[] = [
  {
    name: 'a working directory that is not absolute',
    change: config => {
      config.process.cwd = 'tmp';
    },
    says: `${file}: /process/cwd is "tmp"; accepted: an absolute path`,
  },
  {
    name: 'no working directory',
    text: wrong(config => set(config.process, { cwd: undefined })),
    says: `${file}: /process/cwd is missing; accepted: a text`,
  },
  {
    name: 'no arguments',
    change: config => {
      config.process.args = [];
    },
    says: `${file}: /process/args is a list without entries; accepted: a list with at least the program to execute`,
  },
  {
    name: 'an argument with a NUL',
    change: config => {
      config.process.args = ['true', 'a\0b'];
    },
    says: `${file}: /process/args/1 is "a\\u0000b"; accepted: a text without the character NUL`,
  },
  {
    name: 'half of a surrogate pair',
    text: wrong(() => {}).replace('"sh"', '"\\ud800"'),
    says: `${file}: /process/args/0 is "\\ud800"; accepted: a text without half surrogate pairs, which UTF-8 cannot write`,
  },
  {
    name: 'an environment variable without a value',
    change: config => {
      config.process.env = ['A'];
    },
    says: `${file}: /process/env/0 is "A"; accepted: NAME=value`,
  },
  {
    name: 'the same resource limit twice',
    change: config => {
      config.process.rlimits.push({ type: 'RLIMIT_NOFILE', hard: 1, soft: 1 });
    },
    says: `${file}: /process/rlimits/1/type is "RLIMIT_NOFILE"; accepted: one entry for each type`,
  },
  {
    name: 'a resource limit that nobody knows',
    change: config => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILES', hard: 1, soft: 1 }];
    },
    says: `${file}: /process/rlimits/0/type is "RLIMIT_NOFILES"; accepted: a resource of getrlimit(2); did you mean "RLIMIT_NOFILE"?`,
  },
  {
    name: 'a soft limit above the hard one',
    change: config => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', hard: 1, soft: 2 }];
    },
    says: `${file}: /process/rlimits/0/soft is 2; accepted: at most the hard limit, 1`,
  },
];

const linux: Failing[] = [
  {
    name: 'a seccomp action that nobody knows',
    text: wrong(config => set(config.linux, { seccomp: { defaultAction: 'SCMP_ACT_ALOW' } })),
    says: /^BUNDLE\/config\.json: \/linux\/seccomp\/defaultAction is "SCMP_ACT_ALOW"; accepted: SCMP_ACT_KILL, .*; did you mean "SCMP_ACT_ALLOW"\?$/m,
  },
  {
    name: 'a sysctl that no namespace has',
    change: config => {
      config.linux.sysctl = { 'kernel.core_pattern': 'x' };
    },
    says: /^BUNDLE\/config\.json: \/linux\/sysctl\/kernel\.core_pattern is "kernel\.core_pattern"; accepted: a parameter that a namespace has of its own: [^\n]*$/m,
  },
  {
    name: "a sysctl of the host's network namespace",
    change: config => {
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
    },
    says: `${file}: /linux/sysctl/net.ipv4.ip_forward is "net.ipv4.ip_forward"; accepted: this parameter only with an entry of type "network" in linux.namespaces`,
  },
  {
    name: 'a cgroup path that leads up',
    change: config => {
      config.linux.cgroupsPath = '/a/../../b';
    },
    says: `${file}: /linux/cgroupsPath is "/a/../../b"; accepted: a path without ".."`,
  },
  {
    name: 'a namespace that nobody knows',
    text: wrong(config => config.linux.namespaces.push({ type: 'nett' as 'network' })),
    says: /^BUNDLE\/config\.json: \/linux\/namespaces\/6\/type is "nett"; accepted: mount, pid, network, uts, ipc, user, cgroup, time[^\n]*$/m,
  },
  {
    name: 'the same namespace twice',
    change: config => {
      config.linux.namespaces.push({ type: 'pid' });
    },
    says: `${file}: /linux/namespaces/6/type is "pid"; accepted: one entry for each type`,
  },
  {
    name: 'a hook that is not an absolute path',
    change: config => {
      config.hooks = { createRuntime: [{ path: 'sh' }] };
    },
    says: `${file}: /hooks/createRuntime/0/path is "sh"; accepted: an absolute path`,
  },
];

failures([...bundles, ...documents, ...shapes, ...processes, ...linux]);
