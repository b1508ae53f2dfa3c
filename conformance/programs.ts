/** The validation programs of runtime-tools: how one is judged, where it runs, and which cannot be passed. */

/** They set limits, for which a machine with the controllers of cgroup v1 has no place, or need every capability or AppArmor. */
export const inGuest = (program: string): boolean =>
  /^(?:linux_cgroups_.*|delete_resources|delete_only_create_resources|process_capabilities|linux_process_apparmor_profile)$/.test(
    program,
  );

const version1 = 'it finds only cgroup v1 ("cgroupv2 is not supported yet")';

/** Why neither runts nor crun nor runc passes. */
const NOBODY: { readonly [program: string]: string } = {
  delete:
    'it wants `delete` without --force to refuse a created container, as runtime.md "Delete" does; runc and crun remove it, and ' +
    'containerd relies on that for a container that was never started',
  delete_only_create_resources: 'it opens the file tasks of cgroup v1',
  delete_resources: version1,
  misc_props: 'it forgets to put the program that its configuration runs, /runtimetest, into its bundle',
  pidfile:
    'it kills its program (`true`) whether or not that has ended, where runtime.md "Kill" demands an error for one that has: it passes by ' +
    'chance on a busy machine',
  process_capabilities_fail:
    'it wants an error for an unknown capability; config.md "Linux Process" demands a warning since runtime-spec 1.1',
  process_rlimits:
    'its runtimetest reads RLIMIT_NOFILE after the Go runtime in it has raised the soft limit to the hard one',
};

/** What crun passes by doing what the specification forbids. */
const AGAINST_THE_SPECIFICATION: { readonly [program: string]: string } = {
  linux_mount_label:
    'runtime.md "Create": what cannot be applied MUST be an error and make no container, so the label is refused where the kernel has ' +
    'no SELinux (runc: EINVAL from mount); crun leaves it out without a word, and the program looks at bind mounts only, of which it has none',
  start:
    'its last check is turned round (`err == nil` for "MUST generate an error if `process` was not set"): it wants the start to succeed ' +
    'and the container to stop, where runtime.md "Start" and "Errors" demand an error and that nothing changes; crun starts it',
};

/** What a program does whose outcome is chance on a busy machine, whatever the runtime does. */
const RACES: { readonly [program: string]: string } = {
  pidfile: 'it kills a program that is about to end',
  killsig: 'it sends each signal once the container runs, whether or not the shell in it has set its trap',
};

/** Why runts cannot pass this program; undefined: it has to. */
export const reasonToFail = (program: string): string | undefined =>
  NOBODY[program] ??
  AGAINST_THE_SPECIFICATION[program] ??
  (program.startsWith('linux_cgroups_') ? version1 : undefined);

export const isRace = (program: string): boolean => program in RACES;

/** How often to try a program until it passes. */
export const attempts = (program: string): number =>
  isRace(program) && reasonToFail(program) === undefined ? 5 : 1;

export interface Verdict {
  passed: boolean;
  /** what failed, one line each */
  why: string[];
}

/** A program passes when it ends with status 0 and none of its assertions failed. */
export function judge(status: number | null, output: string, errors: string): Verdict {
  const failed = output.split('\n').filter(line => /^not ok/.test(line) && !/# (?:SKIP|TODO)/i.test(line));
  const why = status === 0 ? failed : [...failed, `status ${status}`, ...errors.trim().split('\n').slice(-3)];
  return { passed: why.length === 0, why };
}
