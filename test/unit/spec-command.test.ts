import './fixtures/fake-host.js';

import { readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { noOptions } from '../../src/args.js';
import type { Context } from '../../src/commands.js';
import { spec } from '../../src/spec-command.js';
import { rootlessTemplate, specTemplate } from '../../src/spec-template.js';
import { host, resetHost } from './fixtures/fake-host.js';

t.beforeEach(resetHost);

const context = { command: 'spec', global: {} } as unknown as Context;

t.test('runts spec', async t => {
  const bundle = t.testdir();
  const options = Object.assign(noOptions(), { bundle });
  t.equal(spec(context, options, []), 0);
  const text = readFileSync(`${bundle}/config.json`, 'utf8');
  t.match(text, /^\{\n\t"ociVersion": "1\.3\.0",\n\t"process": \{\n\t\t"terminal": true,/);
  t.equal(statSync(`${bundle}/config.json`).mode & 0o777, 0o644);
  t.same(JSON.parse(text), specTemplate());
  t.throws(() => spec(context, options, []), {
    message: `${bundle}/config.json exists already`,
  });
  t.throws(() => spec(context, Object.assign(noOptions(), { bundle: `${bundle}/none` }), []), {
    message: `cannot write ${bundle}/none/config.json: no such file or directory`,
  });
});

t.test('runts spec --rootless', async t => {
  const bundle = t.testdir();
  host.identity = [1, 1000, 1000, 1001, 1001];
  t.equal(spec(context, Object.assign(noOptions(), { bundle, rootless: true }), []), 0);
  host.identity = [100, 0, 0, 0, 0];
  t.same(JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8')), rootlessTemplate(1000, 1001));
});

t.test('the template for rootless callers', async t => {
  const { linux, mounts } = rootlessTemplate(1000, 1001);
  t.same(linux.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
  t.same(linux.gidMappings, [{ containerID: 0, hostID: 1001, size: 1 }]);
  t.same(
    linux.namespaces.map(({ type }) => type),
    ['pid', 'ipc', 'uts', 'mount', 'cgroup', 'user'],
  );
  t.notOk('resources' in linux);
  t.same(mounts.find(({ destination }) => destination === '/sys')?.options?.[0], 'rbind');
  t.notMatch(JSON.stringify(mounts), 'gid=');
  t.match(JSON.stringify(specTemplate().mounts), 'gid=5', 'the other template keeps it');
});
