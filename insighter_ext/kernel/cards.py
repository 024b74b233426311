"""Live cards: under a cell that begins a run stands how the run is doing, and in the end how it went.

What a cell begins is one output of that cell, updated from a thread of its own while the cell computes. It is plain
HTML, so it stays in the saved notebook and needs no kernel to be read. Where only a widget can be updated later, in
Voilà and within an ``Output`` widget, it is one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from insighter_ext.kernel import cardhtml
from insighter_ext.kernel.watching import RunSeen, Watcher, watch

log = logging.getLogger("insighter.cards")

_OFF = {"0", "false", "off", "no"}
_SECOND = 1.0
_MINUTE = 60.0
_CARDS = 3
_ROWS = 30
_KEPT = 200


class Cards:
    """Whether runs of this kernel have cards: ``ix.cards(False)`` switches them off, ``ix.cards(True)`` on again.

    The variable ``INSIGHTER_CARDS=off`` in a kernel's environment does it from the beginning.

    Example:
        >>> ix.cards(False)
    """

    def __init__(self) -> None:
        self.on = os.environ.get("INSIGHTER_CARDS", "").strip().lower() not in _OFF

    def __call__(self, on: bool) -> None:
        """Switch them on or off, for runs that begin from now on."""
        self.on = bool(on)

    def __repr__(self) -> str:
        return f"live cards are {'on' if self.on else 'off'}; ix.cards({not self.on}) switches them"


cards = Cards()
"""Live cards of runs, on or off."""


class _Output:
    """An output of a cell, in HTML, which messages of a later time replace."""

    def __init__(self, kernel: Any, html: str, text: str) -> None:
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        self._id = uuid4().hex
        self._session, self._socket = kernel.session, shell.display_pub.pub_socket
        self._topic = shell.display_pub.topic
        self._parent = kernel.get_parent()
        shell.display_pub.publish(self._data(html, text), transient={"display_id": self._id})

    def show(self, html: str, text: str) -> None:
        """Replace it, from any thread."""
        content = {"data": self._data(html, text), "metadata": {}, "transient": {"display_id": self._id}}
        self._session.send(
            self._socket, "update_display_data", content, parent=self._parent, ident=self._topic
        )

    @staticmethod
    def _data(html: str, text: str) -> dict[str, str]:
        return {"text/html": html, "text/plain": text}


class _Widget:
    """The same as a widget."""

    def __init__(self, html: str) -> None:
        import ipywidgets
        from IPython import display as ipython

        show: Any = ipython.display
        self._widget = ipywidgets.HTML(html)
        show(self._widget)

    def show(self, html: str, text: str) -> None:
        """Replace it, from any thread."""
        self._widget.value = html


def _surface(kernel: Any, html: str, text: str) -> _Output | _Widget:
    """What suits the page: outputs of cells are not updated in Voilà nor within an ``Output`` widget."""
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or _within_output(kernel):
        return _Widget(html)
    return _Output(kernel, html, text)


def _within_output(kernel: Any) -> bool:
    import sys

    if "ipywidgets" not in sys.modules:
        return False
    import ipywidgets

    now = kernel.get_parent().get("header", {}).get("msg_id")
    known = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
    return any(isinstance(one, ipywidgets.Output) and one.msg_id == now for one in list(known.values()))


class _Deck:
    """What one execution of a cell has begun: the last runs as cards, those before them in a line each."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.begun = time.monotonic()
        self.runs: list[str] = []
        self.nested: dict[str, list[str]] = {}
        self.surface: _Output | _Widget | None = None
        self.before = 0
        self.shown = 0.0
        self.changed = True

    @property
    def all(self) -> list[str]:
        """Ids of all its runs."""
        return [*self.runs, *(one for nested in self.nested.values() for one in nested)]


