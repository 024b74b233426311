"""Projects as files, between two servers that know nothing of each other; and files that are not what they seem."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from insighter_ext.credentials.service import PREFIX
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import JupyterServer, isolated_environment

# MLflow warns of its own doings.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]

API = "/insighter/api"
CSV = b"alcohol,quality\n9.4,5\n9.8,5\n11.2,6\n"


def database(server: JupyterServer) -> psycopg.Connection[Any]:
    return psycopg.connect(**EmbeddedPostgres(server.data_dir / "postgres").conninfo(), autocommit=True)


def credential(server: JupyterServer, project_id: str) -> str:
    """What a kernel of the project has."""
    secret = PREFIX + secrets.token_urlsafe(32)
    with database(server) as connection:
        connection.execute(
            """insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)
               select created_by, id, 'kernel', 'test', 'editor', %s, now() + interval '1 hour'
               from insighter.projects where id = %s""",
            [hashlib.sha256(secret.encode()).hexdigest(), project_id],
        )
    return secret


def bring(client: httpx.Client, content: bytes, name: str | None = None) -> dict[str, Any]:
    """Import an archive, and wait until it has ended."""
    answer = client.post(f"{API}/projects/imports", content=content, params={"name": name} if name else {})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"].endswith(answer.json()["id"])
    return ended(client, answer.json()["id"])


def ended(client: httpx.Client, import_id: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        seen: dict[str, Any] = client.get(f"{API}/projects/imports/{import_id}").json()
        if seen["state"] != "working":
            return seen
        assert time.monotonic() < until, seen
        time.sleep(0.05)


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what is done after the answer."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def names(client: httpx.Client) -> set[str]:
    return {one["name"] for one in client.get(f"{API}/projects", params={"limit": 500}).json()["items"]}


def objects(server: JupyterServer) -> set[str]:
    folder = server.data_dir / "objects"
    return {str(path.relative_to(folder)) for path in folder.glob("*/??/*")}


def edges(client: httpx.Client, base: str) -> set[str]:
    """What was made from what, in words."""
    graph = client.get(f"{base}/lineage").json()
    words = {
        one["id"]: f"{one['kind']} {one['name']} {one['version'] or ''}".strip() for one in graph["nodes"]
    }
    return {f"{words[one['source']]} {one['verb']} {words[one['target']]}" for one in graph["edges"]}


def notebook(mark: str | None = None) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": "fit()", "outputs": [], "execution_count": 1}
    metadata = {"insighter": {"notebook": mark}} if mark else {}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[JupyterServer]:
    """Another installation, with nothing in it."""
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")))
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def there(elsewhere: JupyterServer) -> Iterator[httpx.Client]:
    with elsewhere.client() as client:
        yield client


@pytest.fixture(scope="module")
def wine(server: JupyterServer, api: httpx.Client, mlflow: Any) -> dict[str, Any]:
    """A project in which somebody worked: what was made, and what it predicts."""
    from sklearn.linear_model import LogisticRegression

    project = api.post(
        f"{API}/projects", json={"name": f"Wine {uuid4().hex[:6]}", "description": "**Vinho**"}
    ).json()
    base = f"{API}/projects/{project['id']}"
    for content in (CSV, CSV + b"12.0,7\n"):
        made = api.post(f"{base}/datasets/wine/versions", content=content, params={"filename": "wine.csv"})
        assert made.status_code == 201, made.text
    Path(server.root, project["folder"], "notes").mkdir()
    Path(server.root, project["folder"], "notes", "wine.ipynb").write_text('{"cells": []}')
    Path(server.root, project["folder"], ".env").write_text("SECRET=hunter2")
    Path(server.root, project["folder"], "passwd").symlink_to("/etc/passwd")
    rows, labels = [[9.4], [9.8], [11.2], [12.0]], [0, 0, 1, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", credential(server, project["id"]))
        mlflow.set_experiment("search")
        with mlflow.start_run(run_name="forest") as run:
            mlflow.log_params({"C": 1.0, "solver": "lbfgs"})
            for step in range(5):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_text("what I thought", "notes.txt")
            with mlflow.start_run(run_name="child", nested=True):
                mlflow.log_metric("loss", float("nan"))
            model = LogisticRegression().fit(rows, labels)
            logged = mlflow.sklearn.log_model(model, name="model", registered_model_name="rating")
        mlflow.MlflowClient().set_registered_model_alias("rating", "champion", "1")
        mlflow.set_experiment("Default")
    with database(server) as connection:
        connection.execute(
            """insert into insighter.deployments (id, project_id, name, model_name, model_version, port, status,
                 created_by, host, host_hash)
               select gen_random_uuid(), id, 'rating', 'rating', 1, 50123, 'healthy', created_by, 'here', %s
               from insighter.projects where id = %s""",
            ["0d" * 32, project["id"]],
        )
        connection.execute(
            "update insighter.deployments set status = 'stopped' where host_hash = %s", ["0d" * 32]
        )
    # A notebook made the run, a dataset was made from another, and people said what matters to them.
    file = Path(server.root, project["folder"], "search.ipynb")
    file.write_text(json.dumps(notebook()))
    path = {"path": f"{project['folder']}/search.ipynb"}
    mark = api.post(f"{API}/notebooks", json=path).json()["id"]
    file.write_text(json.dumps(notebook(mark)))
    assert api.post(f"{API}/notebooks", json=path).json()["id"] == mark
    kernel = str(uuid4())
    with database(server) as connection:
        connection.execute(
            """insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id)
               values (%s, %s, %s, %s)""",
            [project["id"], run.info.run_id, mark, kernel],
        )
    for answer in (
        api.post(
            f"{base}/notebooks/{mark}/versions", content=json.dumps(notebook(mark)),
            params={"reason": "ran", "outcome": "ok", "kernel_id": kernel},
        ),
        api.post(
            f"{base}/datasets/clean/versions", content=CSV + b"1.0,1\n",
            params={"made_from": json.dumps([{"kind": "dataset", "key": "wine", "version": 1}])},
        ),
        api.put(f"{base}/pins/notebook/{mark}", json={}),
        api.post(f"{base}/assets/model/rating/comments", json={"body": f"the best of {run.info.run_id}"}),
    ):  # fmt: skip
        assert answer.status_code in {200, 201}, answer.text
    closed = api.put(f"{base}/restrictions/dataset/wine", json={"min_role": "admin", "people": []})
    assert closed.status_code == 200, closed.text
    answer = api.get(f"{base}/archive", params={"include_files": True})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].endswith(".insighter.zip")
    return {
        **project,
        "base": base,
        "run": run.info.run_id,
        "model": logged.model_id,
        "notebook": mark,
        "rows": rows,
        "predicted": model.predict(rows).tolist(),
        "content": answer.content,
    }


def test_a_project_is_the_same_elsewhere(
    elsewhere: JupyterServer, there: httpx.Client, api: httpx.Client, wine: dict[str, Any], mlflow: Any
) -> None:
    done = bring(there, wine["content"])
    assert done["state"] == "done", done
    base = f"{API}/projects/{done['project_id']}"
    project = there.get(base).json()
    assert (project["name"], project["description"], project["visibility"]) == (
        wine["name"],
        "**Vinho**",
        "private",
    )
    for version, count in ((1, 3), (2, 4)):
        path = f"/datasets/wine/versions/{version}"
        seen, was = (
            client.get(f"{one}{path}/preview").json() for client, one in ((there, base), (api, wine["base"]))
        )
        assert seen == was and seen["total"] == count
        assert there.get(f"{base}{path}/content").content.startswith(CSV)
    # What one counts before a deletion is the same, bytes included, but for the audit that came along.
    kept, were = (
        client.get(f"{one}/contents").json() for client, one in ((there, base), (api, wine["base"]))
    )
    assert kept == were
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", credential(elsewhere, project["id"]))
        mlflow.set_tracking_uri(f"{elsewhere.url}/insighter/mlflow")
        try:
            client = mlflow.MlflowClient()
            run = client.get_run(wine["run"])  # nothing had the id there
            assert run.data.params == {"C": "1.0", "solver": "lbfgs"}
            history = client.get_metric_history(wine["run"], "loss")
            assert [(one.step, one.value) for one in history] == [(step, 1 / (step + 1)) for step in range(5)]
            assert mlflow.artifacts.load_text(f"runs:/{wine['run']}/notes.txt") == "what I thought"
            children = {
                one.info.run_name: one.data.tags.get("mlflow.parentRunId")
                for one in client.search_runs([run.info.experiment_id])
            }
            assert children == {"forest": None, "child": wine["run"]}
            for uri in ("models:/rating@champion", "models:/rating/1", f"models:/{wine['model']}"):
                assert mlflow.pyfunc.load_model(uri).predict(wine["rows"]).tolist() == wine["predicted"]
        finally:
            mlflow.set_tracking_uri(f"{api.base_url}".rstrip("/") + "/insighter/mlflow")
    deployment = there.get(f"{base}/deployments").json()["items"][0]
    assert (deployment["name"], deployment["status"]) == ("rating", "stopped")
    # What it takes to run here is in the file.
    started = there.post(f"{base}/deployments/rating/start")
    assert started.status_code == 202, started.text
    eventually(lambda: there.get(f"{base}/deployments/rating").json()["status"] != "starting", 120)
    said = there.post(f"/{deployment['path']}/invocations", json={"inputs": wine["rows"]})
    assert said.status_code == 200, said.text
    assert said.json()["predictions"] == wine["predicted"]
    there.post(f"{base}/deployments/rating/stop")
    restriction = there.get(f"{base}/restrictions").json()["items"][0]
    assert (restriction["name"], restriction["min_role"]) == ("wine", "admin")
    # The notebook with the version that ran is the one that its file says, and the run knows it.
    (kept_notebook,) = there.get(f"{base}/notebooks").json()["items"]
    assert kept_notebook["id"] == wine["notebook"]
    path = f"{project['folder']}/search.ipynb"
    assert there.post(f"{API}/notebooks", json={"path": path}).json()["id"] == wine["notebook"]
    (version,) = there.get(f"{base}/notebooks/{wine['notebook']}/versions").json()["items"]
    assert [one["id"] for one in version["runs"]] == [wine["run"]]
    content = there.get(f"{base}/notebooks/{wine['notebook']}/versions/1/content")
    assert content.status_code == 200 and content.json()["cells"] == notebook()["cells"]
    assert edges(there, base) == edges(api, wine["base"]) >= {
        "notebook search 1 ran run forest", "dataset wine 1 derived dataset clean 1",
        "run forest registered model rating 1", "model rating 1 deployed deployment rating",
    }  # fmt: skip
    pinned = there.get(f"{base}/assets", params={"pinned": True}).json()["items"]
    assert [(one["kind"], one["key"]) for one in pinned] == [("notebook", wine["notebook"])]
    (comment,) = there.get(f"{base}/assets/model/rating/comments").json()["items"]
    assert comment["body"] == f"the best of {wine['run']}"
    # Files came along; what is hidden, and what a link led to, did not.
    folder = elsewhere.root / project["folder"]
    assert (folder / "notes" / "wine.ipynb").read_text() == '{"cells": []}'
    assert sorted(path.name for path in folder.iterdir()) == [".insighter.json", "notes", "search.ipynb"]
    # Its audit begins here, and the one it had is kept as it was.
    assert there.get(f"{base}/audit/verification").json()["ok"] is True
    origin = there.get(f"{base}/origins").json()["items"][0]
    audit = there.get(f"{base}/origins/1/audit")
    assert audit.status_code == 200 and len(audit.text.splitlines()) == origin["audit_rows"] > 10
    assert origin["audit_head"].split(":")[1] == json.loads(audit.text.splitlines()[-1])["hash"]
    assert there.get(f"{base}/origins/2/audit").status_code == 404


def test_once_more_and_on_the_installation_it_is_from(
    server: JupyterServer, api: httpx.Client, wine: dict[str, Any], mlflow: Any
) -> None:
    done = bring(api, wine["content"])
    assert done["state"] == "done", done
    project = api.get(f"{API}/projects/{done['project_id']}").json()
    assert project["name"] == f"{wine['name']} (2)" and project["folder"] != wine["folder"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", credential(server, project["id"]))
        client = mlflow.MlflowClient()
        version = client.get_model_version_by_alias("rating", "champion")
        assert version.run_id != wine["run"]
        assert (
            mlflow.pyfunc.load_model("models:/rating@champion").predict(wine["rows"]).tolist()
            == wine["predicted"]
        )
        assert len(client.get_metric_history(version.run_id, "loss")) == 5
    assert api.get(f"{wine['base']}/contents").json()["runs"] == 2
    base = f"{API}/projects/{project['id']}"
    assert edges(api, base) == edges(api, wine["base"])
    # Its file still says what it was there, and is known by its path.
    (own,) = api.get(f"{base}/notebooks").json()["items"]
    path = f"{project['folder']}/search.ipynb"
    assert api.post(f"{API}/notebooks", json={"path": path}).json()["id"] == own["id"] != wine["notebook"]
    # An import of an import brings the first origin along.
    content = api.get(f"{API}/projects/{done['project_id']}/archive").content
    again = bring(api, content, "Port")
    assert again["state"] == "done", again
    origins = api.get(f"{API}/projects/{again['project_id']}/origins").json()["items"]
    assert [(one["number"], one["name"]) for one in origins] == [(2, project["name"]), (1, wine["name"])]
    assert api.get(f"{API}/projects/{again['project_id']}/origins/1/audit").status_code == 200


def test_nothing_secret_is_inside(server: JupyterServer, wine: dict[str, Any]) -> None:
    unpacked = b""
    with zipfile.ZipFile(io.BytesIO(wine["content"])) as file:
        for name in file.namelist():
            unpacked += name.encode() + file.read(name)
    with database(server) as connection:
        found = connection.execute(
            """select secret_hash from insighter.credentials union select encrypted_password from auth.users
               union select token_hash from auth.one_time_tokens union select host_hash from insighter.deployments
               union select email from auth.users union select token from auth.refresh_tokens"""
        ).fetchall()
    assert len(found) > 2
    assert [value for (value,) in found if value and value.encode() in unpacked] == []
    for secret in (server.token.encode(), b"hunter2", b"root:x:0", b"ixk_"):
        assert secret not in unpacked


# ---- files that are not what they should be


def rewritten(
    content: bytes, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None
) -> bytes:
    """The same archive with other members, in order as a ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            data = change(info.filename, old.read(info))
            if data is not None:
                kind = zipfile.ZIP_STORED if "/" in info.filename else zipfile.ZIP_DEFLATED
                new.writestr(info.filename, data, kind)
        for name, data in (more or {}).items():
            new.writestr(name, data)
    return out.getvalue()


