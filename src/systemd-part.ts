/** The `systemd` bundle: D-Bus, for containers made with --systemd-cgroup. */
export { startScope, stopUnit } from './systemd.js';
