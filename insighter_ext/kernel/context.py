"""What every run that a notebook begins knows of it: the notebook, and the commit of the repository that it is in.

MLflow finds this module by its entry point ``mlflow.run_context_provider`` when it is imported, and the cards begin
here too: as long as MLflow is not imported, nothing of this is.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from mlflow.tracking.context.abstract_context import RunContextProvider

from insighter_ext.kernel.repository import git

log = logging.getLogger("insighter.context")

_FRESH = 5.0
_MARKER = ".insighter.json"


class KernelContext(RunContextProvider):
    """Tags of runs that a kernel of Jupyter begins. Without effect elsewhere: scripts have MLflow's own."""

    def __init__(self) -> None:
        self._git: tuple[float, dict[str, str]] | None = None
        self._leaves_open = False
        try:
            if _in_kernel():
                from insighter_ext.kernel.cards import lay

                lay()
        except Exception:
            log.debug("no cards here", exc_info=True)

    def in_context(self) -> bool:
        """Whether this is a kernel."""
        return _in_kernel()

    def tags(self) -> dict[str, str]:
        """The notebook and its commit, as far as they are known."""
        if not self._leaves_open and os.environ.get("INSIGHTER_TOKEN", "").startswith("ixk_"):
            # Not before: what is registered last is called first, and MLflow registers its own when it is imported.
            atexit.register(_leave_open)
            self._leaves_open = True
        session = os.environ.get("JPY_SESSION_NAME")
        notebook = Path(session) if session and os.path.isabs(session) else None
        found = {"mlflow.source.type": "NOTEBOOK"}
        if notebook is not None:
            found["mlflow.source.name"] = _below_project(notebook)
        folder = notebook.parent if notebook is not None and notebook.parent.is_dir() else Path.cwd()
        now = time.monotonic()
        if self._git is None or now - self._git[0] > _FRESH:
            self._git = (now, git(folder))
        return found | self._git[1]


def _in_kernel() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _below_project(notebook: Path) -> str:
    """A notebook's place in its project's folder; its name where it is in none."""
    for folder in notebook.parents:
        if (folder / _MARKER).is_file():
            return notebook.relative_to(folder).as_posix()
    return notebook.name


def _leave_open() -> None:
    """At its end MLflow calls the innermost run that is still open finished. In a kernel nobody said so: the server,
    which knows whether the kernel was shut down or restarted, says how the run ended."""
    try:
        stack: Any = sys.modules["mlflow.tracking.fluent"]._active_run_stack
        for runs in stack.get_all_thread_values().values():
            runs.clear()
    except Exception:
        log.debug("open runs are left to MLflow", exc_info=True)
