"""What is said of a kernel that ended by itself: what is known, and no more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from insighter_ext.tracking.endings import Traces, judge
from insighter_ext.tracking.memory import Group, Watch

GB = 1 << 30


@pytest.mark.parametrize(
    ("code", "traces", "reason", "words"),
    [
        (-9, Traces(named=True, used=3 * GB), "out_of_memory", "because memory ran out. It had 3.2 GB"),
        (-9, Traces(kills=1), "out_of_memory", "as the system ended processes because memory ran out"),
        (
            -9,
            Traces(kills=0, used=3 * GB, free=GB // 50),
            "out_of_memory",
            "probably out of memory: 21 MB was left",
        ),
        (-9, Traces(kills=0, used=3 * GB, free=GB), "killed", "was killed (SIGKILL)"),
        (-9, Traces(), "killed", "was killed (SIGKILL)"),
        # Memory that ran out for another is no reason of a crash.
        (-11, Traces(kills=1, used=GB), "crashed", "crashed (SIGSEGV)"),
        (-6, Traces(), "crashed", "when memory runs short"),
        (-15, Traces(), "killed", "ended by SIGTERM"),
        (-64, Traces(), "killed", "SIGRTMAX"),
        (-200, Traces(), "killed", "signal 200"),
        (3, Traces(), "crashed", "with status 3"),
        (0, Traces(), "shut_down", "by itself"),
        (None, Traces(), "lost", "not known"),
    ],
)
def test_the_reason_is_what_the_traces_say(code: int | None, traces: Traces, reason: str, words: str) -> None:
    ending = judge(code, traces)
    assert (ending.reason, words in ending.detail) == (reason, True), ending.detail


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of processes")
def test_a_process_is_watched_until_it_has_ended() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "held = bytearray(150_000_000); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        watch = Watch(child.pid)
        assert child.stdout is not None and child.stdout.readline()
        watch.look()
        before = watch.traces()
        assert before.used is not None and before.used > 150_000_000
        assert before.free is not None and before.free > 0
        child.kill()
        child.wait()
        watch.look()
        after = watch.traces()
        assert (after.named, after.kills or 0) == (False, 0)
        assert after.used == before.used, "what it had when it lived"
    finally:
        child.kill()
        child.communicate()


def test_control_groups_of_both_kinds_are_read(tmp_path: os.PathLike[str]) -> None:
    from pathlib import Path

    folder = Path(tmp_path)
    for name, text in {
        "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n",
        "memory.max": "1000000000\n",
        "memory.current": "900000000\n",
        "memory.stat": "anon 1\ninactive_file 50000000\n",
    }.items():
        (folder / name).write_text(text)
    assert Group(folder, unified=True).kills() == 2
    assert Group(folder, unified=True).free() == 150_000_000
    (folder / "memory.max").write_text("max\n")
    assert Group(folder, unified=True).free() is None
    (folder / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    (folder / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert Group(folder, unified=False).kills() == 3
    assert Group(folder, unified=False).free() is None
