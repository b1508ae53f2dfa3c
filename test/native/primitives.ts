/**
 * The `cli` part of the executable `runts-test` and of its Node.js twin: calls every primitive of src/native.ts in the
 * directory given and prints one line for each. The two outputs must be the same (parity.test.ts).
 */
import { argv, load, native } from '../../src/host.js';
import type { NativeError } from '../../src/native.js';

const lines: string[] = [];
const [scratch = '.'] = argv;
const at = (name: string): string => `${scratch}/${name}`;

function show(value: unknown): string {
  if (value === undefined) return 'undefined';
  return JSON.stringify(value, (_key, item) => {
    if (typeof item === 'bigint') return `${item}n`;
    if (item instanceof Uint8Array) return { bytes: Array.from(item) };
    return item;
  });
}

function line(name: string, action: () => unknown): void {
  let text: string;
  try {
    text = show(action());
  } catch (thrown) {
    const error = thrown as NativeError;
    const fields = [
      error.code,
      error.errno,
      error.syscall,
      error.path,
      error.message,
      Object.keys(error).sort(),
    ];
    text = `${error instanceof Error ? 'throws' : 'throws no Error'} ${show(fields)} stack ${typeof error.stack}`;
  }
  lines.push(`${name}: ${text.replaceAll(scratch, '<scratch>')}`);
}

/** Calls with arguments that the types forbid. */
// biome-ignore lint/suspicious/noExplicitAny: that is the point
const loose = native as any;

function texts(): void {
  line('createFile', () => native.createFile(at('text'), 'żółw 🐢\n', 0o666));
  line('createFile mode', () => native.stat(at('text'))?.mode.toString(8));
  line('createFile again', () => native.createFile(at('text'), '', 0o600));
  line('createFile read-only', () => native.createFile(at('locked'), new Uint8Array([1, 0, 255]), 0o400));
  line('createFile nowhere', () => native.createFile(at('none/text'), '', 0o600));
  line('readText', () => native.readText(at('text')));
  line('readText absent', () => native.readText(at('żadne')));
  line('readText directory', () => native.readText(scratch));
  line('readText procfs', () => native.readText('/proc/self/stat').length > 50);
  line('readText empty', () => native.readText('/dev/null'));
  line('readBytes', () => native.readBytes(at('locked')));
  line('readBytes empty', () => native.readBytes('/dev/null'));
  line('readBytes kind', () => native.readBytes(at('text')) instanceof Uint8Array);
  for (const [name, bytes] of Object.entries(notUtf8)) {
    line(`readText ${name}`, () => {
      native.replaceFile(at('bad'), new Uint8Array(bytes), 0o600);
      return native.readText(at('bad'));
    });
  }
  for (const text of [
    '\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff',
    '\u{10000}\u{10ffff}',
    'a\0b',
    '\ufeffbom',
    '12345678é12345678',
  ]) {
    line('text there and back', () => {
      native.replaceFile(at('good'), text, 0o600);
      return [native.readText(at('good')) === text, native.readBytes(at('good')).length];
    });
  }
  line('lone surrogates', () => {
    native.replaceFile(at('good'), 'a\ud800b\udc00', 0o600);
    return native.readText(at('good'));
  });
}

const notUtf8: Record<string, number[]> = {
  'lone continuation': [0x80],
  'overlong 2': [0xc1, 0xbf],
  'overlong 3': [0xe0, 0x9f, 0xbf],
  'overlong 4': [0xf0, 0x8f, 0xbf, 0xbf],
  surrogate: [0xed, 0xa0, 0x80],
  'above the last': [0xf4, 0x90, 0x80, 0x80],
  'cut off': [0x61, 0xe2, 0x82],
  'behind ASCII': [...Array(16).fill(0x61), 0xff],
};

