import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseJson, stringifyJson } from '../../src/json.js';
import { mountOptionNames } from '../../src/plan/mount-options.js';
import { RULES, type RuleName } from '../../src/validate/accepted.js';
import type { Issue } from '../../src/validate/issue.js';
import { MOUNT_OPTIONS } from '../../src/validate/mount-option-names.js';
import { CASES, type Changes, namespacesBut } from './fixtures/breaches.js';
import { compileSchemas } from './fixtures/compiled-schemas.js';

compileSchemas();
const { checkProcess, checkSpec } = await import('../../src/validate/quick.js');
const { validateProcess, validateSpec } = await import('../../src/validate/full.js');

const EVERYTHING = readFileSync(new URL('fixtures/everything.json', import.meta.url), 'utf8');

function parts(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(part => part.replace(/~1/g, '/').replace(/~0/g, '~'));
}

/** A document with some members set, or left out by undefined. */
function changed(text: string, changes: Changes): unknown {
  const document = parseJson(text);
  for (const [pointer, value] of Object.entries(changes)) {
    const path = parts(pointer);
    const last = path.pop()!;
    const parent = path.reduce(
      (at, part) => at[part] as Record<string, unknown>,
      document as Record<string, unknown>,
    );
    if (value === undefined) delete parent[last];
    else parent[last] = value;
  }
  return document;
}

function messages(issues: Issue[]): string[] {
  return issues.map(issue => `${issue.severity}: ${issue.message}`);
}

t.test('the document with every property is clean', async t => {
  t.strictSame(messages(validateSpec(parseJson(EVERYTHING))), []);
  t.ok(checkSpec(parseJson(EVERYTHING), EVERYTHING));
  t.ok(checkSpec(parseJson(EVERYTHING)));
});

t.test('every rule finds its breach, and says so in both ways', async t => {
  for (const [rule, changes, pointer, words] of CASES) {
    const name = `${rule} ${JSON.stringify(changes, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`;
    const document = changed(EVERYTHING, changes);
    const issues = validateSpec(document);
    const { severity, accepted } = RULES[rule];
    const found = issues.find(
      issue => issue.pointer === pointer && issue.accepted.startsWith(accepted.split('%')[0]!),
    );
    t.ok(found, name, { issues: messages(issues) });
    t.equal(found?.severity, severity, `${rule} is ${severity}`);
    if (words !== undefined)
      t.ok(found?.message.includes(words), words, { message: found?.message ?? 'none' });
    t.notOk(checkSpec(document), `quick: ${name}`);
    t.notOk(checkSpec(document, stringifyJson(document)), `quick, with its text: ${name}`);
  }
});

t.test('every rule has a case', async t => {
  const tried = new Set(CASES.map(([rule]) => rule));
  const rules = Object.keys(RULES) as RuleName[];
  t.strictSame(
    rules.filter(rule => !tried.has(rule)),
    ['well-formed'],
  );
});

t.test('one breach is one issue', async t => {
  for (const [rule, changes, pointer] of CASES) {
    const issues = validateSpec(changed(EVERYTHING, changes));
    const elsewhere = issues.filter(issue => issue.pointer !== pointer);
    const expected =
      /-needs?-|^devices-need|^paths-need|^offsets-need|^sysctl-needs|user-needs|clock-known|memory-swap/;
    if (!expected.test(rule)) t.strictSame(messages(elsewhere), [], rule);
  }
});

t.test('the mount options are those of the planner', async t => {
  t.strictSame([...MOUNT_OPTIONS].sort(), mountOptionNames());
});

