/** config.md "Process", terminal: a pseudo-terminal of the container's own devpts, and who gets its other end. */
import type { Process } from '../spec.js';
import type { Facts } from './facts.js';
import { SLOT, type Step, step } from './step.js';

/** A socket to send the terminal to, or we relay it ourselves, or there is none. */
export type Terminal = { socket: string } | 'relay' | null;

/** Early, so that a socket that is not there costs nothing. */
export function connectConsole(process: Process | undefined, terminal: Terminal): Step[] {
  if (!process?.terminal || terminal === null || terminal === 'relay') return [];
  return [step('connect', 'host', '', { slot: SLOT.console, path: terminal.socket })];
}

/** struct winsize has 16 bits for each side; what is more is as wide as can be. */
const winsize = (size: number | bigint): number => (size > 0xffff ? 0xffff : Number(size));

/** `bind`: also on /dev/console, for a container's first process. */
export function consoleSteps(
  process: Process | undefined,
  facts: Facts,
  terminal: Terminal,
  bind: boolean,
): Step[] {
  if (!process?.terminal || terminal === null) return [];
  const [columns, rows] = terminal === 'relay' ? facts.terminalSize : [0, 0];
  const from = '/process/terminal';
  const steps = [
    step('console', 'init', from, {
      master: SLOT.master,
      slave: SLOT.slave,
      width: winsize(process.consoleSize?.width || columns),
      height: winsize(process.consoleSize?.height || rows),
      uid: process.user?.uid ?? 0,
      bind: bind ? 1 : 0,
    }),
    step('set_terminal', 'init', from, { slave: SLOT.slave }),
  ];
  if (terminal !== 'relay') {
    const sent = { connection: SLOT.console, slot: SLOT.master, text: '/dev/pts/ptmx' };
    steps.push(step('send_descriptor', 'host', from, sent));
  }
  return steps;
}

/** `--pidfd-socket`: a pidfd of the process, by the same protocol. */
export function sendPidfd(path: string | null): Step[] {
  if (path === null) return [];
  return [
    step('connect', 'host', '', { slot: SLOT.pidfdSocket, path }),
    step('send_descriptor', 'host', '', { connection: SLOT.pidfdSocket, slot: SLOT.pidfd, text: 'pidfd' }),
  ];
}
