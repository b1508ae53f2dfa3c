/** Terminals: process.terminal with --console-socket, and in the foreground on the terminal of the caller. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { type Background, type Config, helper, type Kernel, kernelTest, until } from './harness.js';

interface Receiver {
  socket: string;
  child: ChildProcess;
  output: () => string;
  /** waits until the last slave of the terminal is closed */
  ended: () => Promise<unknown>;
}

/** Listens for a terminal; what it gets and what the terminal prints is in `output`. */
async function receiver(t: Test, k: Kernel): Promise<Receiver> {
  const socket = `${k.directory}/${k.id()}.sock`;
  const child = spawn(helper('console-socket'), [socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', data => {
    text += data;
  });
  let closed = false;
  child.on('close', () => {
    closed = true;
  });
  const ended = () => until(() => closed);
  t.teardown(() => child.kill());
  await until(() => existsSync(socket));
  return { socket, child, output: () => text, ended };
}

const onTerminal =
  (script: string, consoleSize?: { width: number; height: number }) =>
  (config: Config): void => {
    config.process.args = ['sh', '-c', script];
    config.process.terminal = true;
    if (consoleSize !== undefined) config.process.consoleSize = consoleSize;
  };

/** `run` on a terminal of our own. */
interface OnPty extends Background {
  /** `/dev/pts/N` of the caller's terminal */
  name: () => string;
  type: (text: string) => void;
}

function runOnPty(k: Kernel, args: string[]): OnPty {
  const file = `${k.directory}/${k.id()}.pty`;
  const background = k.start(args, { prefix: [helper('pty'), file, '91', '37'], interactive: true });
  return {
    ...background,
    name: () => readFileSync(file, 'utf8').trim(),
    type: text => void background.child.stdin!.write(text),
  };
}

const settings = (terminal: string): string =>
  execFileSync('stty', ['-a', '-F', terminal], { encoding: 'utf8' });

kernelTest('create sends the terminal to --console-socket: one message, one descriptor', async (t, k) => {
  const { socket, output, ended } = await receiver(t, k);
  const bundle = k.bundle(
    onTerminal('tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all', { width: 77, height: 33 }),
  );
  const id = k.id();
  k.ok(['create', '--console-socket', socket, '--bundle', bundle, id]);
  await until(() => output().includes('\n'));
  t.equal(output(), 'name=/dev/pts/ptmx descriptors=1 size=77x33 onlcr=1 more=0\n');
  k.ok(['start', id]);
  await ended();
  t.equal(output().replace(/^.*\n/, ''), '/dev/pts/0\r\n33 77\r\nall\r\n');
  k.ok(['delete', id]);
});

kernelTest('--console-socket may be relative to the directory of the caller', async (t, k) => {
  const { socket, ended } = await receiver(t, k);
  const id = k.id();
  k.ok([
    'run',
    '--detach',
    '--console-socket',
    `./${socket.slice(k.directory.length + 1)}`,
    '--bundle',
    k.bundle(onTerminal('true')),
    id,
  ]);
  await ended();
  await until(() => k.state(id).status === 'stopped');
  k.ok(['delete', id]);
});

kernelTest('the terminal is controlling, and its input arrives', async (t, k) => {
  const { socket, child, output, ended } = await receiver(t, k);
  const id = k.id();
  const bundle = k.bundle(
    onTerminal(
      'echo ready; read line </dev/tty; echo "got $line"; trap "exit 8" INT; echo trap; while :; do sleep 0.01; done',
    ),
  );
  k.ok(['run', '--detach', '--console-socket', socket, '--bundle', bundle, id]);
  await until(() => output().includes('ready'));
  child.stdin!.write('some words\n');
  await until(() => /got some words\r\ntrap/.test(output()));
  child.stdin!.write('\x03'); // SIGINT, for it is the controlling terminal
  await ended();
  await until(() => k.state(id).status === 'stopped');
  k.ok(['delete', id]);
});

kernelTest('/dev/console is the terminal', async (t, k) => {
  const { socket, output, ended } = await receiver(t, k);
  const id = k.id();
  const bundle = k.bundle(onTerminal('echo hello >/dev/console; stat -c %t:%T /dev/console /dev/pts/0'));
  k.ok(['run', '--detach', '--console-socket', socket, '--bundle', bundle, id]);
  await ended();
  t.match(output(), /\nhello\r\n88:0\r\n88:0\r\n/);
  k.remove(id);
});

