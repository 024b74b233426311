"""What the system tells of a process's memory, and of processes that it ended because memory ran out.

Of Linux; of other systems nothing is known here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from insighter_ext.tracking.endings import Traces

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class Group:
    """The memory control group of a process: a container's, or one that an administrator made.

    Attributes:
        folder: where the kernel of the system shows it.
        unified: whether it is of the second version of control groups.
    """

    folder: Path
    unified: bool

    @classmethod
    def of(cls, pid: int) -> Group | None:
        """That of a process; None where there is none, or the system does not tell."""
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            return None
        root = Path("/sys/fs/cgroup")
        for line in lines:
            _, controllers, path = line.split(":", 2)
            unified = controllers == ""
            if not (unified or "memory" in controllers.split(",")):
                continue
            base = root if unified else root / "memory"
            # Within a container the path is that of the machine, and what is mounted is the container's own.
            for folder in (base / path.lstrip("/"), base):
                if (folder / ("memory.events" if unified else "memory.oom_control")).is_file():
                    return cls(folder, unified)
        return None

    def kills(self) -> int | None:
        """How many processes in it were ended because memory ran out."""
        found = re.search(
            r"^oom_kill (\d+)", self._text("memory.events" if self.unified else "memory.oom_control"), re.M
        )
        return int(found[1]) if found else None

    def free(self) -> int | None:
        """Bytes until its limit; None where it has none. What is cached of files is given up first, and so is free."""
        limit = self._number("memory.max" if self.unified else "memory.limit_in_bytes")
        used = self._number("memory.current" if self.unified else "memory.usage_in_bytes")
        if limit is None or used is None or limit >= _NO_LIMIT:
            return None
        cached = re.search(r"^(?:total_)?inactive_file (\d+)", self._text("memory.stat"), re.MULTILINE)
        return max(0, limit - used + (int(cached[1]) if cached else 0))

    def _number(self, name: str) -> int | None:
        text = self._text(name).strip()
        return int(text) if text.isdigit() else None

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text()
        except OSError:
            return ""


class Watch:
    """A process's memory as last seen, and the counts of the system's killer as of then.

    Args:
        pid: a process that lives now.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._group = Group.of(pid)
        self._used: int | None = None
        self._free: int | None = None
        self._kills = self._count()
        self.look()

    def look(self) -> None:
        """See how much memory it has. As long as it lives, whom the system's killer ended was another."""
        try:
            resident = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return
        # What has ended and was not asked about yet has no memory any more.
        if int(resident):
            self._used = int(resident) * _PAGE
            limits = [
                left
                for left in (_machine_free(), self._group.free() if self._group else None)
                if left is not None
            ]
            self._free = min(limits, default=None)
            self._kills = self._count()

    def traces(self) -> Traces:
        """What is known once it has ended."""
        now = self._count()
        kills = None if now is None or self._kills is None else max(0, now - self._kills)
        return Traces(_named(self.pid), kills, self._used, self._free)

    def _count(self) -> int | None:
        return self._group.kills() if self._group else None


def _machine_free() -> int | None:
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) << 10 if found else None


def _named(pid: int) -> bool:
    """Whether the system's log, where it may be read, says that its killer ended this process."""
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    said = re.compile(rb"[Oo]ut of memory.*: Killed process %d \(" % pid)
    try:
        while True:
            try:
                line = os.read(log, 8192)
            except BrokenPipeError:
                continue  # overwritten while it was read: the next is there
            except OSError:
                return False  # the end
            if not line:
                return False
            if said.search(line):
                return True
    finally:
        os.close(log)
