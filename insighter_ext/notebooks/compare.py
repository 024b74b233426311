"""Compare two notebooks, in a process of its own: ``python -m insighter_ext.notebooks.compare BEFORE AFTER BYTES``.

nbdime says which cell became which and what of it changed; here that is made into a list of cells to be looked at.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_LONGEST_TEXT = 10_000
_LARGEST_IMAGE = 1024**2
_MOST_IMAGES = 8 * 1024**2
_COMPARED = 2_000
"""characters of an output's value that are compared as they are; of a longer one its SHA-256 is"""

_IMAGES = ("image/png", "image/jpeg", "image/gif")
_PLAIN = ("text/plain", "text/markdown", "text/latex", "application/json")

Json = dict[str, Any]


def compare(before: Json, after: Json) -> list[Json]:
    """The cells of both, each told what became of it; as ``CellDiff`` of the API.

    Args:
        before: a notebook of nbformat 4.
        after: another.
    """
    from nbdime import diff_notebooks
    from nbformat import from_dict

    old, new = before["cells"], after["cells"]
    lean = [from_dict({"cells": [_lean(cell) for cell in cells]}) for cells in (old, new)]  # type: ignore[no-untyped-call]
    diff = diff_notebooks(*lean)
    ops: list[Json] = next((entry["diff"] for entry in diff if entry["key"] == "cells"), [])
    told, images = [], _Images()
    at = there = 0

    def same_until(key: int) -> None:
        nonlocal at, there
        while at < key:
            told.append(_cell("same", old[at], at, there, _lines("same", old[at])))
            at, there = at + 1, there + 1

    for op in ops:
        same_until(op["key"])
        if op["op"] == "addrange":
            for _ in op["valuelist"]:
                cell = new[there]
                shown = [images.output(each) for each in cell.get("outputs", [])]
                told.append(
                    _cell("added", cell, None, there, _lines("added", cell), after=shown, outputs=bool(shown))
                )
                there += 1
        elif op["op"] == "removerange":
            for _ in range(op["length"]):
                cell = old[at]
                shown = [images.output(each) for each in cell.get("outputs", [])]
                told.append(
                    _cell(
                        "removed", cell, at, None, _lines("removed", cell), before=shown, outputs=bool(shown)
                    )
                )
                at += 1
        else:
            told.append(_changed(old[at], new[there], at, there, op["diff"], images))
            at, there = at + 1, there + 1
    same_until(len(old))
    return told


def _changed(old: Json, new: Json, at: int, there: int, diff: list[Json], images: _Images) -> Json:
    """A cell that nbdime found in both; what differs may be of no interest, such as its id."""
    by_key = {entry["key"]: entry for entry in diff}
    outputs = "outputs" in by_key
    lines = _patched(_source(old), by_key["source"]["diff"]) if "source" in by_key else _lines("same", new)
    if not outputs and "source" not in by_key and "cell_type" not in by_key:
        return _cell("same", new, at, there, lines)
    return _cell(
        "changed", new, at, there, lines, outputs=outputs,
        before=[images.output(each) for each in old.get("outputs", [])] if outputs else [],
        after=[images.output(each) for each in new.get("outputs", [])] if outputs else [],
    )  # fmt: skip


def _patched(source: str, diff: list[Json]) -> list[Json]:
    """The lines of a source and what became of them. nbdime's ops name lines by their place; a patch is within one."""
    lines = source.splitlines(keepends=True)
    told: list[Json] = []
    at = 0
    for op in diff:
        told += [_line("same", line) for line in lines[at : op["key"]]]
        at = op["key"]
        if op["op"] == "addrange":
            told += [_line("added", line) for line in op["valuelist"]]
        elif op["op"] == "removerange":
            told += [_line("removed", line) for line in lines[at : at + op["length"]]]
            at += op["length"]
        else:
            told += [_line("removed", lines[at]), _line("added", _patched_line(lines[at], op["diff"]))]
            at += 1
    return told + [_line("same", line) for line in lines[at:]]


def _patched_line(line: str, diff: list[Json]) -> str:
    made, at = "", 0
    for op in diff:
        made += line[at : op["key"]]
        at = op["key"]
        if op["op"] == "addrange":
            made += "".join(op["valuelist"])
        else:
            at += op["length"]
    return made + line[at:]


def _line(op: str, text: str) -> Json:
    return {"op": op, "text": text.rstrip("\r\n")}


def _lines(op: str, cell: Json) -> list[Json]:
    return [_line(op, line) for line in _source(cell).splitlines()]


def _source(cell: Json) -> str:
    return _text(cell["source"])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "".join(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _cell(
    state: str, cell: Json, at: int | None, there: int | None, lines: list[Json], *,
    before: Iterable[Json] = (), after: Iterable[Json] = (), outputs: bool = False,
) -> Json:  # fmt: skip
    return {
        "state": state, "type": cell["cell_type"], "lines": lines,
        "before": None if at is None else at + 1, "after": None if there is None else there + 1,
        "outputs_changed": outputs, "outputs_before": list(before), "outputs_after": list(after),
    }  # fmt: skip


def _lean(cell: Json) -> Json:
    """What is compared of a cell: nothing that each run counts up, and no long value character by character."""
    lean: Json = {"cell_type": cell["cell_type"], "metadata": {}, "source": _source(cell)}
    if cell["cell_type"] == "code":
        lean |= {"execution_count": None, "outputs": [_lean_output(each) for each in cell.get("outputs", [])]}
    return lean


def _lean_output(output: Json) -> Json:
    kind = output["output_type"]
    if kind == "stream":
        return {
            "output_type": kind,
            "name": str(output.get("name", "")),
            "text": _short(output.get("text", "")),
        }
    if kind == "error":
        names = {key: str(output.get(key, "")) for key in ("ename", "evalue")}
        return {"output_type": kind, "traceback": [], **names}
    data = output.get("data")
    data = {str(mime): _short(value) for mime, value in data.items()} if isinstance(data, dict) else {}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _COMPARED else "sha-256 " + hashlib.sha256(text.encode()).hexdigest()


class _Images:
    """Makes outputs that can be shown as they are, with so many bytes of images and no more."""

    def __init__(self) -> None:
        self._left = _MOST_IMAGES

    def output(self, output: Json) -> Json:
        kind = output["output_type"]
        if kind == "stream":
            return _shown("text", "stream", _text(output.get("text", "")))
        if kind == "error":
            text = f"{_text(output.get('ename', ''))}: {_text(output.get('evalue', ''))}"
            return _shown("error", "error", text)
        data = output.get("data")
        data = data if isinstance(data, dict) else {}
        plain = next((_text(data[mime]) for mime in _PLAIN if mime in data), "")
        for mime in _IMAGES:
            image = _text(data.get(mime, "")).replace("\n", "")
            if image and len(image) <= min(_LARGEST_IMAGE, self._left):
                self._left -= len(image)
                return {**_shown("image", mime, plain), "image": image}
        if plain:
            return _shown("text", next(mime for mime in _PLAIN if mime in data), plain)
        return _shown("other", ", ".join(sorted(map(str, data)))[:200], "")


def _shown(kind: str, mime: str, text: str) -> Json:
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + "…"
    return {"kind": kind, "type": mime, "text": text, "image": None}


def _limit(memory: int) -> None:
    """Bound what a notebook can make of this process."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def main(arguments: list[str], write: Callable[[str], Any]) -> None:
    """See the module."""
    before, after, memory = arguments
    _limit(int(memory))
    read = [json.loads(Path(path).read_bytes()) for path in (before, after)]
    write(json.dumps(compare(*read)))


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdout.write)
