/** docker with runts as a runtime of its daemon. */
import { mkdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { archive, fails, makeArchive, runts, sh, without, works } from './engines.js';

t.setTimeout(900_000);
makeArchive();

t.test('docker', { skip: without('docker') ?? false }, async t => {
  mkdirSync('/etc/docker', { recursive: true });
  writeFileSync('/etc/docker/daemon.json', JSON.stringify({ runtimes: { runts: { path: runts } } }));
  works(t, 'systemctl start docker', '');
  works(t, `docker import ${archive} box`, /^sha256:/);
  const run = 'docker run --runtime runts';
  works(t, `${run} --rm box /bin/echo hello`, 'hello');
  fails(t, `${run} --rm box /bin/sh -c 'exit 7'`, 7);
  works(
    t,
    `${run} --rm -m 64m --pids-limit 33 --cpus 0.5 box /bin/sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max'`,
    '67108864\n33\n50000 100000',
  );
  works(t, `${run} --rm box /bin/cat /proc/self/attr/current`, 'docker-default (enforce)');
  works(t, `${run} --rm --privileged box /bin/echo hello`, 'hello');
  works(t, `${run} -d --name one box /bin/sleep 1000`, /^[0-9a-f]{64}$/m);
  works(t, 'docker exec one /bin/echo entered', 'entered');
  works(t, 'docker exec -u 12:34 one /bin/id -u', '12');
  works(
    t,
    "docker pause one >/dev/null && docker inspect -f '{{.State.Status}}' one && docker unpause one >/dev/null",
    'paused',
  );
  const noUpdate = /unknown command/.test(sh(`${runts} update`).stderr);
  t.test('docker update', { skip: noUpdate && 'runts has no update command' }, async t => {
    works(
      t,
      'docker update --pids-limit 44 one >/dev/null && docker exec one /bin/cat /sys/fs/cgroup/pids.max',
      '44',
    );
  });
  works(t, 'docker stop -t 1 one', 'one');
  works(t, "docker inspect -f '{{.State.ExitCode}}' one", '137');
  works(t, 'docker rm one', 'one');
});
