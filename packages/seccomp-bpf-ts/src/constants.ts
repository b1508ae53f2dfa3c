import type { TableName } from './tables.js';

/** Byte order of the machine a filter runs on. */
export type Endian = 'little' | 'big';

/** What the compiler has to know of an architecture. */
export interface Architecture {
  /** The column of the system call tables. */
  readonly table: TableName;
  /** AUDIT_ARCH_*: what the kernel puts into seccomp_data.arch (linux/audit.h). x32 has that of x86_64. */
  readonly audit: number;
  /** Number of the first system call (MIPS ABIs, x32). */
  readonly base: number;
  /** Width of a register: of the arguments only so many bits are compared. */
  readonly bits: 32 | 64;
  readonly endian: Endian;
}

const EM_64BIT = 0x80000000;
const EM_LE = 0x40000000;
const MIPS_N32 = 0x20000000;

/** Bit that tells a call of the x32 ABI from one of x86_64: both have the same AUDIT_ARCH (asm/unistd.h). */
export const X32_SYSCALL_BIT = 0x40000000;

/** First of ARM's private system calls (asm/unistd.h, __ARM_NR_BASE). */
export const ARM_PRIVATE_BASE = 0xf0000;

function little(table: TableName, bits: 32 | 64, audit: number, base = 0): Architecture {
  return { table, audit, base, bits, endian: 'little' };
}

function big(table: TableName, bits: 32 | 64, audit: number, base = 0): Architecture {
  return { table, audit, base, bits, endian: 'big' };
}

/** The architectures by their names in an OCI profile. */
export const architectures: Readonly<Record<string, Architecture>> = {
  SCMP_ARCH_X86: little('x86', 32, 3 + EM_LE),
  SCMP_ARCH_X86_64: little('x86_64', 64, 62 + EM_64BIT + EM_LE),
  SCMP_ARCH_X32: little('x32', 32, 62 + EM_64BIT + EM_LE, X32_SYSCALL_BIT),
  SCMP_ARCH_ARM: little('arm', 32, 40 + EM_LE),
  SCMP_ARCH_AARCH64: little('aarch64', 64, 183 + EM_64BIT + EM_LE),
  SCMP_ARCH_LOONGARCH64: little('loongarch64', 64, 258 + EM_64BIT + EM_LE),
  SCMP_ARCH_M68K: big('m68k', 32, 4),
  SCMP_ARCH_MIPS: big('mips', 32, 8, 4000),
  SCMP_ARCH_MIPS64: big('mips64', 64, 8 + EM_64BIT, 5000),
  SCMP_ARCH_MIPS64N32: big('mips64n32', 32, 8 + EM_64BIT + MIPS_N32, 6000),
  SCMP_ARCH_MIPSEL: little('mips', 32, 8 + EM_LE, 4000),
  SCMP_ARCH_MIPSEL64: little('mips64', 64, 8 + EM_64BIT + EM_LE, 5000),
  SCMP_ARCH_MIPSEL64N32: little('mips64n32', 32, 8 + EM_64BIT + EM_LE + MIPS_N32, 6000),
  SCMP_ARCH_PPC: big('ppc', 32, 20),
  SCMP_ARCH_PPC64: big('ppc64', 64, 21 + EM_64BIT),
  SCMP_ARCH_PPC64LE: little('ppc64', 64, 21 + EM_64BIT + EM_LE),
  SCMP_ARCH_S390: big('s390', 32, 22),
  SCMP_ARCH_S390X: big('s390x', 64, 22 + EM_64BIT),
  SCMP_ARCH_SH: little('sh', 32, 42 + EM_LE),
  SCMP_ARCH_SHEB: big('sh', 32, 42),
  SCMP_ARCH_PARISC: big('parisc', 32, 15),
  SCMP_ARCH_PARISC64: big('parisc64', 64, 15 + EM_64BIT),
  SCMP_ARCH_RISCV64: little('riscv64', 64, 243 + EM_64BIT + EM_LE),
};

/** Upper half of a filter's return value for each action; the lower half is the errno (linux/seccomp.h). */
export const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

/** SECCOMP_FILTER_FLAG_* (linux/seccomp.h) that a profile may ask for, by name. */
export const flags: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1 << 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 1 << 5,
};

/** Set by the compiler, not by profiles: the call returns the descriptor of the listener. */
export const FLAG_NEW_LISTENER = 1 << 3;

/** Without it the kernel refuses TSYNC together with NEW_LISTENER, since both want the return value. */
export const FLAG_TSYNC_ESRCH = 1 << 4;

/** The comparisons of an argument. The order of the values has no meaning. */
export const Op = { NE: 1, LT: 2, LE: 3, EQ: 4, GE: 5, GT: 6, MASKED_EQ: 7 } as const;

/** The comparison operators by their names in a profile. */
export const operators: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: Op.NE,
  SCMP_CMP_LT: Op.LT,
  SCMP_CMP_LE: Op.LE,
  SCMP_CMP_EQ: Op.EQ,
  SCMP_CMP_GE: Op.GE,
  SCMP_CMP_GT: Op.GT,
  SCMP_CMP_MASKED_EQ: Op.MASKED_EQ,
};

/** Number of arguments of a system call. */
export const ARGUMENTS = 6;

/** ENOSYS; the same number on all architectures but MIPS (89) and PA-RISC (251): asm/errno.h. */
export function enosysOf(architecture: Architecture): number {
  if (architecture.table.startsWith('mips')) return 89;
  return architecture.table.startsWith('parisc') ? 251 : 38;
}