def manifested(content: bytes, **changes: Any) -> bytes:
    def change(name: str, data: bytes) -> bytes:
        return json.dumps({**json.loads(data), **changes}).encode() if name == "manifest.json" else data

    return rewritten(content, change)


def signed(content: bytes, member: str, change: Callable[[str], str]) -> bytes:
    """The archive with another text in a member, and a manifest that says so."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        text = change(file.read(member).decode()).encode()
        manifest = json.loads(file.read("manifest.json"))
    manifest["members"][member] = {
        "rows": text.count(b"\n"), "size": len(text), "sha256": hashlib.sha256(text).hexdigest(),
    }  # fmt: skip
    told = json.dumps(manifest).encode()
    return rewritten(content, lambda name, data: {member: text, "manifest.json": told}.get(name, data))


def _flipped_object(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        name = next(name for name in file.namelist() if name.startswith("objects/"))
    return rewritten(content, lambda one, data: bytes([data[0] ^ 1]) + data[1:] if one == name else data)


def _without_an_object(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        name = next(name for name in file.namelist() if name.startswith("objects/"))
    return rewritten(content, lambda one, data: None if one == name else data)


def _bomb(content: bytes) -> bytes:
    out = io.BytesIO(rewritten(content, lambda name, data: None if name == "people.jsonl" else data))
    with (
        zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as file,
        file.open("people.jsonl", "w", force_zip64=True) as member,
    ):
        for _ in range(200):
            member.write(b" " * 1_000_000)
    return out.getvalue()


def _elsewhere_file(content: bytes, path: str) -> bytes:
    listed = json.dumps({"path": path, "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}) + "\n"
    made = signed(content, "files.jsonl", lambda text: text + listed)
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        count = json.loads(file.read("manifest.json"))["files"]
    return rewritten(manifested(made, files=count + 1), lambda name, data: data, {f"files/{path}": b"x"})


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "no archive": lambda content: b"hello" * 1000,
    "another ZIP": lambda content: rewritten(content, lambda name, data: None, {"hello.txt": b"x"}),
    "cut off": lambda content: content[: len(content) // 2],
    "its end alone": lambda content: content[-200:],
    "a byte of an object": _flipped_object,
    "an object missing": _without_an_object,
    "rows changed": lambda content: rewritten(
        content, lambda name, data: data.replace(b"forest", b"florst") if name == "rows/runs.jsonl" else data
    ),
    "a row missing": lambda content: rewritten(
        content, lambda name, data: data.partition(b"\n")[2] if name == "rows/runs.jsonl" else data
    ),
    "an audit that was changed": lambda content: signed(
        content, "audit.jsonl", lambda text: text.replace("created", "deleted", 1)
    ),
    "an audit without its middle": lambda content: signed(
        content, "audit.jsonl", lambda text: "\n".join(text.split("\n")[:3] + text.split("\n")[4:])
    ),
    "an audit without its end": lambda content: signed(
        content, "audit.jsonl", lambda text: "\n".join(text.split("\n")[:-2]) + "\n"
    ),
    "a newer format": lambda content: manifested(content, version=2),
    "a manifest of lies": lambda content: manifested(content, objects=10**12),
    "a manifest that is a list": lambda content: rewritten(
        content, lambda name, data: b"[]" if name == "manifest.json" else data
    ),
    "a manifest without end": lambda content: rewritten(
        content, lambda name, data: b"[" * 100_000 if name == "manifest.json" else data
    ),
    "a member nobody named": lambda content: rewritten(content, lambda name, data: data, {"evil.sh": b"x"}),
    "a table that there is not": lambda content: signed(
        rewritten(content, lambda name, data: data, {"rows/users.jsonl": b"{}\n"}), "rows/users.jsonl", str
    ),
    "a bomb": _bomb,
    "a file that leads out": lambda content: _elsewhere_file(content, "../../evil"),
    "a file that is hidden": lambda content: _elsewhere_file(content, ".ssh/authorized_keys"),
    "a file in a file": lambda content: _elsewhere_file(content, "notes/wine.ipynb/x"),
    "rows that are forged": lambda content: signed(
        content, "rows/runs.jsonl", lambda text: text.replace('"forest"', '{"a": 1}')
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_and_leaves_nothing(
    elsewhere: JupyterServer, there: httpx.Client, wine: dict[str, Any], case: str
) -> None:
    before, stored = (names(there), sorted(elsewhere.root.rglob("*"))), objects(elsewhere)
    content = WRONG[case](wine["content"])
    assert content != wine["content"]
    failed = bring(there, content)
    assert failed["state"] == "failed", failed
    assert failed["error"]["code"] in {
        "archive_damaged", "no_archive", "archive_newer", "archive_invalid", "audit_damaged",
    }, failed  # fmt: skip
    assert failed["error"]["message"] and "Traceback" not in failed["error"]["message"]
    assert (names(there), sorted(elsewhere.root.rglob("*"))) == before
    eventually(lambda: objects(elsewhere) == stored)
    with database(elsewhere) as connection:
        for table in ("archive_pages", "archive_ids", "released_projects"):
            eventually(
                lambda: connection.execute(f"select count(*) from insighter.{table}").fetchone() == (0,)  # noqa: B023
            )


def test_every_byte_counts(wine: dict[str, Any], tmp_path: Path) -> None:
    """Whatever byte is changed is found out, or is one that carries nothing, such as a member's time."""
    from insighter_ext.archives.format import Archive
    from insighter_ext.errors import Invalid

    def read(content: bytes) -> Any:
        (tmp_path / "archive.zip").write_bytes(content)
        with Archive(tmp_path / "archive.zip") as archive:
            sizes = list(archive.check())
            return sizes, archive.audit(), archive.manifest

    content = wine["content"]
    whole, caught = read(content), 0
    for place in range(0, len(content), max(1, len(content) // 400)):
        flipped = content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]
        try:
            assert read(flipped) == whole, place
        except Invalid:
            caught += 1
    assert caught > 300


def test_what_is_cancelled_leaves_nothing(
    elsewhere: JupyterServer, there: httpx.Client, wine: dict[str, Any]
) -> None:
    before, stored = names(there), objects(elsewhere)
    begun = there.post(f"{API}/projects/imports", content=wine["content"]).json()
    assert there.delete(f"{API}/projects/imports/{begun['id']}").status_code == 204
    seen = ended(there, begun["id"])
    assert seen["state"] in {"cancelled", "done"}  # it may have been faster
    if seen["state"] == "cancelled":
        assert names(there) == before
        eventually(lambda: objects(elsewhere) == stored)
    assert there.get(f"{API}/projects/imports").json()["items"][0]["id"] == begun["id"]
    assert there.delete(f"{API}/projects/imports/{uuid4()}").status_code == 404


def test_a_server_that_is_killed_leaves_nothing_to_be_seen(own_server: JupyterServer) -> None:
    own_server.start()
    with own_server.client() as client:
        project = client.post(f"{API}/projects", json={"name": "Wine"}).json()
        base = f"{API}/projects/{project['id']}"
        for number in range(8):
            data = b"a\n" + os.urandom(2_000_000).hex().encode() + b"\n"
            client.post(f"{base}/datasets/d{number}/versions", content=data).raise_for_status()
        content = client.get(f"{base}/archive").content
        stored = len(objects(own_server))
        begun = client.post(f"{API}/projects/imports", content=content, params={"name": "Port"}).json()
        until = time.monotonic() + 30
        while len(objects(own_server)) == stored and time.monotonic() < until:
            time.sleep(0.005)
        own_server.kill()
    own_server.start()
    with own_server.client() as client:
        seen = client.get(f"{API}/projects/imports/{begun['id']}").json()
        if seen["state"] == "done":
            pytest.skip("the import was faster than the kill")
        assert "Port" not in names(client)
        with database(own_server) as connection:
            connection.execute("update insighter.archives set touched_at = now() - interval '1 hour'")
        seen = client.get(f"{API}/projects/imports/{begun['id']}").json()
        assert (seen["state"], seen["error"]["code"]) == ("failed", "server_lost")
        assert bring(client, content, "Port")["state"] == "done"
        # What the killed server stored goes with the next deletion for good.
        doomed = client.post(f"{API}/projects", json={"name": "Doomed"}).json()
        client.request("DELETE", f"{API}/projects/{doomed['id']}", json={"confirm": "Doomed"})
        assert client.delete(f"{API}/trash/{doomed['id']}").status_code == 200
        assert len({path.split("/")[0] for path in objects(own_server)}) == 2


def test_an_upload_that_breaks_off_leaves_nothing(elsewhere: JupyterServer, there: httpx.Client) -> None:
    def half() -> Iterator[bytes]:
        yield b"PK" * 100_000
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        there.post(f"{API}/projects/imports", content=half(), headers={"Content-Length": "10000000"})
    eventually(lambda: there.get(f"{API}/projects/imports").json()["items"][0]["state"] == "cancelled")
    incoming = elsewhere.data_dir / "objects" / ".incoming"
    eventually(lambda: [path for path in incoming.rglob("tmp*/tmp*") if path.is_file()] == [])


def test_who_may_not_is_told_before_the_bytes(server: JupyterServer, wine: dict[str, Any]) -> None:
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {credential(server, wine['id'])}"}
    ) as kernel:
        assert kernel.get(f"{wine['base']}/archive").status_code == 403
        refused = kernel.post(f"{API}/projects/imports", content=wine["content"])
        assert (refused.status_code, refused.json()["code"]) == (403, "in_person_only")
        assert kernel.get(f"{API}/projects/imports").json()["items"] == []


