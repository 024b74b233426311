"""What is more closed than its project is to all others as if it were not there, whichever way they come."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import psycopg
import pytest

from insighter_ext.credentials.service import TOKEN_PREFIX
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import JupyterServer

MLFLOW = "/insighter/mlflow/api/2.0/mlflow"
SECRET = b"name,salary\nZinedine,1234567\n"
WEIGHTS = b"the weights that took a year"


@dataclass
class World:
    """A project with a secret of each kind, and those who come for it."""

    server: JupyterServer
    api: httpx.Client
    project: dict[str, Any]
    run: str = ""
    model: str = ""
    clients: list[httpx.Client] = field(default_factory=list)

    def path(self, *parts: str) -> str:
        return "/".join([f"/insighter/api/projects/{self.project['id']}", *(quote(part) for part in parts)])

    def sql(self, query: str, *arguments: Any) -> list[Any]:
        database = EmbeddedPostgres(self.server.data_dir / "postgres")
        with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
            cursor = connection.execute(query, arguments)
            return cursor.fetchall() if cursor.description else []

    def somebody(self, role: str, ceiling: str | None = None) -> Caller:
        """A new member of the project, with an access token of at most the ceiling."""
        user = self.sql(
            "insert into auth.users (email) values (%s) returning id", f"{uuid4().hex}@example.org"
        )[0][0]
        self.sql(
            "insert into insighter.members (project_id, user_id, role) values (%s, %s, %s)",
            self.project["id"],
            user,
            role,
        )
        return Caller(user, self.token(user, ceiling or role))

    def token(self, user: Any, role: str) -> httpx.Client:
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self.sql(
            "insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)"
            " values (%s, %s, 'token', 'test', %s, %s, now() + interval '1 hour')",
            user,
            self.project["id"],
            role,
            hashlib.sha256(secret.encode()).hexdigest(),
        )
        client = httpx.Client(
            base_url=self.server.url, headers={"Authorization": f"Bearer {secret}"}, timeout=60
        )
        self.clients.append(client)
        return client

    def restrict(self, kind: str, name: str, role: str, *people: Caller) -> None:
        answer = self.api.put(
            self.path("restrictions", kind, name),
            json={"min_role": role, "people": [str(person.user_id) for person in people]},
        )
        assert answer.status_code == 200, answer.text


@dataclass
class Caller:
    user_id: Any
    http: httpx.Client


@pytest.fixture(scope="module")
def world(server: JupyterServer) -> Iterator[World]:
    with server.client() as api:
        project = api.post("/insighter/api/projects", json={"name": f"Closed {uuid4().hex[:8]}"}).json()
        made = World(server, api, project)
        owner = made.sql("select created_by from insighter.projects where id = %s", project["id"])[0][0]
        mlflow = made.token(owner, "owner")  # MLflow's protocol finds the project by the credential
        for name, content in (("salaries", SECRET), ("weather", b"day,rain\n1,2\n")):
            answer = api.post(made.path("datasets", name, "versions"), content=content)
            assert answer.status_code == 201, answer.text
        experiment = post(mlflow, f"{MLFLOW}/experiments/create", name="study")["experiment_id"]
        made.run = post(mlflow, f"{MLFLOW}/runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
        post(
            mlflow,
            f"{MLFLOW}/runs/log-inputs",
            run_id=made.run,
            datasets=[
                {
                    "dataset": {
                        "name": "salaries",
                        "digest": hashlib.sha256(SECRET).hexdigest()[:16],
                        "source_type": "http",
                        "source": "{}",
                        "schema": "name, salary",
                    }
                }
            ],
        )
        made.model = post(
            mlflow, f"{MLFLOW}/logged-models", experiment_id=experiment, name="net", source_run_id=made.run
        )["model"]["info"]["model_id"]
        for root, path, content in (
            (f"models/{made.model}", "MLmodel", b"flavors: {}\n"),
            (f"models/{made.model}", "data/weights.bin", WEIGHTS),
            (f"runs/{made.run}", "plot.png", b"a plot"),
            (f"runs/{made.run}", "old/MLmodel", b"flavors: {}\n"),
            (f"runs/{made.run}", "old/weights.bin", WEIGHTS + b", a copy"),
        ):
            answer = mlflow.put(artifact(root, path), content=content)
            assert answer.status_code == 200, answer.text
        post(
            mlflow,
            f"{MLFLOW}/registered-models/create",
            name="fraud",
        )
        for source in (f"models:/{made.model}", f"mlflow-artifacts:/runs/{made.run}/artifacts/old"):
            post(mlflow, f"{MLFLOW}/model-versions/create", name="fraud", source=source)
        made.sql(
            """insert into insighter.deployments
                 (project_id, name, model_name, model_version, status, reason, created_by)
               values (%s, 'fraud-live', 'fraud', 1, 'failed', 'out of memory', %s)""",
            project["id"],
            owner,
        )
        yield made
        for client in made.clients:
            client.close()


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def artifact(root: str, path: str) -> str:
    return f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/{root}/artifacts/{path}"


def ways(world: World, kind: str) -> dict[str, tuple[str, str]]:
    """Every way to an asset: method and path by a word for it."""
    serve = f"/insighter/serve/{world.project['slug']}/fraud-live"
    return {
        "dataset": {
            "detail": ("GET", world.path("datasets", "salaries")),
            "in other letters": ("GET", world.path("datasets", "SALARIES")),
            "rows": ("GET", world.path("datasets", "salaries", "versions", "1", "preview")),
            "file": ("GET", world.path("datasets", "salaries", "versions", "1", "content")),
            "table": ("GET", world.path("datasets", "salaries", "versions", "1", "content") + "?format=parquet"),
        },
        "model": {
            "detail": ("GET", world.path("models", "fraud")),
            "version": ("GET", world.path("models", "fraud", "versions", "1")),
            "signature": ("GET", world.path("models", "fraud", "versions", "1", "signature")),
            "older signature": ("GET", world.path("models", "fraud", "versions", "2", "signature")),
            "registered": ("GET", f"{MLFLOW}/registered-models/get?name=fraud"),
            "versions": ("GET", f"{MLFLOW}/model-versions/get?name=fraud&version=1"),
            "where it is": ("GET", f"{MLFLOW}/model-versions/get-download-uri?name=fraud&version=1"),
            "logged": ("GET", f"{MLFLOW}/logged-models/{world.model}"),
            "weights": ("GET", artifact(f"models/{world.model}", "data/weights.bin")),
            "weights of a run": ("GET", artifact(f"runs/{world.run}", "old/weights.bin")),
        },
        "deployment": {
            "detail": ("GET", world.path("deployments", "fraud-live")),
            "ping": ("GET", f"{serve}/ping"),
            "health": ("GET", f"{serve}/health"),
            "version": ("GET", f"{serve}/version"),
            "invocations": ("POST", f"{serve}/invocations"),
        },
    }[kind]  # fmt: skip


NAMES = {"dataset": "salaries", "model": "fraud", "deployment": "fraud-live"}


def answered(path: str) -> int:
    """What those get who see it: this endpoint does not run."""
    return 503 if path.startswith("/insighter/serve/") else 200


@pytest.mark.parametrize("kind", NAMES)
def test_by_every_way_it_is_not_there(world: World, kind: str) -> None:
    named, viewer = world.somebody("viewer"), world.somebody("viewer")
    editor, limited = world.somebody("editor"), world.somebody("admin", "viewer")
    world.restrict(kind, NAMES[kind], "admin", named)
    try:
        for word, (method, path) in ways(world, kind).items():
            seen = named.http.request(method, path, json={})
            assert seen.status_code == answered(path), (word, seen.text)
            for caller in (viewer, editor, limited):
                answer = caller.http.request(method, path, json={})
                assert answer.status_code == 404, (word, answer.status_code, answer.text)
                assert "salary" not in answer.text and "weights that" not in answer.text
    finally:
        world.api.delete(world.path("restrictions", kind, NAMES[kind]))
    for word, (method, path) in ways(world, kind).items():
        assert viewer.http.request(method, path, json={}).status_code == answered(path), word


@pytest.mark.parametrize("kind", NAMES)
def test_no_list_and_no_change_tells_of_it(world: World, kind: str) -> None:
    editor = world.somebody("editor")
    lists = [
        ("GET", world.path("datasets"), None),
        ("GET", world.path("models"), None),
        ("GET", world.path("deployments"), None),
        ("GET", world.path("runs", world.run), None),
        ("GET", world.path("runs", world.run, "artifacts") + "?path=old", None),
        ("GET", f"{MLFLOW}/runs/get?run_id={world.run}", None),
        ("GET", f"{MLFLOW}/registered-models/search", None),
        ("GET", f"{MLFLOW}/model-versions/search", None),
        ("POST", f"{MLFLOW}/runs/search", {"experiment_ids": experiments(world, editor)}),
        ("POST", f"{MLFLOW}/logged-models/search", {"experiment_ids": experiments(world, editor)}),
        (
            "GET",
            "/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts"
            f"?path={quote(f'models/{world.model}/artifacts', safe='')}",
            None,
        ),
        ("GET", f"{MLFLOW}/artifacts/list?run_id={world.run}&path=old", None),
    ]
    telling = {"dataset": ("salaries", "salary"), "model": ("fraud\"", world.model + '"', "weights.bin"),
               "deployment": ("fraud-live",)}[kind]  # fmt: skip

    def told() -> str:
        text = ""
        for method, path, body in lists:
            answer = editor.http.request(method, path, json=body)
            assert answer.status_code in {200, 404}, (path, answer.text)
            text += answer.text if answer.status_code == 200 else ""
        return text

    open_text = told()
    assert all(word in open_text for word in telling)
    world.restrict(kind, NAMES[kind], "admin")
    try:
        closed_text = told()
        for word in telling:
            if (kind, word) == ("model", 'fraud"'):
                # The endpoint that serves it is an asset of its own, and says what it serves.
                closed_text = closed_text.replace('"model":"fraud"', "").replace('"model": "fraud"', "")
            assert word not in closed_text, word
        attempts: dict[str, list[tuple[str, str, Any]]] = {
            "dataset": [("DELETE", world.path("datasets", "salaries"), None)],
            "model": [
                ("PUT", world.path("models", "fraud", "aliases", "mine"), {"version": 1}),
                ("POST", world.path("deployments"), {"name": "stolen", "model": "fraud", "version": 1}),
                ("DELETE", f"{MLFLOW}/registered-models/delete", {"name": "fraud"}),
                ("DELETE", f"{MLFLOW}/logged-models/{world.model}", None),
            ],
            "deployment": [
                ("POST", world.path("deployments", "fraud-live", "start"), None),
                ("POST", world.path("deployments", "fraud-live", "stop"), None),
                ("DELETE", world.path("deployments", "fraud-live"), None),
            ],
        }
        for method, path, body in attempts[kind]:
            answer = editor.http.request(method, path, json=body)
            assert answer.status_code == 404, (path, answer.status_code, answer.text)
    finally:
        world.api.delete(world.path("restrictions", kind, NAMES[kind]))


def experiments(world: World, caller: Caller) -> list[str]:
    found = caller.http.get(world.path("experiments")).json()["items"]
    return [item["id"] for item in found]


def test_a_model_s_files_do_not_come_out_under_another_name(world: World) -> None:
    editor = world.somebody("editor")
    world.restrict("model", "fraud", "admin")
    try:
        for name, source in (
            ("copy", f"models:/{world.model}"),
            ("copy", "models:/fraud/1"),
            ("copy", f"mlflow-artifacts:/runs/{world.run}/artifacts/old"),
        ):
            editor.http.post(f"{MLFLOW}/registered-models/create", json={"name": name})
            editor.http.post(f"{MLFLOW}/model-versions/create", json={"name": name, "source": source})
        for version in ("1", "2", "3"):
            answer = editor.http.get(world.path("models", "copy", "versions", version, "signature"))
            assert answer.status_code in {200, 404} and not answer.json().get("inputs"), answer.text
        for root, path in (
            (f"models/{world.model}", "data/weights.bin"),
            (f"runs/{world.run}", "old/weights.bin"),
        ):
            assert editor.http.get(artifact(root, path)).status_code == 404
        assert editor.http.get(artifact(f"runs/{world.run}", "plot.png")).content == b"a plot"
    finally:
        world.api.delete(world.path("restrictions", "model", "fraud"))
        world.api.request("DELETE", f"{MLFLOW}/registered-models/delete", json={"name": "copy"})


def test_a_page_of_rows_and_its_file_are_checked_at_the_bytes_too(world: World) -> None:
    """A row of one's own that names another's object: the key is known, and opens nothing."""
    viewer = world.somebody("viewer")
    assert viewer.http.get(world.path("datasets", "weather", "versions", "1", "content")).status_code == 200
    world.restrict("dataset", "salaries", "admin")
    try:
        digest = hashlib.sha256(SECRET).hexdigest()
        answer = viewer.http.get(
            world.path("datasets", "salaries", "versions", "1", "content"),
            headers={"If-None-Match": f'"{digest}"'},
        )
        assert answer.status_code == 404, "not even whether it is still the same"
    finally:
        world.api.delete(world.path("restrictions", "dataset", "salaries"))
