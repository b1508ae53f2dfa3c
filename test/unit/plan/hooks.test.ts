import t from 'tap';
import { hookStep, hookSteps, stateTexts } from '../../../src/plan/hooks.js';

const STATE = { id: 'box "1"', bundle: '/b\n', annotations: {} };

t.test('the state is JSON with the pid in between', async t => {
  for (const annotations of [{}, { a: 'b', 'c"d': '\u2028' }, JSON.parse('{"__proto__": "x"}')]) {
    const { before, after } = stateTexts({ ...STATE, annotations }, 'creating');
    const state = JSON.parse(`${before}4711${after}`);
    t.strictSame(Object.keys(state).slice(0, 4), ['ociVersion', 'id', 'status', 'pid']);
    t.match(state, { ociVersion: '1.3.0', id: 'box "1"', status: 'creating', pid: 4711, bundle: '/b\n' });
    t.equal(JSON.stringify(state.annotations ?? {}), JSON.stringify(annotations));
    t.equal('annotations' in state, Object.keys(annotations).length > 0);
  }
});

t.test('arguments: the path when there are none', async t => {
  const args = (given?: string[]) =>
    hookStep({ path: '/h', ...(given && { args: given }) }, 'poststop', 'host', STATE, 'stopped', '').with
      .args;
  t.strictSame(args(), ['/h']);
  t.strictSame(args([]), ['/h']);
  t.strictSame(args(['other', '-x']), ['other', '-x']);
});

t.test('environment and time limit: none of ours', async t => {
  const plain = hookStep({ path: '/h' }, 'prestart', 'host', STATE, 'creating', '');
  t.match(plain.with, { env: [], timeout: 0, kind: 'prestart', path: '/h' });
  const full = hookStep({ path: '/h', env: ['A=b'], timeout: 5 }, 'prestart', 'host', STATE, 'creating', '');
  t.match(full.with, { env: ['A=b'], timeout: 5 });
});

t.test('one after the other, each with its pointer', async t => {
  const steps = hookSteps(
    { createContainer: [{ path: '/1' }, { path: '/2' }] },
    'createContainer',
    'init',
    STATE,
    's',
  );
  t.strictSame(
    steps.map(step => [step.actor, step.from, step.with.path]),
    [
      ['init', '/hooks/createContainer/0', '/1'],
      ['init', '/hooks/createContainer/1', '/2'],
    ],
  );
  t.strictSame(hookSteps(undefined, 'prestart', 'host', STATE, 's'), []);
});
