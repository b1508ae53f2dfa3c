import t from 'tap';
import type { ResctrlFacts } from '../../../src/plan/facts.js';
import { type Plan, plan } from '../../../src/plan/plan.js';
import type { IntelRdt } from '../../../src/spec.js';
import { all, config, facts, options, place, refusal } from '../fixtures/planner.js';

const mount = '/sys/fs/resctrl';
const make = (intelRdt: IntelRdt, schemata: string | null = null): Plan =>
  plan(config({ linux: { intelRdt } }), facts({ resctrl: { mount, schemata } }), options());

/** Directories that are made, with what is written to their schemata. */
const made = ({ steps }: Plan) =>
  all(steps, 'resctrl_make').map(({ with: { path, schemata } }) => [path, schemata]);
const joined = ({ steps }: Plan) => all(steps, 'resctrl_join').map(one => one.with.path);

t.test('without intelRdt resctrl is left alone', async t => {
  const one = plan(config(), facts(), options());
  t.strictSame([made(one), joined(one), one.teardown.intelRdt], [[], [], undefined]);
});

t.test('without resctrl it is refused', async t => {
  for (const resctrl of [null, undefined] as (ResctrlFacts | null | undefined)[])
    t.equal(
      refusal(() =>
        plan(config({ linux: { intelRdt: {} } }), facts({ resctrl: resctrl ?? null }), options()),
      ),
      '/linux/intelRdt: resctrl is not mounted on this host',
    );
});

t.test('without closID the class is named after the container, and goes at delete', async t => {
  const one = make({ memBwSchema: 'MB:0=20' });
  t.strictSame(made(one), [[`${mount}/box`, 'MB:0=20\n']]);
  t.strictSame(joined(one), [`${mount}/box`]);
  t.strictSame(one.teardown.intelRdt, [`${mount}/box`]);
  t.strictSame(made(make({})), [[`${mount}/box`, '']], 'nothing is written without a schema');
});

t.test('the process is in its class before it does anything', async t => {
  const { steps } = make({ closID: 'a', memBwSchema: 'MB:0=20' });
  t.ok(place(steps, 'resctrl_make') < place(steps, 'clone'));
  t.equal(place(steps, 'resctrl_join'), place(steps, 'clone') + 1);
});

t.test('a class of that name is made, and stays', async t => {
  const one = make({ closID: 'gold', l3CacheSchema: 'L3:0=f' });
  t.strictSame(made(one), [[`${mount}/gold`, 'L3:0=f\n']]);
  t.strictSame(one.teardown.intelRdt, []);
});

t.test('the lines: L3, MB in place of that in the L3 schema, schemata', async t => {
  const schemas: [schemas: IntelRdt, text: string][] = [
    [{ l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=20' }, 'L3:0=f\nMB:0=20\n'],
    [{ l3CacheSchema: 'MB:0=90\nL3:0=f', memBwSchema: 'MB:0=20' }, 'L3:0=f\nMB:0=20\n'],
    [{ l3CacheSchema: 'MB:0=90\nL3:0=f' }, 'MB:0=90\nL3:0=f\n'],
    [{ l3CacheSchema: 'L3:0=f', schemata: ['L3:0=3', 'L2:0=1'] }, 'L3:0=f\nL3:0=3\nL2:0=1\n'],
  ];
  for (const [schemas_, text] of schemas) t.equal(made(make(schemas_))[0]![1], text, text);
});

t.test('a class that is there must be as it is wanted, and is not changed', async t => {
  const there = '    MB:0=100;1=100\n    L3:0=00f;1=7ff\n';
  for (const wanted of ['L3:0=f', 'L3:0=0f;1=7FF', ' L3: 1 = 7ff'])
    t.strictSame(made(make({ closID: 'a', l3CacheSchema: wanted }, there)), [], wanted);
  t.strictSame(made(make({ closID: 'a' }, there)), []);
  t.strictSame(joined(make({ closID: 'a' }, there)), [`${mount}/a`]);
  t.strictSame(make({ schemata: ['L3:0=f'] }, there).teardown.intelRdt, [], 'nor removed');
  for (const wanted of ['L3:0=3', 'L3:2=f', 'L2:0=f'])
    t.equal(
      refusal(() => make({ closID: 'a', schemata: [wanted] }, there)),
      `/linux/intelRdt: the class ${mount}/a is there already, with other schemata: MB:0=100;1=100 L3:0=00f;1=7ff`,
    );
});

t.test('a class that is not there cannot be made of nothing', async t => {
  t.match(
    refusal(() => make({ closID: 'a' })),
    /^\/linux\/intelRdt\/closID: there is no class a in \/sys\/fs\/resctrl/,
  );
});

t.test('/ is the default class', async t => {
  const one = make({ closID: '/', enableMonitoring: true }, 'L3:0=f\n');
  t.strictSame(made(one), [[`${mount}/mon_groups/box`, '']]);
  t.strictSame(joined(one), [mount, `${mount}/mon_groups/box`]);
});

t.test("monitoring has a group of the container's own, removed before its class", async t => {
  const one = make({ enableMonitoring: true });
  t.strictSame(made(one), [
    [`${mount}/box`, ''],
    [`${mount}/box/mon_groups/box`, ''],
  ]);
  t.strictSame(one.teardown.intelRdt, [`${mount}/box/mon_groups/box`, `${mount}/box`]);
  const kept = make({ closID: 'a', enableMonitoring: true }, '');
  t.strictSame(kept.teardown.intelRdt, [`${mount}/a/mon_groups/box`]);
});
