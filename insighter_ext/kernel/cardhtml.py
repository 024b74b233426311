"""How a run's card looks: HTML without scripts or style sheets, so that it stays as it is in a saved notebook.

Colours are JupyterLab's where it is shown in JupyterLab or Voilà, light or dark, and quiet ones elsewhere. All that
comes from a run is escaped.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from html import escape
from typing import Any

from insighter_ext.kernel.watching import RunSeen, Series

_PARAMS = 12
_METRICS = 9
CHILDREN = 8
_WIDTH, _HEIGHT = 96, 20

_QUIET = "color:var(--jp-ui-font-color2,#757575)"
_COLOURS = {
    "RUNNING": "var(--jp-brand-color1,#1976d2)",
    "SCHEDULED": "var(--jp-ui-font-color2,#757575)",
    "FINISHED": "var(--jp-success-color1,#388e3c)",
    "FAILED": "var(--jp-error-color1,#d32f2f)",
    "KILLED": "var(--jp-warn-color1,#f57c00)",
}
_WORDS = {
    "RUNNING": "running",
    "SCHEDULED": "scheduled",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "stopped",
}


class Link:
    """Where a run's page is.

    Args:
        base: the path of Jupyter's base address, without a slash at its end.
    """

    def __init__(self, base: str, project: str) -> None:
        self._base = base
        self._project = project

    def to(self, run: RunSeen) -> str:
        """The run's name as a link. JupyterLab opens the page in a tab; elsewhere the link leads to JupyterLab."""
        arguments = json.dumps({"project": self._project, "id": run.id, "name": run.name})
        address = f"{self._base}/lab?insighter-run={self._project}/{run.id}"
        return (
            f'<a href="{escape(address)}" target="_blank" rel="noopener" title="Open the run"'
            f' data-commandlinker-command="insighter:open-run" data-commandlinker-args="{escape(arguments)}"'
            f' style="color:var(--jp-content-link-color,#1976d2);font-weight:600">{escape(short(run.name, 60))}</a>'
        )


def card(run: RunSeen, children: Sequence[RunSeen], nested: int, link: Link) -> str:
    """A run and the last of those within it, of which there are so many."""
    parts = [_head(run, link)]
    if run.params:
        parts.append(_params(run.params))
    if run.metrics:
        parts.append(_metrics(run.metrics))
    if children:
        parts.append(_children(children, nested, link))
    return (
        '<div style="box-sizing:border-box;max-width:760px;margin:4px 0;padding:8px 12px;'
        "border:1px solid var(--jp-border-color2,#bdbdbd);border-radius:4px;"
        "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;"
        f'color:var(--jp-ui-font-color1,inherit)">{"".join(parts)}</div>'
    )


def row(run: RunSeen, link: Link) -> str:
    """One of many runs, in one line."""
    shown = ", ".join(f"{short(key, 24)} {number(one.last)}" for key, one in list(run.metrics.items())[:3])
    said = f' <span style="{_QUIET}">· {escape(shown)}</span>' if shown else ""
    return f'<div style="font-size:13px;line-height:1.6">{_status(run)} {link.to(run)}{said}</div>'


def text(run: RunSeen, nested: int) -> str:
    """The same in plain text."""
    lines = [f"run {run.name}: {_WORDS.get(run.status, run.status)}, {duration(run)}"]
    if run.params:
        lines.append(
            "  " + ", ".join(f"{key}={short(value, 40)}" for key, value in _first(run.params, _PARAMS))
        )
    lines += [f"  {key} {number(one.last)}" for key, one in _first(run.metrics, _METRICS)]
    if nested:
        lines.append(f"  {nested} nested")
    return "\n".join(lines)