function files(): void {
  line('replaceFile', () => {
    native.replaceFile(at('text'), 'other', 0o640);
    return [native.readText(at('text')), native.stat(at('text'))?.mode.toString(8)];
  });
  line('replaceFile directory', () => {
    native.mkdir(at('full'), 0o700);
    native.createFile(at('full/x'), '', 0o600);
    native.replaceFile(at('full'), 'x', 0o600);
  });
  line('replaceFile leaves nothing', () => native.list(scratch));
  line('writeFile', () => {
    native.writeFile(at('text'), 'OT');
    return native.readText(at('text'));
  });
  line('writeFile absent', () => native.writeFile(at('none'), 'x'));
  line('writeFile full device', () => native.writeFile('/dev/full', 'x'));
  line('openAppend', () => {
    for (const text of ['one\n', 'two\n']) {
      const fd = native.openAppend(at('log'), 0o600);
      native.write(fd, text);
      native.close(fd);
    }
    return native.readText(at('log'));
  });
  line('openAppend directory', () => native.openAppend(at('full'), 0o600));
  line('mkdir', () => native.mkdir(at('dir'), 0o711));
  line('mkdir again', () => native.mkdir(at('dir'), 0o711));
  line('chmod', () => {
    native.chmod(at('dir'), 0o1755);
    const { kind, mode } = native.lstat(at('dir'))!;
    return [kind, mode.toString(8)];
  });
  line('list', () => {
    for (const name of ['b', 'a', 'Z', 'ą', '.hidden']) native.createFile(at(`dir/${name}`), '', 0o600);
    return native.list(at('dir'));
  });
  line('list absent', () => native.list(at('none')));
  line('list file', () => native.list(at('text')));
  line('rmdir not empty', () => native.rmdir(at('dir')));
  line('unlink', () => native.unlink(at('dir/a')));
  line('unlink absent', () => native.unlink(at('dir/a')));
  line('removeTree', () => native.removeTree(at('dir')));
  line('removeTree absent', () => native.removeTree(at('dir/deeper')));
  line('removeTree file', () => native.removeTree(at('text')));
  line('removeTree dot', () => native.removeTree('.'));
  line('removeTree empty', () => native.removeTree(''));
}

function facts(): void {
  line('stat absent', () => [
    native.stat(at('none')),
    native.stat(at('text/below')),
    native.lstat(at('none')),
  ]);
  line('stat', () => {
    const { kind, size, uid, gid } = native.stat(at('text'))!;
    return [kind, size, uid, gid, Object.keys(native.stat(scratch)!)];
  });
  line('stat device', () => {
    const { kind, major, minor } = native.stat('/dev/null')!;
    return [kind, major, minor];
  });
  line('access', () => [
    native.access(at('text'), 4),
    native.access(at('text'), 1),
    native.access(at('none'), 0),
  ]);
  line('realPath', () => native.realPath(at('./../') + scratch.slice(scratch.lastIndexOf('/') + 1)));
  line('realPath absent', () => native.realPath(at('none')));
  line('readLink', () => native.readLink('/proc/self/fd/0').length > 0);
  line('readLink none', () => native.readLink(at('text')));
  line('cwd', () => native.cwd());
  line('fsType', () => native.fsType('/proc').toString(16));
  line('mountFlags', () => native.mountFlags('/proc'));
  line('fsType absent', () => native.fsType(at('none')));
}

function descriptors(): void {
  line('open absent', () => native.open(at('none'), false));
  line('open, readAll, close', () => {
    const fd = native.open(at('text'), false);
    const text = native.readAll(fd);
    native.close(fd);
    return text;
  });
  line('path only', () => {
    const fd = native.open(at('text'), true);
    try {
      return native.readAll(fd).length;
    } catch (error) {
      return (error as NativeError).code;
    } finally {
      native.close(fd);
    }
  });
  line('close twice', () => native.close(1000));
  line('write closed', () => native.write(1000, 'x'));
  line('lock', () => {
    const first = native.lock(at('text'), false);
    const second = native.lock(at('text'), false);
    native.close(first);
    const third = native.lock(at('text'), true);
    native.close(third);
    return [first >= 0, second, third >= 0];
  });
  line('lock absent', () => native.lock(at('none'), false));
  line('openAtStart', () => [0, 1, 2, 7, 8, 500, -1, 1024].map(fd => native.openAtStart(fd)));
  line('openAtStart ours', () => {
    const fd = native.open(at('text'), false);
    const answer = native.openAtStart(fd);
    native.close(fd);
    return answer;
  });
  line('isTty', () => [native.isTty(7), native.isTty(1000)]);
}

function thisProcess(): void {
  line('env', () => [native.env('RUNTS_TEST'), native.env('RUNTS_NONE'), native.env('RUNTS_EMPTY')]);
  line('env not UTF-8', () => native.env('RUNTS_BAD'));
  line('identity', () => native.identity().slice(1));
  line('capabilities', () => native.capabilities());
  // lengths around the blocks of 128 bytes
  for (const length of [0, 1, 127, 128, 129, 256, 1000]) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
    line(`digest ${length}`, () => native.digest(text));
  }
  line('rename', () => {
    native.createFile(at('from'), 'new', 0o600);
    native.createFile(at('to'), 'old', 0o600);
    native.rename(at('from'), at('to'));
    return [native.readText(at('to')), native.stat(at('from'))];
  });
  line('rename nothing', () => native.rename(at('from'), at('to')));
  line('uname', () => native.uname());
  line('clock', () => {
    const [seconds, nanoseconds] = native.clock();
    return [seconds > 1.6e9, nanoseconds >= 0 && nanoseconds < 1e9];
  });
  line('sleep', () => {
    const [before, fraction] = native.clock();
    native.sleep(20);
    const [after, rest] = native.clock();
    const waited = (after - before) * 1000 + (rest - fraction) / 1e6;
    return waited >= 19.9 && waited < 2000;
  });
}

