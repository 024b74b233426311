"""Progress of long work: one line that changes, in notebooks and terminals; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """One line of text.

    Example:
        >>> line = Progress()
        >>> line.update("uploading 40%")
        >>> line.done("uploaded 1.2 MB")
    """

    def __init__(self) -> None:
        self._display: Any = None
        self._notebook = _in_notebook()
        self._terminal = not self._notebook and sys.stderr.isatty()
        self._last = 0.0
        self._width = 0

    def update(self, text: str) -> None:
        """Say how far it is; at most four times a second."""
        now = time.monotonic()
        if now - self._last >= 0.25:
            self._last = now
            self._show(text)

    def done(self, text: str) -> None:
        """Say how it ended."""
        self._show(text)
        if self._terminal:
            sys.stderr.write("\n")

    def _show(self, text: str) -> None:
        if self._notebook:
            from IPython import display as ipython

            display: Any = ipython.display
            data = {"text/plain": text}
            if self._display is None:
                self._display = display(data, raw=True, display_id=True)
            else:
                self._display.update(data, raw=True)
        elif self._terminal:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