def duration(run: RunSeen) -> str:
    """How long it has run, or ran."""
    seconds = max(0.0, (run.ended or time.time()) - run.started)
    if seconds < 60:
        return f"{seconds:.1f} s" if run.ended else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def number(value: float) -> str:
    """A metric's value as people read it."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.4g}"


def short(value: str, most: int) -> str:
    """The beginning of a text that is too long."""
    line = " ".join(value.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def sparkline(series: Series, name: str) -> str:
    """A metric's values as a small curve; what is no number leaves a gap."""
    values = series.drawn()
    known = [value for value in values if math.isfinite(value)]
    if len(known) < 2:
        return f'<span style="display:inline-block;width:{_WIDTH}px"></span>'
    low, high = min(known), max(known)
    scale = (high - low) or 1.0
    across = (_WIDTH - 4) / (len(values) - 1)
    pieces: list[list[str]] = [[]]
    for at, value in enumerate(values):
        if math.isfinite(value):
            # Halves first: the difference of two very large numbers may be larger than any.
            up = (value / 2 - low / 2) / (scale / 2) if math.isfinite(scale) else 0.5
            pieces[-1].append(f"{2 + at * across:.1f},{_HEIGHT - 2 - up * (_HEIGHT - 4):.1f}")
        elif pieces[-1]:
            pieces.append([])
    lines = "".join(
        f'<polyline points="{" ".join(piece)}" fill="none" stroke="var(--jp-brand-color1,#1976d2)"'
        ' stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"/>'
        for piece in pieces
        if piece
    )
    said = f"{name}: {series.count:,} values, from {number(known[0])} to {number(known[-1])}"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(said)}" style="vertical-align:middle">{lines}</svg>'
    )


def _status(run: RunSeen) -> str:
    colour = _COLOURS.get(run.status, "currentColor")
    word = _WORDS.get(run.status, run.status.lower())
    return (
        f'<span aria-hidden="true" style="display:inline-block;width:8px;height:8px;border-radius:50%;'
        f'margin-right:6px;background:{colour}"></span>'
        f'<span style="display:inline-block;min-width:56px;margin-right:6px">{escape(word)}</span>'
    )


def _head(run: RunSeen, link: Link) -> str:
    return (
        '<div style="display:flex;flex-wrap:wrap;align-items:baseline;column-gap:10px">'
        f"<span>{_status(run)}{link.to(run)}</span>"
        f'<span style="{_QUIET}">{duration(run)}</span></div>'
    )


def _params(params: dict[str, str]) -> str:
    shown = [
        f'<span title="{escape(f"{key} = {short(value, 500)}")}" style="white-space:nowrap">'
        f'<span style="{_QUIET}">{escape(short(key, 32))}</span> {escape(short(value, 32))}</span>'
        for key, value in _first(params, _PARAMS)
    ]
    parts = "".join([*shown, *_more(params, _PARAMS)])
    return f'<div style="display:flex;flex-wrap:wrap;column-gap:14px">{parts}</div>'


def _metrics(metrics: dict[str, Series]) -> str:
    shown = [
        '<div style="display:flex;align-items:center;column-gap:8px">'
        f'<span title="{escape(key)}" style="flex:1 1 0;min-width:0;overflow:hidden;text-overflow:ellipsis;'
        f'white-space:nowrap;{_QUIET}">{escape(key)}</span>'
        f"{sparkline(one, key)}"
        '<span style="min-width:64px;text-align:right;font-variant-numeric:tabular-nums">'
        f"{escape(number(one.last))}</span></div>"
        for key, one in _first(metrics, _METRICS)
    ]
    grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));column-gap:28px;margin-top:4px"
    return f'<div style="{grid}">{"".join(shown)}</div>{"".join(_more(metrics, _METRICS))}'


def _children(children: Sequence[RunSeen], nested: int, link: Link) -> str:
    rows = "".join(row(child, link) for child in children)
    before = nested - len(children)
    more = f'<div style="{_QUIET}">and {before:,} before</div>' if before > 0 else ""
    return (
        '<div style="margin-top:4px;padding-left:10px;border-left:2px solid var(--jp-border-color2,#bdbdbd)">'
        f"{more}{rows}</div>"
    )


def _first(items: dict[str, Series] | dict[str, str], most: int) -> list[tuple[str, Any]]:
    return list(items.items())[:most]


def _more(items: dict[str, Series] | dict[str, str], most: int) -> list[str]:
    rest = len(items) - most
    return [f'<span style="{_QUIET}">and {rest:,} more</span>'] if rest > 0 else []
