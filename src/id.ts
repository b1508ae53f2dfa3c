/** Container ids. They become names of files and cgroups, so what is allowed is narrow; the letters are runc's. */
import { failure } from './report.js';

/** NAME_MAX of Linux: an id is the name of a directory. */
const longest = 255;

/** Throws a failure unless id may name a container. */
export function checkId(id: string): void {
  if (id === '') throw failure('container id cannot be empty');
  if (id.length > longest && /^[\w+.-]+$/.test(id)) {
    throw failure(
      `invalid container ID format: ${id.length} characters, but a file name has at most ${longest}`,
    );
  }
  if (/^[\w+-][\w+.-]*$/.test(id)) return;
  const given = `invalid container ID format: ${JSON.stringify(id)}`;
  if (id[0] === '.') throw failure(`${given}: it must not begin with a dot`);
  throw failure(`${given}: only letters, digits and _ + - . are allowed`);
}
