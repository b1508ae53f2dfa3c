/** The `seccomp` bundle: the compiler and its tables, for containers that have a profile. */
export { compile } from 'seccomp-bpf-ts';
