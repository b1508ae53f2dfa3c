/** podman with runts as its runtime, as root and as a user, with both cgroup managers. */
import t, { type Test } from 'tap';
import { archive, asTester, fails, makeArchive, runts, without, works } from './engines.js';

t.setTimeout(1_800_000);
makeArchive();

function podmanTests(t: Test, podman: string, prefix: readonly string[], limits: boolean): void {
  works(t, `${podman} import ${archive} box 2>/dev/null`, /^sha256:/, prefix);
  works(t, `${podman} run --rm box /bin/echo hello`, 'hello', prefix);
  fails(t, `${podman} run --rm box /bin/sh -c 'exit 7'`, 7, prefix);
  if (limits) {
    works(
      t,
      `${podman} run --rm -m 64m --pids-limit 33 --cpus 0.5 box /bin/sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max'`,
      '67108864\n33\n50000 100000',
      prefix,
    );
  }
  if (podman.endsWith('systemd')) {
    fails(t, `${podman} run --rm box /nothing`, 127, prefix);
    fails(t, `${podman} run --rm box /etc/passwd`, 126, prefix);
    works(
      t,
      `${podman} run -t --rm box /bin/sh -c 'test -t 0 && test -t 1 && echo terminal'`,
      'terminal',
      prefix,
    );
    works(t, `echo text | ${podman} run -i --rm box /bin/cat`, 'text', prefix);
  }
  works(
    t,
    `${podman} run -d --name one --health-cmd '/bin/cat /tmp/health' --health-interval disable --health-retries 1 box /bin/sleep 1000`,
    /^[0-9a-f]{64}$/m,
    prefix,
  );
  fails(t, `${podman} healthcheck run one`, 1, prefix);
  works(t, `${podman} exec one /bin/sh -c 'echo >/tmp/health' && ${podman} healthcheck run one`, '', prefix);
  fails(t, `${podman} exec one /bin/sh -c 'exit 9'`, 9, prefix);
  works(t, `${podman} exec one /bin/sh -c 'echo entered; exit 0'`, 'entered', prefix);
  works(t, `${podman} exec -u 12:34 one /bin/id -u`, '12', prefix);
  works(
    t,
    `${podman} pause one >/dev/null && ${podman} inspect -f '{{.State.Status}}' one && ${podman} unpause one >/dev/null`,
    'paused',
    prefix,
  );
  works(t, `${podman} stop -t 1 one 2>/dev/null`, 'one', prefix);
  works(t, `${podman} inspect -f '{{.State.ExitCode}}' one`, '137', prefix);
  works(t, `${podman} rm one`, 'one', prefix);
}

t.test('podman as root, cgroupfs', { skip: without('podman') ?? false }, async t => {
  podmanTests(t, `podman --runtime ${runts} --cgroup-manager cgroupfs`, [], true);
});

t.test('podman as root, systemd', { skip: without('podman') ?? false }, async t => {
  podmanTests(t, `podman --runtime ${runts} --cgroup-manager systemd`, [], true);
});

t.test('podman as a user, cgroupfs', { skip: without('podman') ?? false }, async t => {
  podmanTests(t, `podman --runtime ${runts} --cgroup-manager cgroupfs`, asTester, false);
});

t.test('podman as a user, systemd', { skip: without('podman') ?? false }, async t => {
  podmanTests(t, `podman --runtime ${runts} --cgroup-manager systemd`, asTester, true);
});
