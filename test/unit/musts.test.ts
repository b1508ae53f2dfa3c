/** test/MUSTS.md: each test that it names exists, and each property of the schema has a row. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import schema from '../../schemas/config.schema.json' with { type: 'json' };

const directory = new URL('..', import.meta.url).pathname;
const rows = readFileSync(`${directory}MUSTS.md`, 'utf8')
  .split('\n')
  .filter(line => /^\| (?!-|section|property)/.test(line))
  .map(line => line.split('|').map(cell => cell.trim()));

const texts = new Map<string, string>();
function textOf(file: string): string {
  if (!existsSync(directory + file)) return '';
  const text = texts.get(file) ?? readFileSync(directory + file, 'utf8').replaceAll("\\'", "'");
  texts.set(file, text);
  return text;
}

t.test('each test that is named exists', async t => {
  t.ok(rows.length > 100);
  for (const row of rows) {
    const [, file, name] = /^(\S+\.test\.ts): (.*)$/.exec(row.at(-2)!) ?? [];
    const quoted = ["'", '"', '`'].some(quote => textOf(file ?? '').includes(quote + name + quote));
    const inTable = /^(ignored|refused): /.test(name ?? '') && textOf(file!).includes(`'${name!.slice(9)}'`);
    t.ok(quoted || inTable, `${file}: ${name}`);
  }
});

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema | true>;
  items?: Schema;
  additionalProperties?: Schema;
}

const resolve = (of: Schema): Schema =>
  of.$ref === undefined
    ? of
    : (schema.definitions as Record<string, Schema>)[of.$ref.slice('#/definitions/'.length)]!;

/** Where values stand that have no members of their own: `mounts[].options`. */
function leaves(of: Schema | true | undefined, place: string): string[] {
  const { properties, items, additionalProperties } = of === true || !of ? {} : resolve(of);
  if (properties)
    return Object.keys(properties).flatMap(key =>
      leaves(properties[key], place === '' ? key : `${place}.${key}`),
    );
  if (items && resolve(items).properties) return leaves(items, `${place}[]`);
  if (additionalProperties && resolve(additionalProperties).properties)
    return leaves(additionalProperties, `${place}.*`);
  return [place];
}

t.test('no property is missing', async t => {
  const listed = rows.filter(row => row.length === 4).flatMap(row => row[1]!.split(', '));
  const all = leaves(schema as Schema, '');
  const covers = (row: string, leaf: string): boolean =>
    leaf === row || leaf.startsWith(`${row}.`) || leaf.startsWith(`${row}[`);
  for (const leaf of all)
    t.ok(
      listed.some(row => covers(row, leaf)),
      leaf,
    );
  for (const row of listed)
    t.ok(
      all.some(leaf => covers(row, leaf)),
      `${row} is a property`,
    );
});
