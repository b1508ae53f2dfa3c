import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { JsonError, parseJson } from '../../src/json.js';
import { compileSchemas } from './fixtures/compiled-schemas.js';

compileSchemas();
const { checkProcess, checkSpec } = await import('../../src/validate/quick.js');
const { validateProcess, validateSpec } = await import('../../src/validate/full.js');

const callers = new URL('../../../shared/caller-configs/', import.meta.url);
const official = new URL('../../../shared/oci-runtime-spec/test/config/', import.meta.url);

function texts(directory: URL): [name: string, text: string][] {
  return readdirSync(directory).map(name => [name, readFileSync(new URL(name, directory), 'utf8')]);
}

const noCallers = existsSync(callers) ? false : "the engines' configs are not at ../shared/caller-configs";
t.test('what engines write is clean, warnings included', { skip: noCallers }, async t => {
  const files = texts(callers);
  t.ok(files.length >= 40, `${files.length} files`);
  for (const [name, text] of files) {
    const isProcess = name.startsWith('process-');
    const document = parseJson(text);
    const issues = isProcess ? validateProcess(document) : validateSpec(document);
    t.strictSame(issues, [], name);
    t.ok(isProcess ? checkProcess(document, text) : checkSpec(document, text), `quick: ${name}`);
    t.ok(isProcess ? checkProcess(document) : checkSpec(document), `quick, without its text: ${name}`);
  }
});

/** Errors that the rules find in files that the official schemas call good, and why they are right. */
const GOOD_BUT: { [name: string]: string[] } = {
  // written for other platforms, which have no UTS namespace
  'freebsd-example.json': ['/hostname'],
  'zos-example.json': ['/hostname'],
  // the schema does not see that there is no network namespace to move them to
  'linux-netdevice.json': ['/linux/netDevices'],
};

const noOfficial = existsSync(official) ? false : 'the official files are not at ../shared/oci-runtime-spec';
t.test('the official good and bad configs', { skip: noOfficial }, async t => {
  for (const [name, text] of texts(new URL('good/', official))) {
    const errors = validateSpec(parseJson(text)).filter(issue => issue.severity === 'error');
    t.strictSame(
      errors.map(issue => issue.pointer),
      GOOD_BUT[name] ?? [],
      name,
    );
  }
  for (const [name, text] of texts(new URL('bad/', official))) {
    if (name.startsWith('freebsd')) {
      t.pass(name, { skip: "its fault is in another platform's part, which is ignored" });
    } else if (name === 'invalid-json.json') {
      t.throws(
        () => parseJson(text),
        new JsonError('expected a key in double quotes, found "]"', 1, 2),
        name,
      );
    } else {
      t.notOk(checkSpec(parseJson(text), text), `quick: ${name}`);
      t.ok(
        validateSpec(parseJson(text)).some(issue => issue.severity === 'error'),
        name,
      );
    }
  }
});
