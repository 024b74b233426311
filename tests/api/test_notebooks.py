"""Notebooks over HTTP: identity through moves and copies, versions, what changed, and paths that lead astray."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer

API = "/insighter/api"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def cell(source: str, *outputs: dict[str, Any], kind: str = "code") -> dict[str, Any]:
    code = {"outputs": list(outputs), "execution_count": 1} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **code}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def notebook(*cells: dict[str, Any], mark: str | None = None, kernel: str = "python3") -> dict[str, Any]:
    language = {"python3": "python", "ir": "R"}[kernel]
    metadata: dict[str, Any] = {"kernelspec": {"name": kernel, "language": language, "display_name": kernel}}
    if mark is not None:
        metadata["insighter"] = {"notebook": mark}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


class Folder:
    """A project's folder on the server's disk, as people and other tools change it."""

    def __init__(self, api: httpx.Client, server: JupyterServer, project: dict[str, Any]) -> None:
        self.api = api
        self.project = project
        self.path = server.root / project["folder"]
        self.notebooks = f"{API}/projects/{project['id']}/notebooks"

    def write(self, name: str, content: Any) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    def bind(self, name: str, **more: Any) -> httpx.Response:
        return self.api.post(f"{API}/notebooks", json={"path": f"{self.project['folder']}/{name}", **more})

    def made(self, name: str, *cells: dict[str, Any]) -> dict[str, Any]:
        """A notebook that is bound, and whose file carries its id."""
        self.write(name, notebook(*cells))
        bound: dict[str, Any] = self.bind(name).json()
        self.write(name, notebook(*cells, mark=bound["id"]))
        marked: dict[str, Any] = self.bind(name).json()
        assert marked["id"] == bound["id"]
        return marked

    def snapshot(self, made: dict[str, Any], content: Any, **query: Any) -> httpx.Response:
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        return self.api.post(f"{self.notebooks}/{made['id']}/versions", content=body, params=query)

    def events(self) -> int:
        found: int = self.api.get(f"{API}/projects/{self.project['id']}").json()["last_event"]
        return found


@pytest.fixture
def folder(api: httpx.Client, server: JupyterServer, project: dict[str, Any]) -> Folder:
    return Folder(api, server, project)


# ---- identity -------------------------------------------------------------------------------------------------------


def test_a_file_in_a_projects_folder_is_bound_once(folder: Folder) -> None:
    folder.write("deep/er/Analysis 1.ipynb", notebook(cell("1")))
    answer = folder.bind("deep/er/Analysis 1.ipynb")
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["name"], made["path"], made["kernel"], made["language"]) == (
        "Analysis 1", "deep/er/Analysis 1.ipynb", "python3", "python",
    )  # fmt: skip
    assert made["project_id"] == folder.project["id"] and made["versions"] == 0 and made["last_run"] is None
    assert made["file"] == f"{folder.project['folder']}/deep/er/Analysis 1.ipynb"
    before = folder.events()
    assert folder.bind("deep/er/Analysis 1.ipynb").json() == made
    assert folder.events() == before, "to open a file again is no event"
    assert folder.api.get(folder.notebooks).json()["items"] == [made]
    assert folder.api.get(f"{folder.notebooks}/{made['id']}").json() == made


def test_an_r_notebook_is_one_too(folder: Folder) -> None:
    folder.write("r.ipynb", notebook(cell("x <- 1"), kernel="ir"))
    made = folder.bind("r.ipynb").json()
    assert (made["kernel"], made["language"]) == ("ir", "R")


def test_a_moved_file_is_the_same_notebook_whoever_moved_it(folder: Folder) -> None:
    made = folder.made("one.ipynb")
    (folder.path / "below").mkdir()
    (folder.path / "one.ipynb").rename(folder.path / "below" / "two.ipynb")
    assert folder.api.get(f"{folder.notebooks}/{made['id']}").json()["file"] is None
    moved = folder.bind("below/two.ipynb").json()
    assert (moved["id"], moved["name"], moved["path"]) == (made["id"], "two", "below/two.ipynb")
    assert [item["id"] for item in folder.api.get(folder.notebooks).json()["items"]] == [made["id"]]


def test_a_file_renamed_before_it_was_ever_saved_is_known_by_what_the_page_says(folder: Folder) -> None:
    folder.write("Untitled.ipynb", notebook())
    made = folder.bind("Untitled.ipynb").json()
    (folder.path / "Untitled.ipynb").rename(folder.path / "Named.ipynb")
    assert folder.bind("Named.ipynb", id=made["id"]).json()["id"] == made["id"]


def test_a_copy_is_a_notebook_of_its_own_and_stays_one(folder: Folder) -> None:
    made = folder.made("one.ipynb", cell("1"))
    folder.write("copy.ipynb", notebook(cell("1"), mark=made["id"]))
    copy = folder.bind("copy.ipynb").json()
    assert copy["id"] != made["id"] and copy["path"] == "copy.ipynb"
    assert folder.bind("copy.ipynb").json()["id"] == copy["id"], "its file still carries the other's id"
    assert folder.bind("one.ipynb").json()["id"] == made["id"]
    folder.write("copy.ipynb", notebook(cell("1"), mark=copy["id"]))
    assert folder.bind("copy.ipynb").json()["id"] == copy["id"]


def test_a_new_file_where_another_was_is_another_notebook(folder: Folder) -> None:
    made = folder.made("one.ipynb")
    (folder.path / "one.ipynb").rename(folder.path / "moved.ipynb")
    folder.write("one.ipynb", notebook(cell("new")))
    assert folder.bind("one.ipynb").json()["id"] != made["id"]
    assert folder.bind("moved.ipynb").json()["id"] == made["id"]


def test_a_file_from_another_project_becomes_this_projects_own(
    folder: Folder, api: httpx.Client, server: JupyterServer
) -> None:
    made = folder.made("one.ipynb", cell("1"))
    folder.snapshot(made, notebook(cell("1")))
    other = Folder(api, server, api.post(f"{API}/projects", json={"name": f"Other {uuid4().hex}"}).json())
    other.write("one.ipynb", notebook(cell("1"), mark=made["id"]))
    own = other.bind("one.ipynb").json()
    assert own["id"] != made["id"] and own["project_id"] == other.project["id"] and own["versions"] == 0
    assert api.get(f"{other.notebooks}/{made['id']}").status_code == 404


def test_a_moved_project_folder_takes_its_notebooks_along(folder: Folder, server: JupyterServer) -> None:
    made = folder.made("one.ipynb")
    folder.path.rename(server.root / f"moved-{made['id']}")
    answer = folder.api.post(f"{API}/notebooks", json={"path": f"moved-{made['id']}/one.ipynb"})
    assert answer.json()["id"] == made["id"]
    assert (
        folder.api.get(f"{folder.notebooks}/{made['id']}").json()["file"] == f"moved-{made['id']}/one.ipynb"
    )


def test_a_file_outside_of_every_project_is_left_alone(api: httpx.Client, server: JupyterServer) -> None:
    (server.root / "loose.ipynb").write_text(json.dumps(notebook()))
    assert api.post(f"{API}/notebooks", json={"path": "loose.ipynb"}).status_code == 204


@pytest.mark.parametrize("mark", ["not-a-uuid", 7, None, {"notebook": 1}, ["x"]], ids=repr)
def test_a_mark_that_says_nothing_is_none(folder: Folder, mark: Any) -> None:
    content = notebook(cell("1"))
    content["metadata"]["insighter"] = {"notebook": mark}
    folder.write("odd.ipynb", content)
    assert folder.bind("odd.ipynb").status_code == 200


# ---- hostile files and paths ----------------------------------------------------------------------------------------


def test_paths_lead_nowhere_else(folder: Folder, server: JupyterServer, tmp_path: Path) -> None:
    outside = tmp_path / "outside.ipynb"
    outside.write_text(json.dumps(notebook()))
    folder.write("real.ipynb", notebook())
    (folder.path / "link.ipynb").symlink_to(outside)
    (folder.path / "linked").symlink_to(tmp_path)
    folder.write(".ipynb_checkpoints/real-checkpoint.ipynb", notebook())
    folder.write("data.json", notebook())
    os.mkfifo(folder.path / "pipe.ipynb")
    (folder.path / "folder.ipynb").mkdir()
    ours = folder.project["folder"]
    up = "/".join([".."] * 12)
    for path in (
        f"{ours}/link.ipynb",
        f"{ours}/linked/outside.ipynb",
        f"{ours}/{up}{outside}",
        str(outside),
        f"{ours}/.ipynb_checkpoints/real-checkpoint.ipynb",
        f"{ours}/data.json",
        f"{ours}/pipe.ipynb",
        f"{ours}/folder.ipynb",
        f"{ours}/missing.ipynb",
        f"{ours}/real.ipynb\x00.ipynb",
        "a" * 4000 + ".ipynb",
    ):
        answer = folder.api.post(f"{API}/notebooks", json={"path": path})
        assert answer.status_code == 204, (path, answer.text)
    assert folder.api.get(folder.notebooks).json()["items"] == []
    # What leads back into the folder is the file that it is.
    answer = folder.api.post(f"{API}/notebooks", json={"path": f"{ours}/../{ours}/./real.ipynb"})
    assert answer.json()["path"] == "real.ipynb"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"text"', "{}", '{"nbformat": "4"}', "[" * 100_000], ids=lambda c: c[:9]
)
def test_what_is_no_notebook_is_refused_in_words(folder: Folder, content: str) -> None:
    folder.write("bad.ipynb", content)
    answer = folder.bind("bad.ipynb")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_notebook")
    made = folder.made("good.ipynb")
    answer = folder.snapshot(made, content or " ")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_notebook"), answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"nbformat": 2},
        {"nbformat": 5},
        {"cells": {}},
        {"cells": ["x"]},
        {"cells": [{"cell_type": "code", "source": 7}]},
        {"cells": [{"cell_type": "virus", "source": ""}]},
        {"cells": [{"cell_type": "code", "source": "", "outputs": [7]}]},
        {"metadata": []},
    ],
    ids=str,
)
def test_a_notebook_that_is_not_as_it_says_is_refused(folder: Folder, change: dict[str, Any]) -> None:
    made = folder.made("good.ipynb")
    answer = folder.snapshot(made, {**notebook(), **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_notebook"), answer.text
    assert folder.api.get(f"{folder.notebooks}/{made['id']}").json()["versions"] == 0


# ---- versions -------------------------------------------------------------------------------------------------------


def test_a_run_makes_a_version_and_the_same_again_none(folder: Folder) -> None:
    made = folder.made("one.ipynb")
    first = notebook(cell("print(1)", printed("1\n")), mark=made["id"])
    answer = folder.snapshot(made, first, reason="ran", outcome="ok")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["unchanged"], told["version"]["version"], told["version"]["cells"]) == (False, 1, 1)
    assert told["notebook"]["last_run"]["outcome"] == "ok"
    # Counted up by the kernel, and the same all the same.
    first["cells"][0]["execution_count"] = 2
    again = folder.snapshot(made, first, reason="ran", outcome="ok").json()
    assert (again["unchanged"], again["version"]["version"]) == (True, 1)
    assert again["notebook"]["last_run"]["at"] > told["notebook"]["last_run"]["at"]
    second = notebook(cell("print(2)", printed("2\n")))
    assert folder.snapshot(made, second, reason="ran", outcome="failed").json()["version"]["version"] == 2
    listed = folder.api.get(f"{folder.notebooks}/{made['id']}/versions").json()["items"]
    assert [(item["version"], item["outcome"]) for item in listed] == [(2, "failed"), (1, "ok")]
    page = folder.api.get(f"{folder.notebooks}/{made['id']}/versions", params={"limit": 1}).json()
    rest = folder.api.get(
        f"{folder.notebooks}/{made['id']}/versions", params={"cursor": page["cursor"]}
    ).json()
    assert [item["version"] for item in rest["items"]] == [1]


def test_a_version_is_the_notebook_without_its_mark(folder: Folder) -> None:
    made = folder.made("one.ipynb")
    content = notebook(cell("ö = 'ä'", printed("1\n")), cell("# hi", kind="markdown"), mark=made["id"])
    folder.snapshot(made, content)
    answer = folder.api.get(f"{folder.notebooks}/{made['id']}/versions/1/content")
    assert answer.headers["Content-Type"] == "application/x-ipynb+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in answer.headers["Content-Disposition"]
    kept = answer.json()
    assert kept["cells"] == content["cells"] and "insighter" not in kept["metadata"]
    assert folder.api.get(f"{folder.notebooks}/{made['id']}/versions/2/content").status_code == 404


def test_a_notebook_of_format_3_is_kept_as_one_of_4(folder: Folder) -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [{"metadata": {}, "cells": [
            {"cell_type": "code", "input": "print(1)", "language": "python", "outputs": [], "collapsed": False,
             "metadata": {}, "prompt_number": 1}]}],
    }  # fmt: skip
    folder.write("old.ipynb", old)
    made = folder.bind("old.ipynb").json()
    assert folder.snapshot(made, old).status_code == 201
    kept = folder.api.get(f"{folder.notebooks}/{made['id']}/versions/1/content").json()
    assert kept["nbformat"] == 4 and kept["cells"][0]["source"] == "print(1)"


def test_outputs_that_are_too_large_are_left_out_and_that_is_said(folder: Folder) -> None:
    made = folder.made("big.ipynb")
    big = notebook(cell("print('x' * 10**8)", printed("x" * (21 << 20))))
    told = folder.snapshot(made, big, reason="ran", outcome="ok").json()["version"]
    assert told["stripped"] is True and told["size"] < 10_000
    kept = folder.api.get(f"{folder.notebooks}/{made['id']}/versions/1/content").json()
    assert kept["cells"][0]["source"] == "print('x' * 10**8)" and kept["cells"][0]["outputs"] == []
    answer = folder.snapshot(made, notebook(cell("x" * (21 << 20))))
    assert (answer.status_code, answer.json()["code"]) == (413, "notebook_too_large")


@pytest.mark.parametrize(
    "query", [{"reason": "ran"}, {"outcome": "ok"}, {"reason": "x"}, {"kernel_id": "1"}], ids=str
)
def test_a_snapshot_says_why(folder: Folder, query: dict[str, str]) -> None:
    made = folder.made("one.ipynb")
    assert folder.snapshot(made, notebook(), **query).status_code == 422


# ---- what changed ---------------------------------------------------------------------------------------------------


def test_what_changed_between_two_versions(folder: Folder) -> None:
    made = folder.made("one.ipynb")
    image = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": PNG, "text/plain": "<Figure>"},
    }
    evil = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>alert(1)</script>"}}
    folder.snapshot(made, notebook(
        cell("# Wine", kind="markdown"), cell("a = 1\nb = 2\nprint(a)", printed("1\n")), cell("gone()", evil),
    ))  # fmt: skip
    folder.snapshot(made, notebook(
        cell("# Wine", kind="markdown"), cell("a = 1\nb = 3\nc = 4\nprint(a)", image), cell("new()"),
        cell("also new", kind="markdown"),
    ))  # fmt: skip
    answer = folder.api.get(f"{folder.notebooks}/{made['id']}/versions/1/diff/2")
    assert answer.status_code == 200, answer.text
    diff = answer.json()
    cells = {
        (item["state"], "\n".join(line["text"] for line in item["lines"])): item for item in diff["cells"]
    }
    assert diff["changed"] >= 1 and ("same", "# Wine") in cells
    [changed] = [item for item in diff["cells"] if item["state"] == "changed" and item["before"] == 2]
    assert [(line["op"], line["text"]) for line in changed["lines"]] == [
        ("same", "a = 1"), ("removed", "b = 2"), ("added", "b = 3"), ("added", "c = 4"), ("same", "print(a)"),
    ]  # fmt: skip
    assert changed["outputs_changed"]
    assert changed["outputs_before"] == [{"kind": "text", "type": "stream", "text": "1\n", "image": None}]
    assert changed["outputs_after"] == [
        {"kind": "image", "type": "image/png", "text": "<Figure>", "image": PNG}
    ]
    assert "<script>" not in answer.text, "of HTML only the type is told"
    back = folder.api.get(f"{folder.notebooks}/{made['id']}/versions/2/diff/1").json()
    assert (back["added"], back["removed"]) == (diff["removed"], diff["added"])
    same = folder.api.get(f"{folder.notebooks}/{made['id']}/versions/2/diff/2").json()
    assert {item["state"] for item in same["cells"]} == {"same"} and len(same["cells"]) == 4
    assert folder.api.get(f"{folder.notebooks}/{made['id']}/versions/1/diff/9").status_code == 404


# ---- deletion, permissions ------------------------------------------------------------------------------------------


def test_deletion_leaves_the_file_and_a_purge_frees_the_versions(
    folder: Folder, server: JupyterServer
) -> None:
    made = folder.made("one.ipynb", cell("1"))
    told = folder.snapshot(made, notebook(cell("1"))).json()["version"]
    ours = server.data_dir / "objects" / folder.project["id"]
    stored = [path for path in ours.rglob("*") if told["sha256"] in path.name]
    size = sum(path.stat().st_size for path in stored)
    here = f"{folder.notebooks}/{made['id']}"
    trash = f"{API}/projects/{folder.project['id']}/trash"
    entry = f"{trash}/notebook/{made['id']}"
    assert size > 0
    assert folder.api.delete(here).status_code == 204
    assert folder.api.get(here).status_code == 404
    assert folder.api.get(f"{here}/versions/1/content").status_code == 404
    assert (folder.path / "one.ipynb").is_file()
    [listed] = folder.api.get(trash).json()["items"]
    assert (listed["kind"], listed["name"], listed["bytes"]) == ("notebook", "one", size)
    refused = folder.api.post(f"{entry}/restore", json={"name": "two"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_name")
    assert folder.api.post(f"{entry}/restore", json={}).status_code == 200
    assert folder.api.get(f"{here}/versions/1/content").status_code == 200
    assert folder.bind("one.ipynb").json()["id"] == made["id"], "the file is the notebook again"
    assert folder.api.delete(here).status_code == 204
    assert all(path.exists() for path in stored)
    told = folder.api.delete(entry).json()
    assert (told["purged"], told["freed_objects"], told["freed_bytes"]) == (1, len(stored), size)
    assert [path for path in stored if path.exists()] == []
    assert (folder.path / "one.ipynb").is_file()


def test_a_file_whose_notebook_is_in_the_trash_is_a_new_one_when_it_is_used(folder: Folder) -> None:
    made = folder.made("one.ipynb", cell("1"))
    folder.snapshot(made, notebook(cell("1")))
    folder.api.delete(f"{folder.notebooks}/{made['id']}")
    assert folder.api.get(folder.notebooks).json()["items"] == []
    assert folder.snapshot(made, notebook(cell("2"))).status_code == 404
    again = folder.bind("one.ipynb", id=made["id"]).json()
    assert again["id"] != made["id"] and again["versions"] == 0
    folder.write("one.ipynb", notebook(cell("1"), mark=again["id"]))
    assert folder.bind("one.ipynb").json()["id"] == again["id"]
    assert folder.snapshot(again, notebook(cell("2"))).status_code == 201
    back = f"{API}/projects/{folder.project['id']}/trash/notebook/{made['id']}/restore"
    assert folder.api.post(back, json={}).status_code == 200
    both = folder.api.get(folder.notebooks).json()["items"]
    assert {item["id"] for item in both} == {made["id"], again["id"]}
    assert folder.bind("one.ipynb").json()["id"] == again["id"], "the file is the one it says it is"


def test_a_kernel_keeps_to_its_project(
    folder: Folder, api: httpx.Client, server: JupyterServer, kernel_token: str
) -> None:
    made = folder.made("one.ipynb")
    folder.snapshot(made, notebook(cell("1")))
    other = Folder(api, server, api.post(f"{API}/projects", json={"name": f"Other {uuid4().hex}"}).json())
    secret = other.made("secret.ipynb")
    other.snapshot(secret, notebook(cell("password")))
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {kernel_token}"}) as kernel:
        assert kernel.get(f"{folder.notebooks}/{made['id']}/versions/1/content").status_code == 200
        for path in ("", "/versions", "/versions/1/content", "/versions/1/diff/1"):
            assert kernel.get(f"{other.notebooks}/{secret['id']}{path}").status_code == 404
        asked = {"path": f"{other.project['folder']}/secret.ipynb"}
        assert kernel.post(f"{API}/notebooks", json=asked).status_code == 204
