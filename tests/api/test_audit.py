"""The audit over HTTP and from a shell: who reads it, how it is filtered, verified and kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from insighter_ext.credentials.service import PREFIX
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, DATABASE, EmbeddedPostgres
from tests.running import JupyterServer, isolated_environment
from tests.unit.test_cli import Shell

NOWHERE = "00000000-0000-4000-8000-000000000000"
NOTHING = "0" * 64


def address(project: dict[str, Any], *more: str) -> str:
    return "/".join(["/insighter/api/projects", project["id"], "audit", *more])


@pytest.fixture
def superuser(server: JupyterServer) -> Iterator[psycopg.Connection[Any]]:
    """The shared server's database, past everything."""
    database = EmbeddedPostgres(server.data_dir / "postgres")
    with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def member(
    server: JupyterServer, superuser: psycopg.Connection[Any], project: dict[str, Any]
) -> Iterator[Callable[[str | None], httpx.Client]]:
    """Another account's program: a member of the project with a role, or a stranger to it."""
    clients = []

    def make(role: str | None) -> httpx.Client:
        row = superuser.execute(
            "insert into auth.users (email) values (%s) returning id", [f"{uuid4().hex}@example.org"]
        ).fetchone()
        assert row is not None
        if role is None:
            home = superuser.execute(
                "insert into insighter.projects (slug, name, created_by) values (%s, 'Own', %s) returning id",
                [f"own-{uuid4().hex}", row[0]],
            ).fetchone()
            assert home is not None
            confined_to = home[0]
        else:
            confined_to = project["id"]
            superuser.execute(
                "insert into insighter.members values (%s, %s, %s)", [confined_to, row[0], role]
            )
        secret = PREFIX + secrets.token_urlsafe(32)
        superuser.execute(
            """insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)
               values (%s, %s, 'kernel', 'test', 'admin', %s, now() + interval '1 hour')""",
            [row[0], confined_to, hashlib.sha256(secret.encode()).hexdigest()],
        )
        client = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {secret}"}, timeout=60)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def test_what_was_done_is_listed_newest_first(
    api: httpx.Client, project: dict[str, Any], kernel_token: str
) -> None:
    url = f"/insighter/api/projects/{project['id']}"
    assert api.patch(url, json={"description": "why"}).status_code == 200
    answer = api.post(
        "/insighter/mlflow/api/2.0/mlflow/experiments/create",
        json={"name": "search"},
        headers={"Authorization": f"Bearer {kernel_token}"},
    )
    assert answer.status_code == 200
    rows = api.get(address(project)).json()["items"]
    assert [row["seq"] for row in rows] == list(range(len(rows), 0, -1))
    made, described = rows[0], rows[1]
    assert (made["action"], made["asset_kind"], made["asset_name"]) == ("created", "experiment", "search")
    assert made["actor_kind"] == "kernel" and made["credential"] and made["actor"] == described["actor"]
    assert (described["actor_kind"], described["credential"]) == ("person", None)
    assert described["changes"] == {"description": ["", "why"]}
    assert described["actor_name"]
    assert made["prev_hash"] == described["hash"] and rows[-1]["prev_hash"] == NOTHING
    assert made["asset_id"] == answer.json()["experiment_id"]