class Table:
    """The decks of this kernel, and the thread that keeps them up to date while runs go on."""

    def __init__(self, kernel: Any, url: str, project: str) -> None:
        self._kernel = kernel
        self._link = cardhtml.Link(urlsplit(url).path.rstrip("/"), project)
        self._watcher = Watcher(f"{url}/insighter/mlflow", self._begun, self._noted)
        self._decks: dict[str, _Deck] = {}
        self._of: dict[str, _Deck] = {}
        self._lock = threading.RLock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """From now on."""
        watch(self._watcher)

    def _begun(self, run: RunSeen) -> None:
        """In the thread that began it: within the cell, so that the card lands under it."""
        if not cards.on:
            self._watcher.forget([run.id])
            return
        with self._lock:
            deck = self._of.get(run.parent or "")
            if deck is not None:
                # Nested deeper than once, it is shown beside its parent.
                root = next(
                    (one for one in deck.runs if run.parent in (one, *deck.nested.get(one, ()))), None
                )
                deck.nested.setdefault(root or deck.runs[-1], []).append(run.id)
            else:
                cell = str(self._kernel.get_parent().get("header", {}).get("msg_id"))
                deck = self._decks.get(cell) or _Deck(cell)
                self._decks[cell] = deck
                deck.runs.append(run.id)
                self._bound(deck)
            self._of[run.id] = deck
            if deck.surface is None:
                deck.surface = _surface(self._kernel, *self._draw(deck))
            self._noted(run.id)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="insighter-cards", daemon=True)
                self._thread.start()

    def _bound(self, deck: _Deck) -> None:
        """Of a thousand runs of one cell the last ones are kept."""
        while len(deck.runs) > _KEPT:
            first = deck.runs.pop(0)
            gone = [first, *deck.nested.pop(first, ())]
            deck.before += 1
            for one in gone:
                self._of.pop(one, None)
            self._watcher.forget(gone)

    def _noted(self, run_id: str) -> None:
        with self._lock:
            deck = self._of.get(run_id)
            if deck is not None:
                deck.changed = True
                self._news.set()

    def _work(self) -> None:
        """Until no run goes on any more."""
        pause = 0.25
        while True:
            # What comes within a moment is drawn together; of what changes all the time, a state each second.
            self._news.wait(_SECOND)
            time.sleep(pause)
            self._news.clear()
            with self._lock:
                decks = list(self._decks.values())
            for deck in decks:
                try:
                    self._refresh(deck)
                except Exception:
                    log.debug("a card could not be drawn", exc_info=True)
                    self._drop(deck)
            with self._lock:
                if not self._decks:
                    self._thread = None
                    return

    def _refresh(self, deck: _Deck) -> None:
        now = time.monotonic()
        going = self._watcher.any_running(deck.all)
        # Its clock goes on: by the second at first, more slowly when nobody counts seconds any more.
        age = now - deck.begun
        pause = _SECOND if age < _MINUTE else 10 * _SECOND if age < 60 * _MINUTE else _MINUTE
        with self._lock:
            changed, deck.changed = deck.changed, False
        if changed and going and now - deck.shown < (_SECOND if age < _MINUTE else 2 * _SECOND):
            deck.changed = True
            return
        if (changed or (going and now - deck.shown >= pause)) and deck.surface is not None:
            html, text = self._draw(deck)
            deck.surface.show(html, text)
            deck.shown = now
        # The cell may begin another run at once, and what a queue has sends a moment after its run has ended.
        if not going and not deck.changed and now - deck.shown > 5 * _SECOND:
            self._drop(deck)

    def _drop(self, deck: _Deck) -> None:
        with self._lock:
            self._decks.pop(deck.cell, None)
            for one in deck.all:
                self._of.pop(one, None)
            self._watcher.forget(deck.all)

    def _draw(self, deck: _Deck) -> tuple[str, str]:
        with self._lock:
            ids, nested = list(deck.runs), {key: list(value) for key, value in deck.nested.items()}
        html: list[str] = []
        text: list[str] = []
        before = deck.before + max(0, len(ids) - _CARDS - _ROWS)
        if before:
            html.append(f"<div>and {before:,} before</div>")
        for at, run_id in enumerate(ids[-_CARDS - _ROWS :], max(0, len(ids) - _CARDS - _ROWS)):
            run = self._watcher.look(run_id)
            if run is None:
                continue
            below = nested.get(run_id, [])
            if at < len(ids) - _CARDS:
                html.append(cardhtml.row(run, self._link))
            else:
                # A search of thousands of trials is drawn again each second: those that are shown are looked at.
                within = [self._watcher.look(one) for one in below[-cardhtml.CHILDREN :]]
                children = [one for one in within if one is not None]
                html.append(cardhtml.card(run, children, len(below), self._link))
                text.append(cardhtml.text(run, len(below)))
        return "".join(html), "\n".join(text)


_table: Table | None = None


def lay() -> None:
    """Show cards in this kernel; without effect where there is none, or it is not of an Insighter server."""
    global _table
    import sys

    url, project = os.environ.get("INSIGHTER_URL"), os.environ.get("INSIGHTER_PROJECT")
    if _table is not None or not url or not project or "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is not None:
        _table = Table(kernel, url, project)
        _table.watch()
