"""What a run's page changes: name, notes and tags, and its deletion."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

API = "/insighter/api"
MLFLOW = "/insighter/mlflow/api/2.0/mlflow"


@pytest.fixture
def run(api: httpx.Client, project: dict[str, Any], kernel_token: str) -> str:
    """The route of a run in the project."""
    headers = {"Authorization": f"Bearer {kernel_token}"}
    with httpx.Client(base_url=api.base_url, headers=headers, timeout=60) as program:
        made = program.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "run_name": "first"}).json()
    route = f"{API}/projects/{project['id']}/runs/{made['run']['info']['run_id']}"
    changed = api.patch(route, json={"tags": {"stage": "trial", "batch": "7"}})
    assert changed.status_code == 200, changed.text
    return route


def test_name_notes_and_tags_change_together(api: httpx.Client, run: str) -> None:
    body = {
        "name": "second",
        "note": "# Why",
        "tags": {"stage": "done", "batch": None, "never": None, "empty": ""},
    }
    changed = api.patch(run, json=body).json()
    assert changed["name"] == "second"
    assert changed["deleted"] is False
    expected = {"stage": "done", "empty": "", "mlflow.note.content": "# Why", "mlflow.runName": "second"}
    assert {key: changed["tags"].get(key) for key in expected} == expected
    assert not {"batch", "never"} & set(changed["tags"])
    assert api.get(run).json() == changed
    # An empty note is none.
    assert "mlflow.note.content" not in api.patch(run, json={"note": ""}).json()["tags"]


def test_what_another_wrote_meanwhile_is_not_overwritten(api: httpx.Client, run: str) -> None:
    note = "mlflow.note.content"
    assert api.patch(run, json={"note": "theirs", "expected": {note: None}}).status_code == 200
    refused = api.patch(run, json={"note": "mine", "tags": {"stage": "done"}, "expected": {note: None}})
    assert (refused.status_code, refused.json()["code"]) == (409, "changed_meanwhile")
    assert refused.json()["details"]["field"] == note
    assert refused.json()["details"]["theirs"] == "theirs"
    tags = api.get(run).json()["tags"]
    assert (tags[note], tags["stage"]) == ("theirs", "trial")
    assert api.patch(run, json={"note": "both", "expected": {note: "theirs"}}).status_code == 200
    # The same again, as after an answer that got lost, is no conflict.
    assert api.patch(run, json={"note": "both", "expected": {note: "theirs"}}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"tags": {"a\tb": "x"}},
        {"tags": {"../up": "x"}},
        {"tags": {"": "x"}},
        {"tags": {"k" * 251: "x"}},
        {"tags": {"stage": "x" * 8001}},
        {"note": "x" * 8001},
        {"name": ""},
        {"name": "nul \0"},
        {"unknown": 1},
        {"tags": {"stage": 1}},
    ],
    ids=str,
)
def test_what_mlflow_refuses_is_refused_and_nothing_changes(
    api: httpx.Client, run: str, body: dict[str, Any]
) -> None:
    before = api.get(run).json()
    body = {**body, "tags": {"other": "x", **body.get("tags", {})}}
    refused = api.patch(run, json=body)
    assert refused.status_code in {400, 422}, refused.text
    assert refused.json()["message"]
    assert api.get(run).json() == before


def test_a_run_of_another_project_is_not_there(api: httpx.Client, run: str) -> None:
    other = api.post(f"{API}/projects", json={"name": f"Other {uuid4().hex}"}).json()
    elsewhere = f"{API}/projects/{other['id']}/runs/{run.rpartition('/')[2]}"
    assert api.patch(elsewhere, json={"note": "x"}).status_code == 404
    assert api.delete(elsewhere).status_code == 404
    assert api.patch(f"{run[:-1]}z", json={"note": "x"}).status_code == 404
    assert "mlflow.note.content" not in api.get(run).json()["tags"]


def test_deleted_it_is_in_the_trash_and_does_not_change(
    api: httpx.Client, project: dict[str, Any], run: str
) -> None:
    assert api.delete(run).status_code == 204
    assert api.delete(run).status_code == 204
    assert api.get(run).json()["deleted"] is True
    refused = api.patch(run, json={"note": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "run_deleted")
    trash = f"{API}/projects/{project['id']}/trash"
    [entry] = api.get(trash).json()["items"]
    assert (entry["kind"], entry["id"]) == ("run", run.rpartition("/")[2])
    assert api.post(f"{trash}/run/{entry['id']}/restore", json={}).status_code in {200, 201}
    assert api.get(run).json()["deleted"] is False
