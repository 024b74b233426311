"""What is kept of a notebook, what identifies it, and what is shown of two that differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from insighter_ext.errors import Invalid, TooLarge
from insighter_ext.notebooks import files, snapshots
from insighter_ext.notebooks.compare import compare
from insighter_ext.projects import folders


def notebook(*cells: tuple[str, list[dict[str, Any]]], **metadata: Any) -> dict[str, Any]:
    made = [
        {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": outputs}
        for source, outputs in cells
    ]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": made}


def shown(**data: Any) -> dict[str, Any]:
    named = {name.replace("_", "/", 1).replace("_", "+"): value for name, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": named}


def test_only_sources_and_outputs_make_a_difference() -> None:
    def fingerprint(content: dict[str, Any]) -> str:
        return snapshots.prepare(json.dumps(content).encode()).fingerprint

    first = notebook(("a = 1\nb", [shown(text_plain="1")]))
    again = notebook(("a = 1\nb", [shown(text_plain="1")]), kernelspec={"name": "other"})
    again["cells"][0] |= {"execution_count": 7, "source": ["a = 1\n", "b"], "id": "x"}
    assert fingerprint(first) == fingerprint(again)
    assert fingerprint(first) != fingerprint(notebook(("a = 1\nb", [shown(text_plain="2")])))
    assert fingerprint(first) != fingerprint(notebook(("a = 1", [shown(text_plain="1")])))


def test_what_is_too_large_goes_without_outputs_or_not_at_all() -> None:
    raw = json.dumps(notebook(("a", [shown(text_plain="x" * 5000)]), widgets={"state": "y" * 5000})).encode()
    kept = snapshots.prepare(raw, limit=2000)
    assert kept.stripped and len(kept.content) < 2000 and b'"source": "a"' in kept.content
    assert not snapshots.prepare(raw, limit=20_000).stripped
    with pytest.raises(TooLarge):
        snapshots.prepare(raw, limit=20)


@pytest.mark.parametrize(
    "raw", [b"NaN", b'{"nbformat": 4, "cells": [], "metadata": {"x": NaN}}', b"\xff", b"[[["]
)
def test_what_is_no_json_is_no_notebook(raw: bytes) -> None:
    with pytest.raises(Invalid):
        snapshots.prepare(raw)


def test_halves_of_characters_do_not_stop_it() -> None:
    content = snapshots.prepare(
        b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": "\\ud83d"}]}'
    ).content
    assert json.loads(content)["cells"][0]["source"] == "?"


def test_a_file_is_of_the_nearest_project(tmp_path: Path) -> None:
    outer, inner = uuid4(), uuid4()
    folders.make(tmp_path, "outer", outer)
    folders.make(tmp_path, "outer/inner", inner)
    for place in ("outer/a.ipynb", "outer/inner/deep/b.ipynb"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(json.dumps(notebook()))
    found = [files.locate(path, tmp_path) for path in ("outer/a.ipynb", "/outer/inner/deep/b.ipynb")]
    assert [(each.project_id, each.path) for each in found if each] == [
        (outer, "a.ipynb"),
        (inner, "deep/b.ipynb"),
    ]


def test_an_id_counts_where_the_file_is_there_and_carries_it(tmp_path: Path) -> None:
    own, other = UUID(int=1), UUID(int=2)
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook(insighter={"notebook": str(own)})))
    (tmp_path / "link.ipynb").symlink_to("/etc/hostname")
    assert files.carries(tmp_path, "a.ipynb", own)
    assert not files.carries(tmp_path, "a.ipynb", other)
    for path in ("gone.ipynb", "link.ipynb", "../a.ipynb"):
        assert not files.carries(tmp_path, path, own), path


def test_nothing_of_an_output_that_could_run_is_shown() -> None:
    evil = "<script>alert(1)</script>"
    before = notebook(("plot()", [shown(text_plain="1")]))
    after = notebook(("plot()", [
        shown(text_html=evil), shown(image_svg_xml=evil), shown(application_javascript=evil),
        shown(text_html=evil, text_plain="a table"), {"output_type": "error", "ename": "E", "evalue": "no"},
    ]))  # fmt: skip
    [cell] = compare(before, after)
    assert cell["state"] == "changed" and {line["op"] for line in cell["lines"]} == {"same"}
    kinds = [(output["kind"], output["text"], output["image"]) for output in cell["outputs_after"]]
    assert kinds == [("other", "", None)] * 3 + [("text", "a table", None), ("error", "E: no", None)]


def test_lines_are_those_of_both_versions() -> None:
    old = "a\nb\nlong line that stays much the same\nz"
    new = "b\nlong line that stays quite the same\nc\nz\n"
    [cell] = compare(notebook((old, [])), notebook((new, [])))
    lines = cell["lines"]
    assert [line["text"] for line in lines if line["op"] != "added"] == old.splitlines()
    assert [line["text"] for line in lines if line["op"] != "removed"] == new.splitlines()
