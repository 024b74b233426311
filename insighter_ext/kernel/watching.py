"""What MLflow's client sends while it works, for the cards of this kernel: seen as it passes, asked of nobody.

MLflow has no place for listeners. So the few methods of its REST store through which all of its APIs write,
autologging's queue included, are wrapped: each runs as it did, and what it has sent is noted after it. Nothing that
goes wrong here reaches them.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("insighter.cards")

_MOST_POINTS = 120
_MOST_KEYS = 1000
_METHODS = ("create_run", "update_run_info", "log_batch", "log_metric", "log_param", "set_tag")


@dataclass
class Series:
    """A metric as a small curve draws it.

    Attributes:
        points: values in the order they came; every so many of them, where they are many.
        count: how many came.
        last: the newest value.
    """

    points: list[float] = field(default_factory=list)
    count: int = 0
    last: float = 0.0
    step: int = 0
    _every: int = 1

    def add(self, value: float, step: int) -> None:
        """One more value."""
        if self.count % self._every == 0:
            self.points.append(value)
            if len(self.points) >= _MOST_POINTS:
                self.points = self.points[::2]
                self._every *= 2
        self.count += 1
        self.last, self.step = value, step

    def drawn(self) -> list[float]:
        """What to draw; the newest value is always in it."""
        thinned = self.count > 0 and (self.count - 1) % self._every != 0
        return [*self.points, self.last] if thinned else list(self.points)


@dataclass
class RunSeen:
    """A run that this process began, as far as it was seen.

    Attributes:
        started, ended: seconds since 1970.
        parent: the id of the run that it is nested in.
    """

    id: str
    name: str
    started: float
    parent: str | None = None
    status: str = "RUNNING"
    ended: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Series] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.status in {"RUNNING", "SCHEDULED"}

    def copy(self) -> RunSeen:
        """As it is now: what is drawn does not change while it is drawn."""
        metrics = {
            key: Series(list(one.points), one.count, one.last, one.step, one._every)
            for key, one in self.metrics.items()
        }
        return RunSeen(
            self.id, self.name, self.started, self.parent, self.status, self.ended, dict(self.params), metrics
        )


class Watcher:
    """Keeps what is seen of the runs of this process. Threads may share it.

    Args:
        host: MLflow's address of the server whose runs count.
        begun: is told of each new run, in the thread that began it.
        changed: is told whose run has changed.
    """

    def __init__(self, host: str, begun: Callable[[RunSeen], None], changed: Callable[[str], None]) -> None:
        self._host = host
        self._process = os.getpid()
        self._begun = begun
        self._changed = changed
        self._runs: dict[str, RunSeen] = {}
        self._lock = threading.Lock()

    def look(self, run_id: str) -> RunSeen | None:
        """A run as it is now."""
        with self._lock:
            found = self._runs.get(run_id)
            return found.copy() if found else None

    def any_running(self, run_ids: Iterable[str]) -> bool:
        """Whether one of these goes on."""
        with self._lock:
            return any(run.running for one in run_ids if (run := self._runs.get(one)) is not None)

    def forget(self, run_ids: Iterable[str]) -> None:
        """Keep no more of these."""
        with self._lock:
            for run_id in run_ids:
                self._runs.pop(run_id, None)

    def saw(self, method: str, store: Any, sent: Mapping[str, Any], answer: Any) -> None:
        """A method of a store has done its work."""
        if os.getpid() != self._process:
            return  # a fork has no page to write on
        if method == "create_run":
            if store.get_host_creds().host.rstrip("/") == self._host:
                self._create(answer)
            return
        run_id = str(sent.get("run_id"))
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return
            getattr(self, f"_{method}")(run, sent)
        self._changed(run_id)

    def _create(self, made: Any) -> None:
        info = made.info
        run = RunSeen(
            id=info.run_id,
            name=info.run_name or info.run_id[:8],
            started=(info.start_time or time.time() * 1000) / 1000,
            parent=made.data.tags.get("mlflow.parentRunId"),
        )
        with self._lock:
            self._runs[run.id] = run
        self._begun(run)

    def _update_run_info(self, run: RunSeen, sent: Mapping[str, Any]) -> None:
        from mlflow.entities import RunStatus

        status = sent.get("run_status")
        if status is not None:
            run.status = RunStatus.to_string(status)
            run.ended = None if run.running else (sent.get("end_time") or time.time() * 1000) / 1000
        run.name = sent.get("run_name") or run.name

    def _log_batch(self, run: RunSeen, sent: Mapping[str, Any]) -> None:
        for metric in sent.get("metrics") or ():
            self._log_metric(run, {"metric": metric})
        for param in sent.get("params") or ():
            self._log_param(run, {"param": param})
        for tag in sent.get("tags") or ():
            self._set_tag(run, {"tag": tag})

    def _log_metric(self, run: RunSeen, sent: Mapping[str, Any]) -> None:
        metric = sent["metric"]
        series = run.metrics.get(metric.key)
        if series is None:
            if len(run.metrics) >= _MOST_KEYS:
                return
            series = run.metrics[metric.key] = Series()
        series.add(float(metric.value), int(metric.step or 0))

    def _log_param(self, run: RunSeen, sent: Mapping[str, Any]) -> None:
        if len(run.params) < _MOST_KEYS:
            run.params[sent["param"].key] = str(sent["param"].value)

    def _set_tag(self, run: RunSeen, sent: Mapping[str, Any]) -> None:
        if sent["tag"].key == "mlflow.runName":
            run.name = str(sent["tag"].value)


def watch(watcher: Watcher) -> None:
    """Let a watcher see what MLflow's stores send from now on, in place of any before it."""
    from mlflow.store.tracking.rest_store import RestStore

    for name in _METHODS:
        method = getattr(RestStore, name)
        original = getattr(method, "_insighter_original", method)
        setattr(RestStore, name, _watched(name, original, watcher))


def _watched(name: str, original: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        try:
            watcher.saw(name, self, signature.bind(self, *args, **kwargs).arguments, answer)
        except Exception:
            log.debug("a card missed what %s sent", name, exc_info=True)
        return answer

    method._insighter_original = original  # type: ignore[attr-defined]
    return method
