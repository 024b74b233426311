"""How a kernel ended, in a word and a sentence, for the runs that it left running."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

Reason = Literal["out_of_memory", "killed", "crashed", "restarted", "shut_down", "server_gone", "lost"]

_CRASHES = {
    signal.SIGSEGV: "it accessed memory that is not its own: a fault in a compiled library",
    signal.SIGABRT: "a compiled library gave up, which some do when memory runs short",
    signal.SIGBUS: "it read a mapped file or memory that is not there any more",
    signal.SIGFPE: "an arithmetic fault in a compiled library",
    signal.SIGILL: "a library is compiled for another processor",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a kernel's runs do not go on.

    Attributes:
        detail: a sentence that people read.
    """

    reason: Reason
    detail: str


RESTARTED = Ending("restarted", "The kernel was restarted while the run was going on.")
SHUT_DOWN = Ending("shut_down", "The kernel was shut down while the run was going on.")
STOPPED = Ending(
    "shut_down", "Jupyter's server was stopped while the run was going on, and its kernels with it."
)
SERVER_GONE = Ending(
    "server_gone", "Jupyter's server ended unexpectedly while the run was going on, and its kernels with it."
)


@dataclass(frozen=True, slots=True)
class Traces:
    """What is known of memory around the end of a process.

    Attributes:
        named: the system's log says that its out-of-memory killer ended this very process.
        kills: how many processes that killer ended in the kernel's memory group since the kernel was last seen alive;
            None where it is not told.
        used: the kernel's memory when it was looked at last, in bytes; None where it was not.
        free: what was left then, of the machine or of the limit that it is held to.
    """

    named: bool = False
    kills: int | None = None
    used: int | None = None
    free: int | None = None


def judge(code: int | None, traces: Traces) -> Ending:
    """How a kernel ended that nobody asked to end.

    Args:
        code: its exit status; the number of a signal is negative, as with ``subprocess``. None where it is not known.
    """
    had = f" It had {_size(traces.used)} of memory when it was last looked at." if traces.used else ""
    if code is None:
        return Ending("lost", "The kernel is gone; how it ended is not known." + had)
    if code == -signal.SIGKILL:
        if traces.named:
            return Ending("out_of_memory", f"The system ended the kernel because memory ran out.{had}")
        if traces.kills:
            return Ending(
                "out_of_memory",
                f"The kernel was killed as the system ended processes because memory ran out.{had}",
            )
        if traces.used and traces.free is not None and traces.free < max(traces.used // 10, 64 << 20):
            return Ending(
                "out_of_memory",
                f"The kernel was killed, probably out of memory: {_size(traces.free)} was left, and it had"
                f" {_size(traces.used)}.",
            )
        return Ending("killed", f"The kernel's process was killed (SIGKILL).{had}")
    if code == 0:
        return Ending("shut_down", "The kernel ended by itself, as with exit(), while the run was going on.")
    if code < 0:
        try:
            name, why = signal.Signals(-code).name, _CRASHES.get(signal.Signals(-code))
        except ValueError:
            name, why = f"signal {-code}", None
        if why:
            return Ending("crashed", f"The kernel crashed ({name}): {why}.{had}")
        return Ending("killed", f"The kernel's process was ended by {name}.{had}")
    return Ending("crashed", f"The kernel's process ended with status {code}.{had}")


def _size(size: int | None) -> str:
    value = float(size or 0)
    for unit in ("KB", "MB"):
        value /= 1000
        if value < 1000:
            return f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} GB"
