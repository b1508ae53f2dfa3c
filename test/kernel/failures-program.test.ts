/** Programs that cannot be executed; engines turn these messages into the exit statuses 126 and 127. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type Change, type Failing, failures } from './failures.js';

/** A row whose program is the file /bin/program with these contents. */
const contents = (text: string | Buffer, mode = 0o755): Change => {
  return (config, rootfs) => {
    config.process.args = ['/bin/program'];
    writeFileSync(`${rootfs}/bin/program`, text);
    chmodSync(`${rootfs}/bin/program`, mode);
  };
};
const args = (...words: string[]): Change => {
  return config => {
    config.process.args = words;
  };
};

/** Node.js is a dynamic executable, with a loader that the rootfs does not have. */
const loader = /\/[\w/.-]*ld-[\w.-]+/.exec(readFileSync(process.execPath).toString('latin1', 0, 4096))?.[0];

const atCreate: Failing[] = [
  {
    name: 'a program that is not in the container',
    change: args('/no/such'),
    says: 'exec: "/no/such": stat /no/such: no such file or directory',
  },
  {
    name: 'a program that is not in PATH',
    change: args('nosuch'),
    says: 'exec: "nosuch": executable file not found in $PATH',
  },
  {
    name: 'a program that is not executable',
    change: contents('#!/bin/sh\n', 0o644),
    says: 'exec: "/bin/program": permission denied',
  },
  {
    name: 'a program in PATH that is not executable',
    change: (config, rootfs) => {
      writeFileSync(`${rootfs}/bin/program`, '#!/bin/sh\n');
      config.process.args = ['program'];
    },
    says: 'exec: "program": executable file not found in $PATH',
  },
  {
    name: 'a program that the user may not execute',
    change: (config, rootfs) => {
      contents('#!/bin/sh\n', 0o700)(config, rootfs);
      config.process.user = { uid: 1000, gid: 1000 };
    },
    says: 'exec: "/bin/program": permission denied',
  },
  { name: 'a program that is a directory', change: args('/tmp'), says: 'exec: "/tmp": is a directory' },
  {
    name: 'a program below a file',
    change: args('/bin/busybox/x'),
    says: 'exec: "/bin/busybox/x": not a directory',
  },
  {
    name: 'a script whose interpreter is missing',
    change: contents('#!/usr/bin/python -x\n'),
    says: 'exec: the program is a script for "/usr/bin/python", which is not in the container: no such file or directory',
  },
  {
    name: 'a script with the line ends of Windows',
    change: contents('#!/bin/sh\r\necho\r\n'),
    says: 'exec: the program is a script for "/bin/sh\\r", which is not in the container: no such file or directory (its first line ends with a carriage return, as Windows writes it)',
  },
  {
    name: 'a program whose loader is missing',
    change: (config, rootfs) => {
      copyFileSync(process.execPath, `${rootfs}/bin/program`);
      config.process.args = ['/bin/program'];
    },
    says: `exec: the program needs the dynamic loader "${loader}", which is not in the container: no such file or directory (it may be built for another C library or another architecture)`,
  },
  {
    name: 'a working directory that is a file',
    change: config => {
      config.process.cwd = '/bin/busybox';
    },
    says: 'cannot go to /bin/busybox (/process/cwd in config.json): /bin/busybox in the container is not a directory',
  },
  {
    name: 'a working directory that leads out through a descriptor',
    change: config => {
      config.process.cwd = '/proc/self/fd/7';
    },
    says: /^cannot make the directory \/proc\/self\/fd\/7 when it is missing \(\/process\/cwd in config\.json\): openat2: [^\n]*$/m,
  },
];

/** What only execve(2) can tell. */
const atExec: Failing[] = [
  {
    name: 'a file that is no program, after the pid file has been written',
    change: contents('hello\n'),
    args: ({ bundle, id }) => ['run', '--bundle', bundle, '--pid-file', `${bundle}/pid`, id],
    says: 'exec /bin/program: exec format error (a script needs a first line like "#!/bin/sh"; a binary must be for this architecture)',
  },
  {
    name: 'an empty program',
    change: contents(''),
    args: ({ bundle, id }) => ['run', '--bundle', bundle, id],
    says: 'exec /bin/program: exec format error (a script needs a first line like "#!/bin/sh"; a binary must be for this architecture)',
  },
];

failures([...atCreate, ...atExec]);
