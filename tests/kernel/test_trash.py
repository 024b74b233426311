"""The trash from a kernel and from a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer, isolated_environment

API = "/insighter/api"


@pytest.fixture
def datasets(api: httpx.Client, project: dict[str, Any]) -> str:
    """The address of a project's datasets, of which there are two."""
    url = f"{API}/projects/{project['id']}/datasets"
    for name in ("wine", "port"):
        answer = api.post(f"{url}/{name}/versions", content=f"a\n{name}\n".encode())
        assert answer.status_code == 201, answer.text
    return url


def shell(server: JupyterServer, project: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """The ``insighter`` command, told which server and project."""
    place = ["--url", server.url, "--token", server.token]
    where = ["--project", project["id"]] if words[0] == "trash" else []
    return subprocess.run(
        [sys.executable, "-m", "insighter_ext.cli", *words, *place, *where],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=server.home,
        env=isolated_environment(server.home),
    )  # fmt: skip


def test_a_kernel_deletes_and_restores_and_does_not_purge(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], datasets: str
) -> None:
    with kernel(server, project["folder"], session=True) as running:
        running.run("import insighter_ext as ix")
        assert running.run("ix.trash").value == "The trash is empty."
        running.run("ix.datasets['wine'].delete()")
        assert running.run("'wine' in ix.datasets, 'wine' in ix.trash").value == "(False, True)"
        assert "dataset" in running.run("ix.trash.list()").value
        running.run("ix.trash['wine'].restore('old wine')")
        assert running.run("sorted(ix.datasets._names())").value == "['old wine', 'port']"
        running.run("ix.datasets['port'].delete()")
        assert "Did you mean" in str(running.try_run("ix.trash['pört']").error)
        assert "role" in str(running.try_run("ix.trash.purge('port')").error)
        assert running.run("len(ix.trash)").value == "1"
    assert api.get(datasets).json()["items"][0]["name"] == "old wine"


def test_a_shell_lists_restores_and_purges(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], datasets: str
) -> None:
    for name in ("wine", "port"):
        assert api.delete(f"{datasets}/{name}").status_code == 204
    listed = shell(server, project, "trash", "list", "--json")
    assert [item["name"] for item in json.loads(listed.stdout)] == ["port", "wine"], listed.stderr
    assert "goes for good" in shell(server, project, "trash", "list").stdout
    back = shell(server, project, "trash", "restore", "wine", "--as", "old wine")
    assert back.returncode == 0 and "restored the dataset old wine" in back.stdout, back.stderr
    assert shell(server, project, "trash", "purge", "port").returncode == 1, "asks first"
    assert shell(server, project, "trash", "purge", "--yes").returncode == 1, "what?"
    gone = shell(server, project, "trash", "purge", "port", "--yes", "--json")
    told = json.loads(gone.stdout)
    assert (told["purged"], told["freed_objects"]) == (1, 2) and told["freed_bytes"] > 0
    assert "trash is empty" in shell(server, project, "trash", "list").stdout
    missing = shell(server, project, "trash", "restore", "nothing", "--json")
    assert missing.returncode == 1 and json.loads(missing.stderr)["code"] == "not_found"


def test_a_shell_brings_a_project_back(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any], datasets: str
) -> None:
    gone = shell(server, project, "project", "delete", project["name"], "--yes")
    assert gone.returncode == 0 and "to the trash" in gone.stdout, gone.stderr
    assert api.get(datasets).status_code == 404
    back = shell(server, project, "project", "restore", project["name"])
    assert back.returncode == 0 and f"restored {project['name']}" in back.stdout, back.stderr
    assert len(api.get(datasets).json()["items"]) == 2