kernelTest('the terminal belongs to the user', async (t, k) => {
  const { socket, output, ended } = await receiver(t, k);
  const id = k.id();
  const bundle = k.bundle(config => {
    onTerminal('stat -c %u:%g:%a /dev/pts/0')(config);
    config.process.user = { uid: 1000, gid: 1000 };
  });
  k.ok(['run', '--detach', '--console-socket', socket, '--bundle', bundle, id]);
  await ended();
  t.match(output(), /\n1000:5:620\r\n/);
  k.remove(id);
});

kernelTest('create with a terminal holds no standard stream of its caller', async (t, k) => {
  const { socket } = await receiver(t, k);
  const id = k.id();
  const bundle = k.bundle(onTerminal('sleep 1000'));
  const create = [
    ...k.host.argv,
    '--root',
    k.root,
    'create',
    '--console-socket',
    socket,
    '--bundle',
    bundle,
    id,
  ];
  // cat ends when the last writer of the pipe is gone
  t.equal(k.runts([], { prefix: ['sh', '-c', `${create.join(' ')} 2>&1 | timeout 20 cat`] }).status, 0);
  t.equal(k.state(id).status, 'created');
  k.remove(id);
});

kernelTest('a terminal and --console-socket go together', async (t, k) => {
  const terminal = k.bundle(onTerminal('true'));
  const none = k.bundle();
  const refused: [string[], RegExp][] = [
    [['create', '--bundle', terminal], /needs --console-socket/],
    [['run', '--detach', '--bundle', terminal], /needs --console-socket/],
    [['create', '--console-socket', 'x', '--bundle', none], /terminal is not true/],
    [['run', '--console-socket', 'x', '--bundle', terminal], /add --detach/],
    [
      ['create', '--console-socket', `${k.directory}/none`, '--bundle', terminal],
      /no such file or directory/,
    ],
    [['create', '--console-socket', '/etc/passwd', '--bundle', terminal], /connection refused/],
  ];
  for (const [args, stderr] of refused)
    t.match(k.runts([...args, k.id()]), { status: 1, stdout: '', stderr }, args.join(' '));
});

kernelTest('in the foreground the container is on the terminal of the caller', async (t, k) => {
  const bundle = k.bundle(onTerminal('tty; stty size; echo out; echo err >&2; exit 9'));
  const { done } = runOnPty(k, ['run', '--bundle', bundle, k.id()]);
  t.match(await done, { status: 9, stdout: '/dev/pts/0\r\n37 91\r\nout\r\nerr\r\n' });
});

kernelTest('meanwhile the terminal of the caller is raw, afterwards as before', async (t, k) => {
  const bundle = k.bundle(onTerminal('echo ready; read line; echo "got $line"'));
  const command = [...k.host.argv, '--root', k.root, 'run', '--bundle', bundle, k.id()].join(' ');
  // a shell around it keeps the terminal open
  const file = `${k.directory}/pty`;
  const { child, done, stdout } = k.start([], {
    prefix: [helper('pty'), file, '80', '24', 'sh', '-c', `stty -a; ${command}; stty -a; exit 3`],
    interactive: true,
  });
  await until(() => stdout().includes('ready'));
  const raw = settings(readFileSync(file, 'utf8').trim());
  for (const word of ['-icanon', '-echo', '-isig', '-opost', '-icrnl'])
    t.ok(raw.split(/\s+/).includes(word), word);
  child.stdin!.write('words\r');
  const { status, stdout: text } = await done;
  t.equal(status, 3);
  t.match(text, /ready\r\nwords\r\ngot words\r\n/, 'the echo is that of the inner terminal');
  const [before, after] = text.split(/ready[\s\S]*got words\r\n/);
  t.equal(after, before);
});

kernelTest('the container gets the new size when the window changes', async (t, k) => {
  const script = 'trap "stty size" WINCH; echo ready; while :; do sleep 0.01; done';
  const id = k.id();
  const { name, stdout, done } = runOnPty(k, ['run', '--bundle', k.bundle(onTerminal(script)), id]);
  await until(() => stdout().includes('ready'));
  execFileSync('stty', ['-F', name(), 'cols', '123', 'rows', '45']);
  await until(() => stdout().includes('45 123'));
  k.ok(['kill', id, 'KILL']);
  t.equal((await done).status, 137);
});

