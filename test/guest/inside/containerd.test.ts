/** containerd with runts as the runtime of its shim. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { archive, fails, makeArchive, runts, sh, without, works } from './engines.js';

t.setTimeout(900_000);
makeArchive();

t.test('containerd', { skip: without('ctr') ?? false }, async t => {
  works(t, 'systemctl start containerd', '');
  sh(`podman import ${archive} box && podman save --format oci-archive -o /tmp/box.oci box`);
  works(t, 'ctr image import /tmp/box.oci >/dev/null && ctr image ls -q | grep box', /box/);
  const image = sh('ctr image ls -q | grep box').stdout.trim();
  const run = `ctr run --runc-binary ${runts}`;
  works(t, `${run} --rm ${image} one /bin/echo hello`, 'hello');
  fails(t, `${run} --rm ${image} two /bin/sh -c 'exit 5'`, 5);
  works(t, `${run} -d --memory-limit 67108864 ${image} three /bin/sleep 1000`, '');
  // the configuration of ctr has no cgroup mount
  works(t, 'cat /sys/fs/cgroup/default/three/memory.max', '67108864');
  works(t, 'ctr task kill -s KILL three; sleep 2; ctr task rm three; ctr container rm three', '');
  works(
    t,
    `${run} --rm --runc-systemd-cgroup --cgroup system.slice:ctr:four ${image} four /bin/echo hello`,
    'hello',
  );
  works(
    t,
    `${run} -d --runc-systemd-cgroup --cgroup system.slice:ctr:scoped --memory-limit 67108864 ${image} scoped /bin/sleep 1000`,
    '',
  );
  works(t, 'systemctl show -P MemoryMax ctr-scoped.scope', '67108864');
  works(t, 'cat /sys/fs/cgroup/system.slice/ctr-scoped.scope/memory.max', '67108864');
  works(t, 'ctr task exec --exec-id x scoped /bin/cat /proc/self/cgroup', /ctr-scoped\.scope|0::\/$/);
  works(t, 'ctr task kill -s KILL scoped; sleep 2; ctr task rm scoped; ctr container rm scoped', '');
  works(t, 'systemctl show -P LoadState ctr-scoped.scope', 'not-found');
  works(t, `${run} -d ${image} five /bin/sleep 1000`, '');
  works(t, 'ctr task exec --exec-id x five /bin/echo entered', 'entered');
  works(t, 'ctr task pause five && ctr task ls | grep five', /PAUSED/);
  works(t, 'ctr task resume five && ctr task ls | grep five', /RUNNING/);
  works(t, 'ctr task kill -s KILL five; sleep 2; ctr task rm five; ctr container rm five', '');
  t.notOk(existsSync('/run/containerd/runc/default/five'), 'no state is left');
});