def test_filters_and_pages(api: httpx.Client, project: dict[str, Any]) -> None:
    for number in range(5):
        api.patch(f"/insighter/api/projects/{project['id']}", json={"description": str(number)})
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"action": "changed", "asset_kind": "project", "limit": 2}
        page = api.get(address(project), params=query | ({"cursor": cursor} if cursor else {})).json()
        seen += [row["changes"]["description"][1] for row in page["items"] if "description" in row["changes"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    me = api.get(address(project)).json()["items"][0]["actor"]
    assert api.get(address(project), params={"actor": me, "asset_id": project["id"]}).json()["items"]
    assert api.get(address(project), params={"actor": NOWHERE}).json()["items"] == []
    for wrong in ({"actor": "me"}, {"action": "burnt"}, {"cursor": "x"}, {"colour": "red"}, {"limit": "0"}):
        assert api.get(address(project), params=wrong).status_code == 422, wrong


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("editor", 403), ("viewer", 403), (None, 404)])
def test_admins_read_it_members_may_not_and_strangers_find_nothing(
    member: Callable[[str | None], httpx.Client], project: dict[str, Any], role: str | None, status: int
) -> None:
    client = member(role)
    for url in (address(project), address(project, "verification"), address(project, "export")):
        answer = client.get(url)
        assert answer.status_code == status, url
        if status != 200:
            assert set(answer.json()) == {"code", "message", "details", "hint"}
    # An account's own audit is read in person, not by one of its programs.
    assert client.get("/insighter/api/account/audit").status_code == 403


def test_nothing_can_be_written_over_http(api: httpx.Client, project: dict[str, Any]) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for url in (address(project), address(project, "verification"), address(project, "export")):
            assert api.request(method, url, json={}).status_code == 405


def test_an_account_reads_its_own(api: httpx.Client, project: dict[str, Any], kernel_token: str) -> None:
    rows = api.get("/insighter/api/account/audit", params={"asset_kind": "credential"}).json()["items"]
    assert rows[0]["action"] == "created" and rows[0]["changes"]["kind"] == [None, "kernel"]
    assert hashlib.sha256(kernel_token.encode()).hexdigest() not in json.dumps(rows)
    missing = api.get(f"/insighter/api/organisations/{NOWHERE}/audit")
    assert missing.status_code == 404


def test_verification(api: httpx.Client, project: dict[str, Any]) -> None:
    state = api.get(address(project, "verification")).json()
    newest = api.get(address(project)).json()["items"][0]
    assert state == {
        "ok": True,
        "rows": newest["seq"],
        "head": f"{newest['seq']}:{newest['hash']}",
        "problems": [],
        "more": 0,
    }
    api.patch(f"/insighter/api/projects/{project['id']}", json={"description": "later"})
    again = api.get(address(project, "verification"), params={"head": state["head"]}).json()
    assert again["ok"] and again["rows"] == state["rows"] + 1
    wrong = api.get(address(project, "verification"), params={"head": f"{newest['seq']}:{NOTHING}"}).json()
    assert [problem["kind"] for problem in wrong["problems"]] == ["replaced"]
    assert api.get(address(project, "verification"), params={"head": "nonsense"}).status_code == 422


def test_an_export_is_lines_of_json_with_the_head_at_its_end(
    api: httpx.Client, project: dict[str, Any], superuser: psycopg.Connection[Any]
) -> None:
    superuser.execute(
        "insert into insighter.experiments (project_id, name, created_by)"
        " select %s, 'e' || n, gen_random_uuid() from generate_series(1, 2500) n",
        [project["id"]],
    )
    answer = api.get(address(project, "export"))
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert "attachment" in answer.headers["Content-Disposition"]
    *rows, end = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1)) and len(rows) > 2500
    assert [row["prev_hash"] for row in rows] == [NOTHING, *(row["hash"] for row in rows[:-1])]
    assert end == {"head": f"{rows[-1]['seq']}:{rows[-1]['hash']}", "rows": len(rows), "withheld": 0}
    assert end["head"] == api.get(address(project, "verification")).json()["head"]


def test_tampering_shows(
    api: httpx.Client, project: dict[str, Any], superuser: psycopg.Connection[Any]
) -> None:
    superuser.execute("alter table insighter.audit disable trigger append_only")
    try:
        superuser.execute("delete from insighter.audit where scope = %s and seq = 1", [project["id"]])
    finally:
        superuser.execute("alter table insighter.audit enable trigger append_only")
    state = api.get(address(project, "verification")).json()
    assert not state["ok"] and state["problems"][0]["message"] == "row 1 was removed"


# ---- from a shell ---------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(server: JupyterServer, project: dict[str, Any]) -> Shell:
    """A shell in the project's folder, while a server runs."""
    return Shell(server.home, server.root / project["folder"])