kernelTest('control characters reach the program, not runts', async (t, k) => {
  const script = 'trap "echo interrupted; exit 4" INT; echo ready; while :; do sleep 0.01; done';
  const { type, stdout, done } = runOnPty(k, ['run', '--bundle', k.bundle(onTerminal(script)), k.id()]);
  await until(() => stdout().includes('ready'));
  type('\x03');
  t.match(await done, { status: 4, stdout: /interrupted\r\n$/ });
});

kernelTest('large output arrives whole through a terminal', async (t, k) => {
  const script = 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done';
  const { done } = runOnPty(k, ['run', '--bundle', k.bundle(onTerminal(script)), k.id()]);
  const lines = (await done).stdout.split('\r\n');
  t.equal(lines.length, 20001);
  t.equal(lines.at(-2), 'line 19999');
});

kernelTest('a terminal without one of the caller: its standard streams are relayed', async (t, k) => {
  const outcome = k.run('tty; cat', onTerminal('tty; read line; echo "got $line"'), { stdin: 'words\n' });
  t.match(outcome, { status: 0, stdout: /\/dev\/pts\/0\r\n(words\r\n)?got words\r\n/ });
});

kernelTest('in the background runts waits, stopped, until it gets its terminal', async (t, k) => {
  const bundle = k.bundle(onTerminal('echo ran; exit 6'));
  const command = [...k.host.argv, '--root', k.root, 'run', '--bundle', bundle, k.id()].join(' ');
  const script = `set -m; ${command} & until [ "$(cut -d' ' -f3 /proc/$!/stat)" = T ]; do sleep 0.02; done; echo stopped; fg`;
  const { done } = k.start([], {
    prefix: [helper('pty'), `${k.directory}/pty`, '80', '24', 'sh', '-c', script],
  });
  t.match(await done, { status: 6, stdout: /stopped\r\n.*\r\nran\r\n/ });
});

kernelTest('the end of standard input is typed into the terminal', async (t, k) => {
  for (const stdin of ['', 'words\n', 'words'])
    t.match(
      k.run('', onTerminal('text=$(cat); echo "end of $text"'), { stdin, timeout: 20_000 }),
      { status: 0, stdout: new RegExp(`end of ${stdin.trim()}\r\n$`) },
      JSON.stringify(stdin),
    );
});

kernelTest('exec --tty gives the process a terminal of its own', async (t, k) => {
  const id = k.running();
  const { done } = runOnPty(k, ['exec', '--tty', id, 'sh', '-c', 'tty; stty size; exit 5']);
  t.match(await done, { status: 5, stdout: '/dev/pts/0\r\n37 91\r\n' });
  const { socket, output, ended } = await receiver(t, k);
  k.ok(['exec', '--tty', '--detach', '--console-socket', socket, id, 'tty']);
  await ended();
  t.match(output(), /^name=\S+ descriptors=1 size=0x0 onlcr=1 more=0\n\/dev\/pts\/0\r\n$/);
  k.remove(id);
});

/**
 * Whether runts sleeps in write(2) to its standard output, or in poll(2) for that alone: Node.js makes pipes non-blocking
 * (proc_pid_syscall(5)). Asking the pipe does not do: one in which a write waits for a free page may still take bytes into
 * its last page (pipe_write in fs/pipe.c).
 */
function waitsForReader(pid: number): boolean {
  const waiting = process.arch === 'x64' ? /^(1 0x1|7 0x\w+ 0x1) / : /^(64 0x1|73 0x\w+ 0x1) /; // poll is ppoll there
  return waiting.test(readFileSync(`/proc/${pid}/syscall`, 'utf8'));
}

kernelTest('signals reach the program while nobody reads its output', async (t, k) => {
  const fifo = `${k.directory}/output`;
  execFileSync('mkfifo', [fifo]);
  const script = 'trap "exit 5" TERM; page=$(printf %4000s); >/ready; while echo "$page"; do :; done & wait';
  const bundle = k.bundle(config => {
    onTerminal(script)(config);
    config.root.readonly = false;
  });
  const id = k.id();
  const { child, done } = k.start(['run', '--bundle', bundle, id], {
    prefix: ['sh', '-c', `exec "$@" 1<>${fifo}`, 'sh'],
  });
  await until(() => existsSync(`${bundle}/rootfs/ready`)); // before that it may sleep in poll(2) as well, for init
  await until(() => waitsForReader(child.pid!));
  child.kill('SIGTERM');
  await until(() => k.state(id).status === 'stopped');
  const reader = spawn('cat', [fifo], { stdio: 'ignore' });
  t.teardown(() => reader.kill());
  t.match(await done, { status: 5, stderr: '' });
});