def test_from_a_shell(
    server: JupyterServer, elsewhere: JupyterServer, wine: dict[str, Any], tmp_path: Path
) -> None:
    def insighter(*words: str, at: JupyterServer | None, expect: int = 0) -> Any:
        where = ["--url", at.url, "--token", at.token] if at else []
        done = subprocess.run(
            [sys.executable, "-m", "insighter_ext.cli", "project", *words, "--json", *where],
            env=isolated_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == expect, (done.stdout, done.stderr)
        return json.loads(done.stdout if expect == 0 or done.stdout else done.stderr)

    written = insighter("export", wine["name"], "wine.insighter.zip", at=server)
    assert written["files"] == 0 and written["objects"] > 3 and written["audit_problems"] == []
    insighter("export", wine["name"], "wine.insighter.zip", at=server, expect=1)  # it is there already
    assert insighter("verify", "wine.insighter.zip", at=None)["ok"] is True
    made = insighter("import", "wine.insighter.zip", "--name", "From a shell", at=elsewhere)
    assert made["name"] == "From a shell"
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(_flipped_object((tmp_path / "wine.insighter.zip").read_bytes()))
    for words, at in ((["verify"], None), (["import"], elsewhere)):
        said = insighter(*words, "damaged.zip", at=at, expect=1)
        assert said["code"] == "archive_damaged" and "objects/" in said["message"]