def test_verify_and_export_from_a_shell(
    shell: Shell, project: dict[str, Any], superuser: psycopg.Connection[Any]
) -> None:
    said = shell("audit", "verify").stdout
    assert said.startswith(f"ok       {project['name']}") and "Keep the head somewhere else" in said
    [chain] = shell.json("audit", "verify", "--project", project["slug"])["chains"]
    assert chain["head"] in said
    assert "Everything is as it was written." in shell("audit", "verify", "--head", chain["head"]).stdout
    wrong = shell("audit", "verify", "--head", f"1:{NOTHING}", code=1).stdout
    assert "PROBLEM" in wrong and "row 1 has another hash than was noted" in wrong
    assert "copy it as" in shell("audit", "verify", "--head", "nonsense", code=1).stderr

    shell("audit", "export", "--output", "audit.jsonl")
    lines = (shell.folder / "audit.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["head"] == chain["head"]
    assert shell("audit", "export").stdout.splitlines() == lines
    assert "audit.jsonl" in shell("audit", "export", "--output", "audit.jsonl", code=1).stderr  # is kept
    assert (shell.folder / "audit.jsonl").read_text().splitlines() == lines

    # All of them, past what this user sees; another test may have tampered with a chain of its own.
    done = subprocess.run(
        [sys.executable, "-m", "insighter_ext.cli", "audit", "verify", "--all", "--json"],
        cwd=shell.folder, env=isolated_environment(shell.home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    every = {chain["scope"]: chain for chain in json.loads(done.stdout)["chains"]}
    assert every[project["id"]]["ok"] and len(every) > 2


def test_without_a_server_the_database_itself_is_verified(short_tmp: Path) -> None:
    home = short_tmp / uuid4().hex[:6]
    (home / "work").mkdir(parents=True)
    shell = Shell(home, home / "work")
    assert "there is no embedded database" in shell("audit", "verify", "--all", code=1).stderr
    postgres = EmbeddedPostgres(home / "data" / "insighter" / "postgres")
    postgres.acquire()
    try:
        create_database(postgres.conninfo(), DATABASE)
        owner = migrate(postgres.conninfo(), postgres.password(API_ROLE))
        with psycopg.connect(**postgres.conninfo(), autocommit=True) as superuser:
            ids = [
                superuser.execute(
                    "insert into insighter.projects (slug, name, created_by) values (%s, %s, %s) returning id",
                    [name.lower(), name, owner],
                ).fetchone()[0]  # type: ignore[index]
                for name in ("Kept", "Gone")
            ]
            superuser.execute("delete from insighter.projects where id = %s", [ids[1]])
    finally:
        postgres.release()
    said = shell("audit", "verify", "--all").stdout
    assert f"ok       Gone (project, deleted, {ids[1]}): 3 rows" in said
    assert "(account" in said and "Everything is as it was written." in said
    assert "Kept" in shell("audit", "verify", "--project", "kept").stdout
    head = shell.json("audit", "verify", "--project", str(ids[1]))["chains"][0]["head"]
    assert "no project here is called" in shell("audit", "verify", "--project", "other", code=1).stderr
    assert "--project" in shell("audit", "verify", "--head", head, code=1).stderr

    postgres.acquire()
    try:
        with psycopg.connect(**postgres.conninfo(), autocommit=True) as superuser:
            superuser.execute("alter table insighter.audit disable trigger append_only")
            superuser.execute(
                "update insighter.audit set actor = %s where scope = %s and seq = 3", [owner, ids[1]]
            )
            superuser.execute("alter table insighter.audit enable trigger append_only")
    finally:
        postgres.release()
    said = shell("audit", "verify", "--all", code=1).stdout
    assert f"PROBLEM  Gone (project, deleted, {ids[1]})" in said and "ok       Kept" in said
    assert "row 3 is not what was written" in said and "Compare with an earlier export" in said
