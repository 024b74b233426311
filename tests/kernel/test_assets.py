"""Search in a kernel: what is in its project, as a table."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer


@pytest.mark.timeout(180)
def test_a_kernel_finds_assets_of_its_project(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    mark = uuid4().hex[:8]
    other = api.post("/insighter/api/projects", json={"name": f"Other {mark}"}).json()
    for id, name in ((project["id"], f"here {mark}"), (other["id"], f"there {mark}")):
        answer = api.post(
            f"/insighter/api/projects/{id}/datasets/{name}/versions", content=b"acidity,b\n1,2\n"
        )
        assert answer.status_code == 201
    with kernel(server, project["folder"]) as running:
        running.run("import insighter_ext as ix")
        shown = running.run(f"found = ix.search('{mark} acid'); found").value
        assert f"here {mark}" in shown and f"there {mark}" not in shown and "column: acidity" in shown
        assert running.run("len(found), found[0]['kind'], found[0]['version']").value == "(1, 'dataset', 1)"
        assert running.run(f"len(ix.search('{mark}', kinds='model'))").value == "0"
        assert running.run("ix.search('nothingofthekind')").value == "Nothing has all of these words."
        error = running.try_run("ix.search('x', limit=1000)").error
        assert error is not None and "limit" in error
