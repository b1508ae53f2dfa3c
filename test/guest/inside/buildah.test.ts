/** buildah with runts as the runtime of its builds, as root and as a user. */
import t, { type Test } from 'tap';
import { archive, asTester, fails, makeArchive, runts, without, works } from './engines.js';

t.setTimeout(900_000);
makeArchive();

function buildahTests(t: Test, isolation: string, prefix: readonly string[]): void {
  const run = `buildah run --runtime ${runts} --isolation ${isolation}`;
  works(t, `podman import ${archive} box 2>/dev/null`, /^sha256:/, prefix);
  works(t, 'buildah from --pull-never --name work box', 'work', prefix);
  works(t, `${run} work -- /bin/echo hello`, 'hello', prefix);
  fails(t, `${run} work -- /bin/sh -c 'exit 7'`, 7, prefix);
  works(t, `${run} --user 12:34 work -- /bin/id -u`, '12', prefix);
  works(t, `${run} work -- /bin/sh -c 'echo built >/tmp/file'`, '', prefix);
  works(t, `${run} work -- /bin/cat /tmp/file`, 'built', prefix);
  works(
    t,
    `d=$(mktemp -d) && printf 'FROM box\\nRUN /bin/echo from-a-file >/tmp/other\\n'  >$d/Containerfile && buildah build --runtime ${runts} --isolation ${isolation} --pull=never -t made $d 2>&1`,
    /made/,
    prefix,
  );
  works(
    t,
    `buildah from --pull-never --name other made && ${run} other -- /bin/cat /tmp/other`,
    /from-a-file/,
    prefix,
  );
}

t.test('buildah as root', { skip: without('buildah') ?? false }, async t => {
  buildahTests(t, 'oci', []);
});

t.test('buildah as a user', { skip: without('buildah') ?? false }, async t => {
  buildahTests(t, 'rootless', asTester);
});
