"""No process of Regard leaves a core dump, and one that cannot be dumped still tells its metrics."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

ABORT = """
import os, resource
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
{forbid}
os.abort()
"""
FORBID = "from regard.bootstrap.core_dumps import forbid_core_dumps; forbid_core_dumps()"

#: Everything is imported before, for the interpreter may be where nobody else can read it.
METRICS = """
import os
from regard.bootstrap.core_dumps import forbid_core_dumps
from regard.telemetry.metrics import Metrics
metrics = Metrics(version="1", face_model="f", detector="d")
os.setgroups([])
os.setgid({group})
os.setuid({user})
forbid_core_dumps()
print(os.stat("/proc/self/fd").st_uid, flush=True)
print(metrics.exposition("")[0].decode())
"""


def dumped(code: str, folder: Path) -> bool:
    """Whether the kernel wrote a dump of a process that ends by this."""
    child = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stderr=subprocess.DEVNULL)
    _, status = os.waitpid(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == -6
    return os.WCOREDUMP(status)


def test_a_process_that_is_ended_by_a_fault_leaves_no_core_dump(tmp_path: Path) -> None:
    if not dumped(ABORT.format(forbid=""), tmp_path):
        pytest.skip("this machine writes no core dumps")
    assert not dumped(ABORT.format(forbid=FORBID), tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_the_metrics_of_a_plain_users_process_are_all_there() -> None:
    nobody = pwd.getpwnam("nobody")
    code = METRICS.format(user=nobody.pw_uid, group=nobody.pw_gid)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    owner, _, metrics = done.stdout.partition("\n")
    assert owner == "0"  # what belongs to a process that is not to be dumped is root's
    for name in ("process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"):
        assert f"\n{name} " in metrics
