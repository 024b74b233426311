"""What happened, as a notebook and a shell see it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import REPOSITORY, JupyterServer


def upload(api: httpx.Client, project: dict[str, Any], name: str) -> None:
    path = f"/insighter/api/projects/{project['id']}/datasets/{name}/versions"
    assert api.post(path, content=b"a\n1\n").is_success


@pytest.mark.timeout(180)
def test_the_last_of_what_happened_in_a_notebook(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    for name in ("fish", "wine"):
        upload(api, project, name)
    with kernel(server, project["folder"]) as running:
        running.run("import insighter_ext as ix")
        assert "dataset  fish" in running.run("ix.activity(kind='dataset')").value
        names = running.run("[event.name for event in ix.activity(kind='dataset')]").value
        assert names == "['wine', 'fish']"
        assert (
            running.run("[event.verb for event in ix.activity(kind='dataset', key='fish')]").value
            == "['created']"
        )
        assert running.run("len(ix.activity(limit=1))").value == "1"
        assert running.run("ix.activity()[-1].kind").value == "'project'"
        assert running.run("list(ix.activity().to_pandas().columns)").value == (
            "['when', 'who', 'what', 'kind', 'name']"
        )
        with pytest.raises(AssertionError, match='no dataset "cheese"'):
            running.run("ix.activity(kind='dataset', key='cheese')")


@pytest.mark.timeout(180)
def test_what_happens_is_followed_in_a_shell(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    upload(api, project, "before")
    command = [
        sys.executable, "-m", "insighter_ext.cli", "activity", "--follow", "--json", "--kind", "dataset",
        "--url", server.url, "--token", server.token, "--project", project["id"],
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as shell:
        try:
            assert shell.stdout is not None
            assert json.loads(shell.stdout.readline())["data"]["asset_name"] == "before"
            for name in ("one", "two"):
                upload(api, project, name)
                told = json.loads(shell.stdout.readline())
                assert told["type"] == "insighter.dataset.created" and told["data"]["asset_name"] == name
        finally:
            shell.kill()
