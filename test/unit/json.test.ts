import t from 'tap';
import { JsonError, parseJson, stringifyJson } from '../../src/json.js';

function problem(text: string): string {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return error.message;
    throw error;
  }
  return 'no error';
}

t.test('integers beyond 2^53 are bigints, all others numbers', async t => {
  const cases: [string, unknown][] = [
    ['18446744073709551615', 18446744073709551615n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740993', 9007199254740993n],
    ['0', 0],
    ['12345678901234567.5', Number('12345678901234567.5')],
    ['0.12345678901234567', Number('0.12345678901234567')],
    ['1e20', 1e20],
    ['12345678901234567e2', Number('12345678901234567e2')],
    ['"18446744073709551615"', '18446744073709551615'],
  ];
  for (const [text, value] of cases) {
    t.same(parseJson(text), value, text);
    t.type(parseJson(text), typeof value, `type of ${text}`);
    for (const around of [`{"a":${text}}`, `{ "a" :\t${text}\n}`]) {
      t.strictSame(parseJson(around), { a: value }, around);
    }
    for (const around of [`[0,${text}]`, `[ 0 , ${text} ]`])
      t.strictSame(parseJson(around), [0, value], around);
  }
});

t.test('digits inside of strings and at every offset are left alone or found', async t => {
  const number = '18446744073709551615';
  for (let pad = 0; pad < 20; pad++) {
    const key = 'k'.repeat(pad);
    t.strictSame(parseJson(`{"${key}":${number}}`), { [key]: BigInt(number) }, `key of ${pad} letters`);
    t.strictSame(parseJson(`{"${key}x":"${number}"}`), { [`${key}x`]: number });
  }
  const hostile = {
    a: `x:${number},y`,
    b: `[${number}]`,
    c: `"${number}`,
    d: '\ue000123',
    [`:${number},`]: 1,
    e: BigInt(number),
  };
  t.strictSame(parseJson(stringifyJson(hostile)), hostile);
  t.strictSame(parseJson(`["\\ue0005", "\\uE0015", ${number}]`), ['\ue0005', '\ue0015', BigInt(number)]);
});

t.test('null members are unset, null keys of maps and null entries stay', async t => {
  t.strictSame(parseJson('{"a":null,"b":{"c": null},"d":[null,{"e":\nnull}]}'), { b: {}, d: [null, {}] });
  t.strictSame(parseJson('{"linux":{"sysctl":{"a":null},"netDevices":{"eth0":null}}}'), {
    linux: { sysctl: { a: null }, netDevices: { eth0: null } },
  });
  t.strictSame(parseJson('{"a":"/dev/null","b":": null"}'), { a: '/dev/null', b: ': null' });
  t.equal(parseJson('null'), null);
});

t.test('__proto__ is a key like any other', async t => {
  const value = parseJson('{"__proto__":{"linux":{"a":18446744073709551615,"b":null}},"x":1}') as Record<
    string,
    unknown
  >;
  t.equal(value.linux, undefined);
  t.strictSame(Object.keys(value), ['__proto__', 'x']);
  t.equal(Object.getPrototypeOf(value), Object.prototype);
  t.equal(({} as Record<string, unknown>).linux, undefined);
  t.equal(stringifyJson(value), '{"__proto__":{"linux":{"a":18446744073709551615}},"x":1}');
  const number = parseJson('{"__proto__":18446744073709551615}') as object;
  t.equal(Object.getOwnPropertyDescriptor(number, '__proto__')?.value, 18446744073709551615n);
});

t.test('the last of equal keys wins', async t => {
  t.strictSame(parseJson('{"a":1,"a":18446744073709551615}'), { a: 18446744073709551615n });
});

t.test('syntax errors name line, column and reason', async t => {
  const cases: [string, string][] = [
    ['', 'line 1, column 1: the document is empty'],
    [' \n ', 'line 2, column 2: the document is empty'],
    ['\ufeff{}', 'line 1, column 1: the document starts with a byte order mark'],
    ['{]', 'line 1, column 2: expected a key in double quotes, found "]"'],
    ['{"a":1,}', 'line 1, column 8: expected a key in double quotes, found "}"'],
    ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3: expected "," or "}", found a string'],
    ['[1,]', 'line 1, column 4: expected a value, found "]"'],
    ['[1 2]', 'line 1, column 4: expected "," or "]", found "2"'],
    ['["é𝄞", x]', 'line 1, column 8: expected a value, found "x"'],
    ['{"a" 1}', 'line 1, column 6: expected ":" after the key, found "1"'],
    ["{'a':1}", 'line 1, column 2: expected a key in double quotes, found "\'"'],
    ['{a:1}', 'line 1, column 2: expected a key in double quotes, found "a"'],
    ['"abc', 'line 1, column 1: a string has no closing quote'],
    ['"a\nb"', 'line 1, column 3: a string holds a control character; write it as \\u000a'],
    ['"\\x"', 'line 1, column 2: a string holds an escape that JSON does not know'],
    ['"\\u12g4"', 'line 1, column 2: a string holds an escape that JSON does not know'],
    ['nulll', 'line 1, column 1: expected a value, found "nulll"'],
    ['NaN', 'line 1, column 1: expected a value, found "NaN"'],
    ['01', 'line 1, column 1: expected a value, found "01"'],
    ['[-]', 'line 1, column 2: expected a value, found "-"'],
    ['[1.]', 'line 1, column 2: expected a value, found "1."'],
    ['[0018446744073709551615]', 'line 1, column 2: expected a value, found "0018446744073709551615"'],
    ['// x\n{}', 'line 1, column 1: expected a value, found "/"'],
    ['{} x', 'line 1, column 4: expected the end of the document, found "x"'],
    ['[1]]', 'line 1, column 4: expected the end of the document, found "]"'],
    ['{"a":[1,2', 'line 1, column 10: expected "," or "]", found the end of the document'],
    ['{"a":', 'line 1, column 6: expected a value, found the end of the document'],
    ['[1,18446744073709551615 "x"]', 'line 1, column 25: expected "," or "]", found a string'],
  ];
  for (const [text, message] of cases) t.equal(problem(text), message, JSON.stringify(text));
  try {
    parseJson('{\n  x');
  } catch (error) {
    t.match(error, { name: 'JsonError', line: 2, column: 3 });
  }
});

t.test('what the scanner calls an error is what the engine calls one', async t => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '1',
    '-0.5e+3',
    'true',
    'null',
    ' ',
    '"',
    '\\',
    '01',
    '+1',
  ];
  let seed = 1;
  const random = (limit: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % limit;
  };
  let valid = 0;
  for (let i = 0; i < 20000; i++) {
    const text = Array.from({ length: 1 + random(7) }, () => pieces[random(pieces.length)]).join('');
    let isValid = true;
    try {
      JSON.parse(text);
    } catch {
      isValid = false;
    }
    if (isValid) valid++;
    const message = problem(text);
    if ((message === 'no error') !== isValid || message.includes('nested')) t.fail(`${text}: ${message}`);
  }
  t.ok(valid > 100, `${valid} of the texts were valid`);
});

