/** Signals by name, as in signal(7) for x86 and arm64. */
import { failure } from './report.js';

const names =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU ' +
  'URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS';
const synonyms: { readonly [name: string]: number } = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 };

/** What glibc leaves to programs; the two below are its own. */
const realTimeFirst = 34;
const realTimeLast = 64;

export const SIGKILL = 9;

/** The number of a signal that is given as number or name, in any case, with or without SIG; throws a failure. */
export function parseSignal(given: string): number {
  const unknown = () => failure(`unknown signal ${JSON.stringify(given)}`);
  if (/^[0-9]+$/.test(given)) {
    const number = Number(given);
    if (number > realTimeLast) throw unknown();
    return number;
  }
  const name = given.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (realTime !== null) {
    const number = name.startsWith('RTMIN')
      ? realTimeFirst + Number(realTime[1] ?? 0)
      : realTimeLast - Number(realTime[2] ?? 0);
    if (number < realTimeFirst || number > realTimeLast) throw unknown();
    return number;
  }
  if (Object.hasOwn(synonyms, name)) return synonyms[name]!;
  const index = names.split(' ').indexOf(name);
  if (index < 0) throw unknown();
  return index + 1;
}

/** `SIGKILL` for 9. */
export const signalName = (number: number): string => {
  const name = names.split(' ')[number - 1];
  return name === undefined ? `signal ${number}` : `SIG${name}`;
};
