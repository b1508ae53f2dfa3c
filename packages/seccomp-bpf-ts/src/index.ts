export { MAX_INSTRUCTIONS } from './assembler.js';
export { type Compiled, compile } from './compile.js';
export { type Architecture, actions, architectures, type Endian, flags, operators } from './constants.js';
export { interpret, type SyscallData } from './interpret.js';
export {
  type Integer,
  type SeccompArg,
  SeccompError,
  type SeccompProfile,
  type SeccompSyscall,
} from './profile.js';
export { syscallNames, syscallNumber } from './syscalls.js';
export { KERNEL_VERSION } from './tables.js';