t.test('what must not be refused', async t => {
  const accepted: [why: string, changes: Changes][] = [
    ['versions', { '/ociVersion': '1.0.0-rc5' }],
    ['versions of runc', { '/ociVersion': '1.0.2-dev' }],
    ['versions with build', { '/ociVersion': '1.1.0+dev' }],
    ['later minor versions', { '/ociVersion': '1.17.0' }],
    ['no process', { '/process': undefined }],
    ['no linux', { '/linux': undefined, '/hostname': undefined, '/domainname': undefined }],
    ['empty mount options', { '/mounts/0/options': ['', 'ro'], '/mounts/1/options': ['rbind', ''] }],
    ['cgroup mounts', { '/mounts/0': { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' } }],
    ['dot files as destination', { '/mounts/0/destination': '/.x' }],
    ['filesystem data', { '/mounts/0/options': ['size=5', 'what=ever', 'unknown'] }],
    ['every known bind option', { '/mounts/1/options': ['rbind', 'rro', 'tmpcopyup', 'rslave'] }],
    ['remount without type', { '/mounts/0': { destination: '/x', options: ['remount', 'ro'] } }],
    ['env values with anything', { '/process/env': ['A==', 'B=\n', 'A=again', 'LC.x-y=z'] }],
    ['umask', { '/process/user/umask': 511 }],
    ['console size without terminal', { '/process/terminal': false, '/process/consoleSize/width': 70000 }],
    [
      'infinite limits',
      { '/process/rlimits/0/soft': 18446744073709551615n, '/process/rlimits/0/hard': 18446744073709551615n },
    ],
    ['cpu lists with blanks', { '/process/execCPUAffinity/initial': ' 0-3 , ,7' }],
    ['a deadline without period', { '/process/scheduler/period': 0 }],
    ['joined user namespace with mappings', { '/linux/namespaces/5/path': '/proc/5/ns/user' }],
    [
      'joined user namespace without mappings',
      {
        '/linux/namespaces/5/path': '/proc/5/ns/user',
        '/linux/uidMappings': undefined,
        '/linux/gidMappings': undefined,
      },
    ],
    ['the whole id range', { '/linux/uidMappings': [{ containerID: 0, hostID: 0, size: 4294967295 }] }],
    ['no offsets', { '/linux/timeOffsets': {}, '/linux/namespaces': namespacesBut('time') }],
    [
      'sysctl with slashes',
      { '/linux/sysctl': { 'net/ipv4/conf/eno1.2/forwarding': '1', 'net.ipv4.conf.eno1/2.mtu': '1' } },
    ],
    [
      'sysctl of ipc and uts',
      {
        '/linux/sysctl': {
          'fs.mqueue.msg_max': '1',
          'kernel.domainname': 'x',
          'user.max_ipc_namespaces': '5',
        },
      },
    ],
    ['file modes with type', { '/linux/devices/0/fileMode': 8630 }],
    ['fifos without numbers', { '/linux/devices/0': { type: 'p', path: '/p' } }],
    ['the default class', { '/linux/intelRdt/closID': '/' }],
    ['systemd cgroups', { '/linux/cgroupsPath': 'system.slice:docker:abc..def' }],
    ['empty blockIO', { '/linux/resources/blockIO': {} }],
    ['wildcards', { '/linux/resources/devices/1/major': -1, '/linux/resources/devices/1/access': undefined }],
    ['no limits', { '/linux/resources/memory/limit': -1, '/linux/resources/memory/swap': -1 }],
    ['unset swap', { '/linux/resources/memory/swap': 0, '/linux/resources/memory/limit': undefined }],
    ['no quota', { '/linux/resources/cpu/quota': -1 }],
    ['no weight', { '/linux/resources/blockIO/weight': 0 }],
    ['no pids limit', { '/linux/resources/pids': {} }],
    ['preferred without nodes', { '/linux/memoryPolicy': { mode: 'MPOL_PREFERRED' } }],
    [
      'a trace errno',
      { '/linux/seccomp/syscalls/1': { names: ['a'], action: 'SCMP_ACT_TRACE', errnoRet: 65535 } },
    ],
    [
      'empty words',
      { '/linux/rootfsPropagation': '', '/linux/cgroupsPath': '', '/linux/namespaces/0/path': '' },
    ],
    ['astral characters', { '/annotations/a': '\u{1d11e}' }],
  ];
  for (const [why, changes] of accepted) {
    const document = changed(EVERYTHING, changes);
    t.strictSame(messages(validateSpec(document)), [], why);
    t.ok(checkSpec(document, stringifyJson(document)), `quick: ${why}`);
  }
});

t.test('the schema in words', async t => {
  const cases: [changes: Changes, pointer: string, message: string][] = [
    [
      { '/ociVersion': undefined },
      '/ociVersion',
      '/ociVersion is missing; accepted: version of the specification, by SemVer 2.0.0',
    ],
    [{ '/process/cwd': undefined }, '/process/cwd', '/process/cwd is missing; accepted: a text'],
    [{ '/mounts/1/options': 'ro' }, '/mounts/1/options', '/mounts/1/options is "ro"; accepted: a list'],
    [{ '/mounts/1/options/1': 5 }, '/mounts/1/options/1', '/mounts/1/options/1 is 5; accepted: a text'],
    [{ '/root/readonly': 'yes' }, '/root/readonly', '/root/readonly is "yes"; accepted: true or false'],
    [
      { '/linux': [], '/hostname': '', '/domainname': '' },
      '/linux',
      '/linux is a list without entries; accepted: an object',
    ],
    [{ '/annotations/a~1b': 5 }, '/annotations/a~1b', '/annotations/a~1b is 5; accepted: a text'],
    [{ '/annotations/x': null }, '/annotations/x', '/annotations/x is null; accepted: a text'],
    [
      { '/process/rlimits/0/soft': 18446744073709551616n },
      '/process/rlimits/0/soft',
      '/process/rlimits/0/soft is 18446744073709551616; accepted: an integer from 0 to 18446744073709551615',
    ],
    [
      { '/linux/resources/memory/limit': 1.5 },
      '/linux/resources/memory/limit',
      '/linux/resources/memory/limit is 1.5; accepted: an integer of 64 bits',
    ],
    [
      { '/process/user/uid': -1 },
      '/process/user/uid',
      '/process/user/uid is -1; accepted: an integer from 0 to 4294967295',
    ],
    [
      { '/hooks/poststart/0/timeout': 0 },
      '/hooks/poststart/0/timeout',
      '/hooks/poststart/0/timeout is 0; accepted: a positive integer',
    ],
    [
      { '/linux/seccomp/syscalls/0/action': 'SCMP_ACT_ALOW' },
      '/linux/seccomp/syscalls/0/action',
      '/linux/seccomp/syscalls/0/action is "SCMP_ACT_ALOW"; accepted: SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, ' +
        'SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, SCMP_ACT_ALLOW, SCMP_ACT_LOG, ' +
        'SCMP_ACT_NOTIFY; did you mean "SCMP_ACT_ALLOW"?',
    ],
    [
      { '/linux/seccomp/syscalls/0/names': [] },
      '/linux/seccomp/syscalls/0/names',
      '/linux/seccomp/syscalls/0/names is a list without entries; accepted: a list with at least one entry',
    ],
    [
      { '/linux/intelRdt/memBwSchema': 'L3:0=f' },
      '/linux/intelRdt/memBwSchema',
      '/linux/intelRdt/memBwSchema is "L3:0=f"; accepted: one line that starts with MB:',
    ],
    [
      { '/linux/rootfsPropagation': 'everywhere' },
      '/linux/rootfsPropagation',
      '/linux/rootfsPropagation is "everywhere"; accepted: private, rprivate, shared, rshared, slave, rslave, unbindable, runbindable',
    ],
    [
      { '/linux/resources/hugepageLimits/0/pageSize': '64kB' },
      '/linux/resources/hugepageLimits/0/pageSize',
      '/linux/resources/hugepageLimits/0/pageSize is "64kB"; accepted: a size like 64KB, 2MB or 1GB',
    ],
  ];
  for (const [changes, pointer, message] of cases) {
    const document = changed(EVERYTHING, changes);
    const issues = validateSpec(document);
    t.match(issues[0], { severity: 'error', pointer, message });
    t.equal(issues.length, 1, message, { issues: messages(issues) });
    t.notOk(checkSpec(document), `quick: ${message}`);
  }
  const texts = validateSpec(
    changed(EVERYTHING, { '/process/args/0': 'x'.repeat(1000), '/process/cwd': 'y'.repeat(100) }),
  );
  t.equal(texts[0]?.found, `"${'y'.repeat(60)}…"`);
});

t.test('unknown keys are warnings with the nearest known one', async t => {
  const cases: [pointer: string, suggestion: string | undefined][] = [
    ['/process/envs', undefined],
    ['/process/noNewPrivilege', undefined],
    ['/linux/resources/memory/Limits', undefined],
    ['/mounts/0/option', 'options'],
    ['/linux/namespaces/0/Path', 'path'],
    ['/linux/extensions', undefined],
    ['/linux/seccomp/syscalls/0/errnoret', 'errnoRet'],
    ['/__proto__x', undefined],
  ];
  for (const [pointer, suggestion] of cases) {
    const document = changed(EVERYTHING, { [pointer]: 'x' });
    const [issue, ...more] = validateSpec(document);
    t.match(issue, { pointer, severity: 'warning' }, pointer);
    t.equal(issue?.suggestion, suggestion, `suggestion for ${pointer}`);
    t.strictSame(more, []);
    t.ok(checkSpec(document, ''), `quick does not mind ${pointer}`);
  }
  const renamed = validateSpec(changed(EVERYTHING, { '/process/env': undefined, '/process/Env': ['x'] }));
  t.strictSame(messages(renamed), ['warning: /process/Env is not known and is ignored; did you mean "env"?']);
  t.match(renamed[0]?.accepted, /terminal, consoleSize, cwd, env/);
  const proto = parseJson(
    '{"ociVersion":"1.3.0","root":{"path":"r","__proto__":{"readonly":"x"}},"__proto__":{}}',
  );
  t.ok(checkSpec(proto));
  t.strictSame(
    validateSpec(proto).map(issue => issue.pointer),
    ['/root/__proto__', '/__proto__'],
  );
  t.strictSame(validateSpec(changed(EVERYTHING, { '/windows': { a: 1 }, '/vm': { b: { c: 1 } } })), []);
});

t.test('all problems of one document at once', async t => {
  const issues = validateSpec(
    changed(EVERYTHING, {
      '/ociVersion': '2.0.0',
      '/process/cwd': 'x',
      '/process/rlimits/0/soft': 'many',
      '/mounts/0': null,
      '/mounts/1/destination': 'rel',
      '/linux/namespaces/0/type': 'mnt',
      '/linux/seccomp/syscalls/0/args': 'x',
      '/linux/seccomp/listenerPath': '',
      '/hook': {},
    }),
  );
  t.strictSame(issues.map(issue => `${issue.severity} ${issue.pointer}`).sort(), [
    'error /linux/maskedPaths',
    'error /linux/namespaces/0/type',
    'error /linux/readonlyPaths',
    'error /linux/seccomp/listenerMetadata',
    'error /linux/seccomp/syscalls/0/args',
    'error /mounts/0',
    'error /ociVersion',
    'error /process/cwd',
    'error /process/rlimits/0/soft',
    'warning /hook',
    'warning /mounts/1/destination',
  ]);
});

t.test('what is wrong with one value is not told of another', async t => {
  const issues = validateSpec(changed(EVERYTHING, { '/linux/seccomp/syscalls/1/action': {} }));
  t.strictSame(
    issues.map(issue => issue.pointer),
    ['/linux/seccomp/syscalls/1/action'],
  );
});

t.test('documents that are none at all', async t => {
  for (const document of [null, 5, 'x', [], true, undefined, 5n]) {
    t.notOk(checkSpec(document, ''), `quick: ${String(document)}`);
    t.match(
      validateSpec(document),
      [{ pointer: '', severity: 'error', accepted: 'an object' }],
      String(document),
    );
    t.match(validateSpec(document)[0]?.message, /^the document is /);
  }
});

t.test('a process by itself', async t => {
  const { process } = parseJson(EVERYTHING) as { process: object };
  t.ok(checkProcess(process));
  t.strictSame(validateProcess(process), []);
  t.notOk(checkProcess({ ...process, cwd: 'x' }));
  t.match(validateProcess({ ...process, cwd: 'x', evn: [] }), [
    { pointer: '/cwd', message: 'cwd is "x"; accepted: an absolute path' },
    { pointer: '/evn', severity: 'warning' },
  ]);
});
