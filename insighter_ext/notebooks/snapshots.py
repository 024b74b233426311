"""A notebook as it is kept: what is taken of it, what identifies it, and how much there may be of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from insighter_ext.errors import Invalid, TooLarge
from insighter_ext.notebooks import files

LIMIT = 20 * 1024**2
"""bytes of a version; of a larger notebook the outputs are left out"""

LARGEST_BODY = 10 * LIMIT
"""bytes that are taken to find that out"""

_MOST_CELLS = 20_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notebook, ready to be stored."""

    content: bytes
    fingerprint: str
    """SHA-256 of sources and outputs, without what each run counts up"""
    cells: int
    stripped: bool
    """whether its outputs were left out"""
    kernel: str | None
    language: str | None


def prepare(raw: bytes, limit: int = LIMIT) -> Prepared:
    """Read a notebook of format 3 or 4 and write it as nbformat does, in format 4 and without the mark of its identity.

    Raises:
        Invalid: it is no notebook, or of another format.
        TooLarge: it is larger than the limit even without outputs.
    """
    notebook = _notebook(raw)
    told = files.told(notebook)
    notebook["metadata"].pop(files.KEY, None)
    content, stripped = _written(notebook), False
    if len(content) > limit:
        _strip(notebook)
        content, stripped = _written(notebook), True
        if len(content) > limit:
            raise TooLarge(
                f"the notebook has more than {limit:,} bytes even without its outputs",
                code="notebook_too_large",
                hint="take embedded files out of its cells",
            )
    cells = notebook["cells"]
    seen = json.dumps([_seen(cell) for cell in cells], sort_keys=True, separators=(",", ":"))
    fingerprint = hashlib.sha256(seen.encode()).hexdigest()
    return Prepared(content, fingerprint, len(cells), stripped, told.kernel, told.language)


def _notebook(raw: bytes) -> dict[str, Any]:
    try:
        notebook: Any = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"it is not JSON: {error}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise _invalid("it does not say its nbformat")
    if notebook["nbformat"] == 3:
        notebook = _converted(notebook)
    if notebook["nbformat"] != 4:
        raise _invalid(f"its nbformat is {notebook['nbformat']}, and 3 and 4 are known")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or len(cells) > _MOST_CELLS or not all(map(_is_cell, cells)):
        raise _invalid(f"its cells are no list of at most {_MOST_CELLS:,} cells")
    if not isinstance(notebook.setdefault("metadata", {}), dict):
        raise _invalid("its metadata are no object")
    return dict(notebook)


def _is_cell(cell: Any) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in {"code", "markdown", "raw"}:
        return False
    source, outputs = cell.get("source"), cell.get("outputs", [])
    lines = isinstance(source, list) and all(isinstance(line, str) for line in source)
    return (isinstance(source, str) or lines) and isinstance(outputs, list) and all(map(_is_output, outputs))


def _is_output(output: Any) -> bool:
    return isinstance(output, dict) and isinstance(output.get("output_type"), str)


def _converted(notebook: dict[str, Any]) -> dict[str, Any]:
    import nbformat

    try:
        found: dict[str, Any] = nbformat.convert(nbformat.from_dict(notebook), 4)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over is in the notebook
        raise _invalid(f"it could not be converted from nbformat 3: {error}") from None
    return found


def _written(notebook: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": "))
    except (TypeError, ValueError, RecursionError) as error:
        raise _invalid(str(error)) from None
    # Halves of characters, which are no UTF-8, become question marks.
    return (text + "\n").encode("utf-8", "replace")


def _strip(notebook: dict[str, Any]) -> None:
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = []
            cell["execution_count"] = None


def _seen(cell: dict[str, Any]) -> list[Any]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    outputs = [
        {key: value for key, value in output.items() if key not in {"execution_count", "metadata"}}
        for output in cell.get("outputs", [])
    ]
    return [cell["cell_type"], source, outputs]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no value in JSON")


def _invalid(why: str) -> Invalid:
    return Invalid(
        f"this is no notebook that can be kept: {why}"[:500],
        code="not_a_notebook",
        hint="open it in JupyterLab and save it again",
    )
