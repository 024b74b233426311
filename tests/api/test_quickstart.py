"""The quickstart: a project that is ready to run, or none at all."""

from __future__ import annotations

from typing import Any

import httpx
import nbformat
import pytest

from tests.running import JupyterServer

API = "/insighter/api"


def quickstart(api: httpx.Client) -> dict[str, Any]:
    answer = api.post(f"{API}/quickstart")
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{API}/projects/{made['project']['id']}"
    return made


def test_it_makes_a_project_with_data_and_a_notebook(server: JupyterServer, api: httpx.Client) -> None:
    made = quickstart(api)
    project = made["project"]
    assert project["name"].startswith("Wine quality")
    assert (server.root / project["folder"] / ".insighter.json").is_file()
    assert api.get(f"{API}/projects/{project['id']}").json() == project

    dataset = api.get(f"{API}/projects/{project['id']}/datasets/{made['dataset']}").json()
    assert (dataset["name"], dataset["versions"]) == ("wine", 1)
    newest = dataset["latest"]
    assert (newest["format"], newest["filename"], newest["rows"]) == ("csv", "wine.csv", 178)
    columns = {column["name"]: column["type"] for column in newest["columns"]}
    assert len(columns) == 14 and columns.pop("cultivar") == "VARCHAR" and set(columns.values()) == {"DOUBLE"}
    content = api.get(f"{API}/projects/{project['id']}/datasets/wine/versions/1/content").text
    assert (
        content.count("Barolo") == 59 and content.count("Grignolino") == 71 and content.count("Barbera") == 48
    )

    assert made["notebook"] == f"{project['folder']}/quickstart.ipynb"
    notebook = nbformat.read(server.root / made["notebook"], as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert api.get(f"/api/contents/{made['notebook']}").json()["type"] == "notebook"


def test_each_gets_a_name_of_its_own(api: httpx.Client) -> None:
    projects = [quickstart(api)["project"] for _ in range(2)]
    assert (
        len({project["name"] for project in projects})
        == len({project["folder"] for project in projects})
        == 2
    )


def test_it_leaves_nothing_behind_when_it_fails(small_server: JupyterServer) -> None:
    with small_server.client() as client:
        answer = client.post(f"{API}/quickstart")
        assert answer.status_code == 413, answer.text
        assert "Wine quality" not in [item["name"] for item in client.get(f"{API}/projects").json()["items"]]
    assert list(small_server.root.iterdir()) == []
    objects = small_server.data_dir / "objects"
    assert [file for file in objects.rglob("*") if file.is_file() and file.name != ".lock"] == []


@pytest.fixture
def small_server(own_server: JupyterServer) -> JupyterServer:
    """A server that takes no file as large as the quickstart's."""
    own_server.arguments = ("--InsighterApp.max_upload_bytes=1000",)
    return own_server.start()
