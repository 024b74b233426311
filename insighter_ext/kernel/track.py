"""``%%track``: a cell as a run. Its code, what it prints, its parameters and how it ended are kept with the run."""

from __future__ import annotations

import re
import shlex
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import UsageError

USAGE = "%%track [NAME] [KEY=VALUE …] [--experiment NAME] [--system]"

_MOST = 1_000_000
_TAG = 5_000
_KEY = re.compile(r"[\w./ -]{1,250}")


@dataclass
class Asked:
    """What the line says.

    Attributes:
        params: as they were written.
        system: whether the machine's load is logged, too.
    """

    name: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    experiment: str | None = None
    system: bool = False


def parse(line: str) -> Asked:
    """Read the line.

    Raises:
        UsageError: it does not fit; the message shows the usage.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}. Usage: {USAGE}") from None
    asked = Asked()
    while words:
        word = words.pop(0)
        if word == "--system":
            asked.system = True
        elif word == "--experiment" or word.startswith("--experiment="):
            asked.experiment = word.partition("=")[2] or (words.pop(0) if words and "=" not in word else "")
            if not asked.experiment:
                raise UsageError(f"--experiment takes a name. Usage: {USAGE}")
        elif word.startswith("-"):
            raise UsageError(f"unknown option {word}. Usage: {USAGE}")
        elif "=" in word:
            key, _, value = word.partition("=")
            if not _KEY.fullmatch(key):
                raise UsageError(f'"{key}" is no name of a parameter. Usage: {USAGE}')
            asked.params[key] = value
        elif asked.name is None:
            asked.name = word
        else:
            raise UsageError(f'two names, "{asked.name}" and "{word}"; quote one with spaces. Usage: {USAGE}')
    return asked


class Copy:
    """A stream that keeps what passes, its beginning and its end where it is much."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._head: list[str] = []
        self._room = _MOST // 2
        self._tail = ""
        self._lost = 0

    def write(self, text: str) -> Any:
        """As the stream does, which comes first."""
        answer = self._stream.write(text)
        taken, rest = text[: self._room], text[self._room :]
        if taken:
            self._head.append(taken)
            self._room -= len(taken)
        self._tail += rest
        if len(self._tail) > _MOST:
            self._lost += len(self._tail) - _MOST // 2
            self._tail = self._tail[-(_MOST // 2) :]
        return answer

    def writelines(self, lines: Any) -> None:
        """One after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def text(self) -> str:
        """What passed."""
        gap = f"\n… {self._lost:,} characters are left out here …\n" if self._lost else ""
        return "".join(self._head) + gap + self._tail


class Tracked:
    """A cell that is a run, from its beginning to its end.

    Args:
        asked: what stands behind ``%%track``.
        code: the cell.
    """

    def __init__(self, asked: Asked, code: str) -> None:
        self._asked = asked
        self._code = code
        self._out, self._err = Copy(sys.stdout), Copy(sys.stderr)

    def begin(self) -> None:
        """Start the run; within one that is open it is nested."""
        import mlflow

        asked = self._asked
        experiment = None
        if asked.experiment is not None:
            # The experiment of this cell alone: what other cells log to does not change.
            found = mlflow.get_experiment_by_name(asked.experiment)
            experiment = found.experiment_id if found else mlflow.create_experiment(asked.experiment)
        run = mlflow.start_run(
            experiment_id=experiment,
            run_name=asked.name,
            nested=mlflow.active_run() is not None,
            tags={"insighter.cell": self._code[:_TAG]},
            log_system_metrics=True if asked.system else None,
        )
        self._run_id: str = run.info.run_id
        self._began = time.monotonic()
        try:
            if asked.params:
                mlflow.log_params(asked.params)
        except BaseException:
            self._close("FAILED")
            raise
        self._kept = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self._out, self._err

    def end(self, error: BaseException | None) -> None:
        """End it: FAILED where the cell raised, KILLED where it was interrupted."""
        import mlflow

        # Whoever put another stream in place meanwhile keeps it.
        if sys.stdout is self._out:
            sys.stdout = self._kept[0]
        if sys.stderr is self._err:
            sys.stderr = self._kept[1]
        client, run_id = mlflow.MlflowClient(), self._run_id
        status = (
            "FINISHED" if error is None else "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        )
        try:
            client.log_metric(run_id, "duration", time.monotonic() - self._began)
            client.log_text(run_id, self._code, "cell.py")
            for name, copy in (("stdout.txt", self._out), ("stderr.txt", self._err)):
                if copy.text:
                    client.log_text(run_id, copy.text, name)
            if error is not None:
                client.log_text(run_id, _told(error), "traceback.txt")
                client.set_tag(run_id, "insighter.error", f"{type(error).__name__}: {error}"[:_TAG])
        except Exception as trouble:  # noqa: BLE001 - the run ends all the same, and the cell's own error is told
            sys.stderr.write(f"%%track could not keep all of the run: {trouble}\n")
        finally:
            self._close(status)

    def _close(self, status: str) -> None:
        """End it, with what the cell has begun within it and left open. One that the cell ended itself has ended."""
        import mlflow

        while (active := mlflow.active_run()) is not None:
            own = active.info.run_id == self._run_id
            if not own and active.data.tags.get("mlflow.parentRunId") != self._run_id:
                return
            mlflow.end_run(status)
            if own:
                return


def _told(error: BaseException) -> str:
    """The traceback, from the cell on."""
    frames = error.__traceback__
    while frames is not None and "IPython" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


class Tracking:
    """``%%track`` for a shell.

    The cell is not run by the magic: its first line becomes the beginning of the run, and the rest stays the cell
    that it is, with ``await``, its value shown, and its own lines in tracebacks. The run ends when IPython says that
    the cell has.

    Args:
        shell: IPython's.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._cell: Any = None
        self._open: list[tuple[Any, Tracked]] = []

    def install(self) -> None:
        """Once for a shell."""
        transforms = self._shell.input_transformers_cleanup
        if any(getattr(one, "__func__", None) is Tracking.transform for one in transforms):
            return
        # Before IPython takes the line for a magic that is given the cell as text.
        transforms.insert(0, self.transform)
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)
        self._shell._insighter_track = self.begin

    def transform(self, lines: list[str]) -> list[str]:
        """The lines of a cell as IPython runs them."""
        first = next((at for at, line in enumerate(lines) if line.strip()), None)
        if first is None or not (words := _first_line(lines[first])):
            return lines
        try:
            parse(words[1])
        except UsageError:
            return lines  # the magic says what is wrong with it
        if not any(line.strip() for line in lines[first + 1 :]):
            return lines
        return [*lines[:first], f"get_ipython()._insighter_track({words[1]!r})\n", *lines[first + 1 :]]

    def begin(self, line: str) -> None:
        """What the first line has become."""
        asked = parse(self._shell.var_expand(line))
        code = str(getattr(self._cell, "raw_cell", ""))
        tracked = Tracked(asked, code.lstrip().partition("\n")[2])
        tracked.begin()
        self._open.append((self._cell, tracked))

    def _before(self, info: Any) -> None:
        self._cell = info

    def _after(self, result: Any) -> None:
        while self._open and self._open[-1][0] is result.info:
            _, tracked = self._open.pop()
            tracked.end(result.error_in_exec or result.error_before_exec)


def _first_line(line: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"(%%track)(?:[ \t]+(.*?))?\s*", line)
    return (found[1], found[2] or "") if found else None
