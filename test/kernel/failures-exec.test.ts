/** exec that cannot be done: one line, status 255, and the container goes on. */
import { writeFileSync } from 'node:fs';
import { expectFailure, plain } from './failures.js';
import { cgroupOf, childrenOf, type Kernel, kernelTest } from './harness.js';

interface Row {
  name: string;
  flags?: readonly string[];
  /** contents of the file for --process */
  file?: unknown;
  program?: readonly string[];
  says: string | RegExp;
  /** 255 unless given */
  status?: number;
}

const rows: readonly Row[] = [
  {
    name: 'a program that is not there',
    program: ['/no/such'],
    says: 'exec: "/no/such": stat /no/such: no such file or directory',
  },
  {
    name: 'a program that is not in PATH',
    program: ['nosuch'],
    says: 'exec: "nosuch": executable file not found in $PATH',
  },
  { name: 'a program that is a directory', program: ['/tmp'], says: 'exec: "/tmp": is a directory' },
  {
    name: 'a program that is not executable',
    program: ['/etc/passwd'],
    says: 'exec: "/etc/passwd": permission denied',
  },
  { name: 'no program', program: [], says: 'exec needs a command, or --process with a file' },
  ...['4294967296', '0x0', '1:', ' 1', '-1', '1:2:3', 'root', '1e3', ''].map(user => ({
    name: `the user "${user}"`,
    flags: ['--user', user],
    says: /^(the (user|group) id|--user) "[^\n]*" is not [^\n]*\n$/,
  })),
  {
    name: 'a relative working directory',
    flags: ['--cwd', 'tmp'],
    says: '--cwd "tmp" is not an absolute path',
  },
  {
    name: 'a working directory that is missing',
    flags: ['--cwd', '/no/such'],
    says: /^cannot go to \/no\/such \(--cwd\): \w+: no such file or directory\n$/,
  },
  { name: 'a variable without a value', flags: ['--env', 'A'], says: '--env "A" is not NAME=VALUE' },
  {
    name: 'an unknown capability',
    flags: ['--cap', 'CAP_NOPE'],
    says: '--cap "CAP_NOPE" is not the name of a capability, like CAP_NET_ADMIN',
  },
  {
    name: 'a cgroup that leads up',
    flags: ['--cgroup', '../x'],
    says: `--cgroup "../x" leads out of the container's cgroup`,
  },
  {
    name: 'a cgroup that is missing',
    flags: ['--cgroup', 'nope'],
    says: /^cannot open the cgroup [^\n]*\/nope: open: no such file or directory\n$/,
  },
  {
    name: 'a console socket without a terminal',
    flags: ['--detach', '--console-socket', '/no/socket'],
    says: '--console-socket given, but there is no terminal: process.terminal is not true',
  },
  {
    name: 'a detached terminal without a socket',
    flags: ['--detach', '--tty'],
    says: /^[^\n]*needs --console-socket[^\n]*\n$/,
  },
  {
    name: 'a pid file that cannot be written',
    flags: ['--detach', '--pid-file', '/no/such/pid'],
    says: 'cannot write the pid file /no/such/pid: no such file or directory',
  },
  {
    name: 'an unknown option',
    flags: ['--detatch'],
    says: 'flag provided but not defined: --detatch (did you mean --detach?)',
    status: 1,
  },
  {
    name: 'a process file that is missing',
    flags: ['--process', '/no/such'],
    says: '/no/such does not exist',
  },
  {
    name: 'a process file that is not JSON',
    file: '{',
    says: 'FILE is not JSON: line 1, column 2: expected a key in double quotes, found the end of the document',
  },
  {
    name: 'a process without a working directory',
    file: { args: ['true'] },
    says: 'FILE: /cwd is missing; accepted: a text',
  },
  {
    name: 'a process whose working directory is missing',
    file: { args: ['true'], cwd: '/no/such' },
    says: /^cannot go to \/no\/such \(--process: \/cwd\): \w+: no such file or directory\n$/,
  },
  {
    name: 'an AppArmor profile where there is no AppArmor',
    flags: ['--apparmor', 'nope'],
    says: /^(--apparmor: AppArmor is not enabled on this host|cannot [^\n]* \(--apparmor\)[^\n]*)\n$/,
  },
  {
    name: 'a process whose program is missing',
    file: { args: ['/no/such'], cwd: '/' },
    says: 'exec: "/no/such": stat /no/such: no such file or directory',
  },
];

function fail(k: Kernel, id: string, row: Row) {
  const file = `${k.directory}/process.json`;
  const flags = [...(row.flags ?? [])];
  if (row.file !== undefined) {
    writeFileSync(file, typeof row.file === 'string' ? row.file : JSON.stringify(row.file));
    flags.push('--process', file);
  }
  const program = row.file === undefined ? (row.program ?? ['true']) : [];
  const outcome = k.exec(id, program, flags);
  const place = { bundle: file, id, directory: k.directory };
  return { ...outcome, stderr: plain(outcome.stderr, place).replaceAll('BUNDLE', 'FILE') };
}

kernelTest('a failing exec has status 255 and says why in one line', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  for (const row of rows) {
    t.test(row.name, async t => {
      expectFailure(t, fail(k, id, row), row.says, row.status ?? 255);
      t.strictSame(
        childrenOf(process.pid).filter(child => cgroupOf(child) === cgroupOf(pid)),
        [],
      );
    });
  }
  await t.test('the container goes on', async t => {
    t.match(k.state(id), { status: 'running', pid });
    k.remove(id);
  });
});

kernelTest('exec of a container that does not exist', async (t, k) => {
  expectFailure(t, k.runts(['exec', 'nope', 'true']), 'container does not exist', 255);
});
