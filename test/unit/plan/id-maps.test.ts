import t from 'tap';
import { groupsOf, hostId, idMap, mapIds } from '../../../src/plan/id-maps.js';
import { GROUPS } from '../../../src/plan/step.js';
import type { IdMapping } from '../../../src/spec.js';
import { config, context, facts, kinds, refusal, userFacts } from '../fixtures/planner.js';

const map = (containerID: number, hostID: number, size: number): IdMapping => ({ containerID, hostID, size });
const HELPERS = { uid: '/bin/newuidmap', gid: '/bin/newgidmap' };
const SUBORDINATE = [map(0, 1000, 1), map(1, 100000, 65536)];

const steps = (uidMappings: IdMapping[], gidMappings: IdMapping[], known = facts()) => {
  const linux = { namespaces: [{ type: 'user' as const }], uidMappings, gidMappings };
  return mapIds(context({ ...config(), linux }, known));
};

t.test('root writes the maps itself and keeps setgroups', async t => {
  const [write, become, ...more] = steps([map(0, 1000, 10), map(10, 5000, 3)], [map(0, 7, 1)]);
  t.strictSame(write!.with, { deny_setgroups: 0, uid_map: '0 1000 10\n10 5000 3\n', gid_map: '0 7 1\n' });
  t.equal(write!.actor, 'host');
  t.strictSame(become!.with, { uid: 0, gid: 0 });
  t.equal(become!.actor, 'init');
  t.strictSame(more, []);
});

t.test('a user with both capabilities is as good as root', async t => {
  const known = userFacts({ capabilities: (1n << 6n) | (1n << 7n) });
  t.equal(steps(SUBORDINATE, SUBORDINATE, known)[0]!.with.deny_setgroups, 0);
});

t.test('one capability is not enough', async t => {
  for (const capability of [6n, 7n]) {
    const known = userFacts({ capabilities: 1n << capability, mapHelpers: HELPERS });
    t.equal(steps(SUBORDINATE, SUBORDINATE, known)[0]!.kind, 'id_map_helper');
  }
});

t.test('a user maps his own id himself and gives up setgroups', async t => {
  const [write] = steps([map(0, 1000, 1)], [map(5, 1000, 1)], userFacts());
  t.strictSame(write!.with, { deny_setgroups: 1, uid_map: '0 1000 1\n', gid_map: '5 1000 1\n' });
});

t.test('for more ids the helpers of shadow are asked, groups first', async t => {
  const made = steps(SUBORDINATE, [map(0, 1000, 1)], userFacts({ mapHelpers: HELPERS }));
  t.strictSame(kinds(made), ['id_map_helper', 'id_map_helper', 'become']);
  t.strictSame(made[0]!.with, { program: '/bin/newgidmap', arguments: ['0', '1000', '1'] });
  t.strictSame(made[1]!.with, {
    program: '/bin/newuidmap',
    arguments: ['0', '1000', '1', '1', '100000', '65536'],
  });
});

t.test("an id that is not one's own takes the helpers, too", async t => {
  const known = userFacts({ mapHelpers: HELPERS });
  t.equal(steps([map(0, 1001, 1)], [map(0, 1000, 1)], known)[0]!.kind, 'id_map_helper');
  t.equal(steps([map(0, 1000, 1)], [map(0, 1000, 2)], known)[0]!.kind, 'id_map_helper');
});

t.test('without the helpers: what to install', async t => {
  for (const mapHelpers of [
    { uid: '', gid: '' },
    { ...HELPERS, uid: '' },
    { ...HELPERS, gid: '' },
  ]) {
    const says = refusal(() => steps(SUBORDINATE, SUBORDINATE, userFacts({ mapHelpers })));
    t.match(
      says,
      /^\/linux\/uidMappings: .*newuidmap and newgidmap; install the package uidmap.*\/etc\/subuid/,
    );
  }
});

t.test('a new user namespace without maps is refused', async t => {
  t.match(
    refusal(() => steps([], [map(0, 0, 1)])),
    /^\/linux\/uidMappings: .* needs uidMappings and gidMappings/,
  );
  t.match(
    refusal(() => steps([map(0, 0, 1)], [])),
    /^\/linux\/gidMappings: /,
  );
});

t.test('where root is not mapped, the first id that is takes its part', async t => {
  const [, become] = steps([map(7, 1000, 10)], [map(3, 1000, 10), map(50, 5000, 1)]);
  t.strictSame(become!.with, { uid: 7, gid: 3 });
});

t.test('no user namespace, no maps', async t => {
  t.strictSame(mapIds(context(config())), []);
  const linux = { namespaces: [{ type: 'user' as const, path: '/ns' }] };
  t.strictSame(mapIds(context({ ...config(), linux })), [], 'a joined one has its own');
});

t.test('ids on the host', async t => {
  const maps = [map(0, 1000, 1), map(1, 100000, 65536)];
  for (const [id, host] of [
    [0, 1000],
    [1, 100000],
    [65536, 165535],
    [65537, undefined],
  ] as const)
    t.equal(hostId(maps, id), host, `${id}`);
  t.equal(hostId(undefined, 0), undefined);
  t.equal(idMap([]), '');
});

t.test('whether groups can be set', async t => {
  t.equal(groupsOf(facts(), [map(0, 1000, 1)], false), GROUPS.set, 'root');
  const bare = facts({ capabilities: 0n });
  t.equal(groupsOf(bare, [map(0, 0, 1)], false), GROUPS.keep, 'root without capabilities');
  t.equal(groupsOf(userFacts(), [map(0, 1000, 1)], false), GROUPS.keep, 'a user who maps his own group only');
  t.equal(groupsOf(userFacts(), SUBORDINATE, false), GROUPS.set, 'a user with subordinate groups');
  t.equal(groupsOf(userFacts(), undefined, true), GROUPS.dropIfAllowed, 'a joined user namespace');
  const denied = facts({ setgroupsDenied: true, initialUserNamespace: false });
  t.equal(groupsOf(denied, SUBORDINATE, false), GROUPS.keep, 'denied above');
  t.equal(groupsOf(denied, undefined, true), GROUPS.keep, 'denied here');
});
