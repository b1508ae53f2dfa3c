import type { Endian } from './constants.js';

/** What the kernel passes to a filter: struct seccomp_data (linux/seccomp.h). */
export interface SyscallData {
  /** The system call number, as unsigned 32 bits. */
  nr: number;
  /** AUDIT_ARCH_*. */
  arch: number;
  /** The instruction pointer; 0 when it does not matter. */
  ip?: bigint;
  /** The six arguments as unsigned 64 bits; missing ones are 0. */
  args: readonly bigint[];
}

/**
 * A program as pairs of words: code, jt << 16, jf << 24; and k. Throws RangeError for half an instruction.
 */
export function decodeProgram(program: Uint8Array, endian: Endian): Uint32Array {
  const little = endian === 'little';
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const words = new Uint32Array(program.byteLength / 4);
  for (let i = 0; i < words.length; i += 2) {
    const jumps = (view.getUint8(i * 4 + 2) << 16) | (view.getUint8(i * 4 + 3) << 24);
    words[i] = view.getUint16(i * 4, little) | jumps;
    words[i + 1] = view.getUint32(i * 4 + 4, little);
  }
  return words;
}

/** struct seccomp_data as the 16 words a filter can load. */
function encodeData(data: SyscallData, endian: Endian): Uint32Array {
  const words = new Uint32Array(16);
  const low = endian === 'little' ? 0 : 1;
  words[0] = data.nr;
  words[1] = data.arch;
  for (let i = 0; i < 7; i++) {
    const value = (i === 0 ? data.ip : data.args[i - 1]) ?? 0n;
    words[2 + 2 * i + low] = Number(value & 0xffffffffn);
    words[3 + 2 * i - low] = Number((value >> 32n) & 0xffffffffn);
  }
  return words;
}

/** Runs a decoded program on encoded data: see interpret(). */
export function run(program: Uint32Array, data: Uint32Array): number {
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 2) {
    const word = program[at]!;
    const operand = program[at + 1]!;
    const yes = 2 * ((word >>> 16) & 0xff);
    const no = 2 * (word >>> 24);
    switch (word & 0xffff) {
      case 0x06:
        return operand;
      case 0x20:
        if (operand % 4 !== 0 || operand >= 64) throw new RangeError(`a load from offset ${operand}`);
        accumulator = data[operand / 4]!;
        break;
      case 0x54:
        accumulator = (accumulator & operand) >>> 0;
        break;
      case 0x05:
        at += 2 * operand;
        break;
      case 0x15:
        at += accumulator === operand ? yes : no;
        break;
      case 0x25:
        at += accumulator > operand ? yes : no;
        break;
      case 0x35:
        at += accumulator >= operand ? yes : no;
        break;
      case 0x45:
        at += (accumulator & operand) !== 0 ? yes : no;
        break;
      default:
        throw new RangeError(`an instruction with the code ${word & 0xffff}`);
    }
  }
  throw new RangeError('the program runs past its end');
}

/**
 * Runs a filter on one system call and returns its verdict: SECCOMP_RET_* with the errno in the low 16 bits. It knows
 * the instructions that this package and libseccomp generate (loads, AND, jumps, return of a constant). Throws
 * RangeError for others, and for what the kernel would refuse: a run past the end, a load from outside of struct
 * seccomp_data.
 */
export function interpret(program: Uint8Array, data: SyscallData, endian: Endian = 'little'): number {
  return run(decodeProgram(program, endian), encodeData(data, endian));
}
