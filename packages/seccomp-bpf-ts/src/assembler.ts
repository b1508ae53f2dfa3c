import { SeccompError } from './profile.js';

/** BPF_MAXINSNS (linux/bpf_common.h): the kernel refuses longer programs. */
export const MAX_INSTRUCTIONS = 4096;

// Instruction codes (linux/filter.h, linux/bpf_common.h).
const BPF_LD_W_ABS = 0x20;
const BPF_ALU_AND_K = 0x54;
const BPF_JMP_JA = 0x05;
export const BPF_JEQ = 0x15;
export const BPF_JGT = 0x25;
export const BPF_JGE = 0x35;
export const BPF_JSET = 0x45;
const BPF_RET_K = 0x06;

/**
 * A conditional jump reaches 255 instructions. One less for each branch, as making one branch reachable may
 * put an instruction in between for the other.
 */
const REACH = 254;

/**
 * Something to jump to: an instruction, by its distance from the end of the program, or, when negative, a verdict. A
 * plain number, as a filter has hundreds of them.
 */
export type Target = number;

/** Writes a program from its last instruction to its first. */
export interface Assembler {
  /** The target that returns this value. It is the same one for the same value. */
  verdict(value: number): Target;
  /** A target for code that is jumped to from many places, which then share the jumps in between. */
  shared(code: Target): Target;
  /**
   * A load of the 32-bit word at this offset of struct seccomp_data; falls through to what was emitted last.
   */
  load(offset: number): Target;
  /** A mask on the loaded word; falls through to what was emitted last. */
  and(mask: number): Target;
  /** A comparison (BPF_JEQ ...) of the loaded word with a constant. */
  jump(code: number, operand: number, yes: Target, no: Target): Target;
  /** The program, whose first instruction is the one emitted last, in the given byte order. */
  finish(littleEndian: boolean): Uint8Array;
}

/** In place of a verdict's value: it is code, not a return. */
const CODE = -1;

/**
 * Programs are written backwards because BPF only jumps forwards: every target is known when a jump is written, so
 * there is nothing to fix up, and where a target is out of reach of the 8-bit offset a copy of it (a return) or an
 * unconditional jump, whose offset has 32 bits, is put within reach.
 */
export function assembler(): Assembler {
  // Two words an instruction, filled from the end: no object per instruction.
  const words = new Uint32Array(2 * MAX_INSTRUCTIONS);
  let count = 0;
  // Verdicts: what they return, and where the nearest copy is.
  const values: number[] = [];
  const copies: number[] = [];

  function push(code: number, operand: number): Target {
    if (count === MAX_INSTRUCTIONS) {
      throw new SeccompError(
        '/syscalls',
        `the rules need more than the ${MAX_INSTRUCTIONS} instructions the kernel allows in a filter`,
      );
    }
    const i = 2 * (MAX_INSTRUCTIONS - 1 - count);
    words[i] = code;
    words[i + 1] = operand;
    return count++;
  }

  /** Where to jump to for a target, now that the next instruction is to do so. */
  function near(target: Target): number {
    if (target >= 0) return count - target <= REACH ? target : push(BPF_JMP_JA, count - target - 1);
    const index = -1 - target;
    const copy = copies[index]!;
    if (copy >= 0 && count - copy <= REACH) return copy;
    const value = values[index]!;
    const made = value === CODE ? push(BPF_JMP_JA, count - copy - 1) : push(BPF_RET_K, value);
    copies[index] = made;
    return made;
  }

  return {
    verdict(value) {
      const found = values.indexOf(value);
      if (found >= 0) return -1 - found;
      copies.push(-1);
      return -values.push(value);
    },
    shared(code) {
      copies.push(code);
      return -values.push(CODE);
    },
    load: offset => push(BPF_LD_W_ABS, offset),
    and: mask => push(BPF_ALU_AND_K, mask),
    jump(code, operand, yes, no) {
      const otherwise = near(no);
      const then = near(yes);
      return push(code | ((count - then - 1) << 16) | ((count - otherwise - 1) << 24), operand);
    },
    finish: littleEndian => encode(words.subarray(2 * (MAX_INSTRUCTIONS - count)), littleEndian),
  };
}

/** struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. */
function encode(words: Uint32Array, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const host = new Uint8Array(new Uint32Array([1]).buffer);
  if (littleEndian && host[0] === 1) {
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, bytes.length));
    return bytes;
  }
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i]!;
    view.setUint16(i * 4, word & 0xffff, littleEndian);
    bytes[i * 4 + 2] = word >> 16;
    bytes[i * 4 + 3] = word >> 24;
    view.setUint32(i * 4 + 4, words[i + 1]!, littleEndian);
  }
  return bytes;
}