t.test('deep nesting is an error and never a crash', async t => {
  const deep = 'line 1, column 1001: the document is nested more than 1000 levels deep';
  t.equal(problem('['.repeat(1e6)), deep);
  t.equal(problem('['.repeat(1e6) + ']'.repeat(1e6)), deep);
  t.match(problem('{"a":'.repeat(1e6)), /nested more than 1000 levels deep/);
  t.equal(problem('['.repeat(1000) + ']'.repeat(1000)), 'no error');
  let value: unknown = 1n;
  for (let i = 0; i < 20000; i++) value = [value];
  t.throws(() => stringifyJson(value), { message: /nested/ });
});

t.test('bigints are written digit for digit, everything else as JSON.stringify does', async t => {
  t.equal(stringifyJson({ a: 18446744073709551615n }), '{"a":18446744073709551615}');
  const values = [
    {
      a: [1, { b: 'x"\u2028\ud800' }],
      c: {},
      d: [],
      e: undefined,
      f: [undefined, null, true],
      g: -0,
      h: NaN,
    },
    'text',
    [],
    {},
    null,
  ];
  for (const indent of [0, 2, 4, '\t']) {
    for (const value of values) {
      const withoutBigInt = JSON.stringify([value, 5], null, indent);
      t.equal(stringifyJson([value, 5n], indent), withoutBigInt);
      t.equal(stringifyJson([value, 5], indent), withoutBigInt);
    }
  }
});
