/** `runts spec [--bundle DIR] [--rootless]`. */
import { isSet, textOf } from './args.js';
import type { CommandFunction } from './commands.js';
import { native } from './host.js';
import { failure, isErrno, reason } from './report.js';
import { rootlessTemplate, specTemplate } from './spec-template.js';

export const spec: CommandFunction = (_context, options) => {
  const bundle = textOf(options, 'bundle') ?? '.';
  const file = bundle === '.' ? 'config.json' : `${bundle}/config.json`;
  const [, , uid, , gid] = native.identity();
  const template = isSet(options, 'rootless') ? rootlessTemplate(uid, gid) : specTemplate();
  try {
    native.createFile(file, `${JSON.stringify(template, null, '\t')}\n`, 0o644);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) throw failure(`${file} exists already`, { hint: 'remove it first' });
    throw failure(`cannot write ${file}: ${reason(error)}`);
  }
  return 0;
};
