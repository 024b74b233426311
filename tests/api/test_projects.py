"""Projects over HTTP: what a user of the panels or of a program relies on."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer

PROJECTS = "/insighter/api/projects"

# Other tests of the same server make projects too, more than a page of them.
ALL = {"limit": 500}
NOWHERE = "00000000-0000-4000-8000-000000000000"


def unique(name: str = "Project") -> str:
    return f"{name} {uuid4().hex[:10]}"


def test_a_project_is_made_with_a_folder_of_its_own(api: httpx.Client, server: JupyterServer) -> None:
    name = unique("Weinqualität 品質")
    answer = api.post(PROJECTS, json={"name": name, "description": "*Which* wine?"})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"] == f"{PROJECTS}/{made['id']}"
    assert made["name"] == name and made["role"] == "owner" and made["members"] == 1
    assert (server.root / made["folder"] / ".insighter.json").is_file()
    assert api.get(answer.headers["Location"]).json() == made
    assert made["id"] in [item["id"] for item in api.get(PROJECTS, params=ALL).json()["items"]]


def test_rename_describe_archive_and_restore(api: httpx.Client, project: dict[str, Any]) -> None:
    url = f"{PROJECTS}/{project['id']}"
    name = unique("Renamed")
    changed = api.patch(url, json={"name": f"  {name} ", "description": "why"}).json()
    assert (changed["name"], changed["description"], changed["slug"]) == (name, "why", project["slug"])
    assert changed["last_event"] > project["last_event"]
    assert api.patch(url, json={"archived": True}).json()["archived_at"]
    assert project["id"] not in [item["id"] for item in api.get(PROJECTS, params=ALL).json()["items"]]
    assert project["id"] in [
        item["id"] for item in api.get(PROJECTS, params={**ALL, "archived": "true"}).json()["items"]
    ]
    assert api.patch(url, json={"archived": False}).json()["archived_at"] is None


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a\\b", ".hidden", "", "   ", "x" * 101, "line\nbreak", "nul\x00"], ids=repr
)
def test_a_bad_name_is_refused_in_words(api: httpx.Client, name: str) -> None:
    answer = api.post(PROJECTS, json={"name": name})
    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"code", "message", "details", "hint"}
    assert answer.json()["message"]


def test_a_name_is_taken_once_whatever_its_case_and_form(api: httpx.Client) -> None:
    name = unique("Café")
    assert api.post(PROJECTS, json={"name": name}).status_code == 201
    answer = api.post(PROJECTS, json={"name": name.upper().replace("É", "E\u0301")})
    assert answer.status_code == 409
    assert answer.json()["code"] == "project_exists" and answer.json()["hint"]


def test_deletion_asks_for_the_name_and_leaves_the_folder(
    api: httpx.Client, server: JupyterServer, project: dict[str, Any]
) -> None:
    url = f"{PROJECTS}/{project['id']}"
    notebook = server.root / project["folder"] / "mine.ipynb"
    notebook.write_text("{}")
    assert api.request("DELETE", url, json={"confirm": "something else"}).status_code == 422
    assert api.get(url).status_code == 200
    assert api.request("DELETE", url, json={"confirm": project["name"]}).status_code == 204
    assert api.get(url).status_code == 404
    assert notebook.is_file() and (notebook.parent / ".insighter.json").exists(), "it may come back"
    assert api.delete(f"/insighter/api/trash/{project['id']}").status_code == 200
    assert notebook.is_file() and not (notebook.parent / ".insighter.json").exists()


def test_a_moved_or_removed_folder_is_made_anew_on_opening(
    api: httpx.Client, server: JupyterServer, project: dict[str, Any]
) -> None:
    (server.root / project["folder"]).rename(server.root / f"moved-{project['slug']}")
    opened = api.put(f"{PROJECTS}/{project['id']}/folder").json()
    assert (server.root / opened["path"] / ".insighter.json").is_file()


def test_the_personal_project_stays(api: httpx.Client) -> None:
    personal = api.get("/insighter/api/status").json()["personal_project"]
    url = f"{PROJECTS}/{personal}"
    assert api.patch(url, json={"archived": True}).status_code == 409
    assert api.request("DELETE", url, json={"confirm": "Personal"}).status_code == 409


def test_lists_page_by_cursor(api: httpx.Client) -> None:
    made = {api.post(PROJECTS, json={"name": unique("Page")}).json()["id"] for _ in range(5)}
    seen: list[str] = []
    cursor = None
    while True:
        page = api.get(PROJECTS, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= 2
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) and made <= set(seen)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{PROJECTS}/not-a-uuid", None, 404),
        ("GET", f"{PROJECTS}/{NOWHERE}", None, 404),
        ("PATCH", f"{PROJECTS}/{NOWHERE}", {"name": "x"}, 404),
        ("POST", PROJECTS, {"name": "x", "surprise": 1}, 422),
        ("POST", PROJECTS, {}, 422),
        ("GET", f"{PROJECTS}?limit=0", None, 422),
        ("GET", f"{PROJECTS}?limit=many", None, 422),
    ],
)
def test_bad_requests_get_the_one_error_body(
    api: httpx.Client, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    answer = api.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "message", "details", "hint"}


def test_a_body_that_is_not_json_is_refused(api: httpx.Client) -> None:
    answer = api.post(PROJECTS, content=b'{"name": ')
    assert answer.status_code == 400 and answer.json()["code"] == "not_json"