function otherProcesses(): void {
  const me = native.identity()[0];
  line('processState', () => {
    const [letter, start] = native.processState(me)!;
    return [letter, start > 0, start === native.processState(me)![1]];
  });
  line('processState none', () => native.processState(2 ** 22 + 1));
  line('signal', () => native.signal(me, native.processState(me)![1], 0));
  line('signal another start', () => native.signal(me, native.processState(me)![1] + 1, 9));
  line('signal none', () => native.signal(2 ** 22 + 1, 5, 9));
  line('waitExit', () => native.waitExit(me, native.processState(me)![1], 1));
  line('waitExit gone', () => native.waitExit(me, 1, 1000));
  line('cgroupProcesses none', () => native.cgroupProcesses(at('none')));
  line('removeCgroupsBelow none', () => native.removeCgroupsBelow(at('none')));
  line('waitCgroup none', () => native.waitCgroup(at('none'), 'populated 0', 1000));
  line('detachMount none', () => native.detachMount(scratch));
  line('run', () => native.run(['sh', '-c', 'echo out; echo "$0" >&2; cat; exit 3', 'żółw']));
  line('run signals', () => native.run(['sh', '-c', 'kill -PIPE $$; echo alive']));
  line('run much', () => {
    const { stdout, stderr } = native.run([
      'sh',
      '-c',
      'head -c 200000 /dev/zero | tr "\\0" e >&2; head -c 300000 /dev/zero | tr "\\0" o',
    ]);
    return [stdout.length, stderr.length];
  });
  line('run descriptors', () => native.run(['sh', '-c', 'ls /proc/self/fd | wc -l']).stdout.trim());
  line('run absent', () => native.run(['runts-no-such-program']));
  line('run not executable', () => native.run([at('text')]));
  line('run not UTF-8', () => native.run(['printf', '\\377']));
  line('run nothing', () => native.run([]));
}

function misuse(): void {
  line('no arguments', () => loose.readText());
  line('number as path', () => loose.readText(1));
  line('NUL in path', () => native.readText('a\0b'));
  line('mode out of range', () => native.createFile(at('mode'), '', 0o10000));
  line('fraction as mode', () => native.mkdir(at('mode'), 1.5));
  line('NaN as descriptor', () => native.close(Number.NaN));
  line('text as descriptor', () => loose.close('3'));
  line('array as data', () => loose.writeFile(at('text'), [1]));
  line('other typed array as data', () => loose.writeFile(at('text'), new Uint16Array(1)));
  line('number as boolean', () => loose.open(at('text'), 1));
  line('pid 0', () => native.processState(0));
  line('signal 65', () => native.signal(1, 1, 65));
  line('no array', () => loose.run('sh'));
  line('array with a number', () => loose.run(['sh', 1]));
  line('array with a NUL', () => native.run(['sh\0']));
  line('array with a getter that throws', () => {
    const words = ['sh'];
    Object.defineProperty(words, 0, {
      get() {
        throw new RangeError('getter');
      },
    });
    return native.run(words);
  });
  line('part of a buffer', () => {
    native.replaceFile(at('part'), new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4), 0o600);
    return native.readBytes(at('part'));
  });
  line('rope', () => {
    let text = '';
    for (let i = 0; i < 3000; i++) text += `ą${i}`;
    native.replaceFile(at('rope'), text, 0o600);
    return native.readText(at('rope')) === text;
  });
  line('detached from the object', () => {
    const { cwd } = native;
    return cwd() === native.cwd();
  });
  line('names', () => [native.readText.name, native.readText.length, Object.keys(native)]);
}

function parts(): void {
  line('load', () => {
    const first = load<{ count(): number; argv: readonly string[] }>('create');
    first.count();
    return [load('create') === first, first.count(), first.argv === argv];
  });
  line('load twice after a failure', () =>
    [1, 2].map(() => {
      try {
        return load('cold');
      } catch (error) {
        return (error as Error).message;
      }
    }),
  );
}

export function main(): number {
  if (argv[1] === 'throw') throw new TypeError('thrown on purpose');
  if (argv[1] === 'recurse') return deep(0);
  if (argv[1] === 'nothing') return 0;
  if (argv[1] === 'status') return Number(argv[2]);
  if (argv[1] === 'echo') {
    native.write(1, `${JSON.stringify(argv)}\n`);
    return 0;
  }
  for (const group of [texts, files, facts, descriptors, thisProcess, otherProcesses, misuse, parts]) group();
  native.write(1, `${lines.join('\n')}\n`);
  return 0;
}

/** Endless recursion through both languages must end in an exception. */
function deep(level: number): number {
  try {
    return JSON.parse('[1]', () => deep(level + 1)) as number;
  } catch (error) {
    if (level > 0) throw error;
    native.write(1, `${error instanceof Error}\n`);
    return 0;
  }
}
