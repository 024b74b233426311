"""From a registered model to an endpoint that answers; and what becomes of it when things stop, die or are broken."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest

from insighter_ext.credentials.service import TOKEN_PREFIX
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.kernel.notebook import Kernel, kernel
from tests.running import JupyterServer

pytestmark = pytest.mark.timeout(
    300
)  # the first test waits for a server, a kernel, MLflow and a process that loads it

REGISTER = """
import json, logging, os, pathlib, tempfile, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
import mlflow, numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression

rows = pd.DataFrame(np.random.default_rng(0).random((60, 3)), columns=["acid", "sugar", "alcohol"])
model = LogisticRegression().fit(rows, (rows.acid > rows.sugar).astype(int))
with mlflow.start_run():
    logged = mlflow.sklearn.log_model(model, name="model", registered_model_name="wine")
    mlflow.sklearn.log_model(model, name="needy", registered_model_name="needy",
                             pip_requirements=["mlflow", "a-package-that-nobody-has==1.0"])
client = mlflow.MlflowClient()
client.set_registered_model_alias("wine", "champion", 1)

folder = pathlib.Path(tempfile.mkdtemp()) / "model"
mlflow.sklearn.save_model(model, folder)
for file in folder.glob("model.*"):
    file.write_bytes(b"no model at all")
with mlflow.start_run() as run:
    mlflow.log_artifacts(folder, "broken")
client.create_registered_model("broken")
client.create_model_version("broken", f"runs:/{run.info.run_id}/broken", run.info.run_id)

asked = rows.head(5)
print("RESULT" + json.dumps({"rows": asked.to_dict(orient="split"), "said": model.predict(asked).tolist()}))
"""


@dataclass
class House:
    """A server with a project in which models are registered, and a kernel that lives there."""

    server: JupyterServer
    api: httpx.Client
    project: dict[str, Any]
    kernel: Kernel
    request: dict[str, Any]
    said: list[int]

    def url(self, name: str = "") -> str:
        """The address of the deployments, or of one, in the API."""
        return f"/insighter/api/projects/{self.project['id']}/deployments" + (f"/{name}" if name else "")

    def deploy(self, name: str, **body: Any) -> dict[str, Any]:
        """Ask for a deployment."""
        answer = self.api.post(self.url(), json={"name": name, "model": "wine", "version": 1, **body})
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        assert answer.headers["Location"] == self.url(name)
        return made

    def wait(self, name: str, *wanted: str) -> dict[str, Any]:
        """The deployment, once its status is one of those wanted."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api.get(self.url(name)).json()
            assert found["status"] in {"starting", *wanted}, found
            return found if found["status"] in wanted else None

        return eventually(look)

    def invoke(self, deployment: dict[str, Any]) -> httpx.Response:
        """Ask an endpoint for predictions, through the server."""
        return self.api.post(f"/{deployment['path']}/invocations", json=self.request)

    def run_dir(self, deployment: dict[str, Any]) -> Path:
        return self.server.data_dir / "deployments" / str(deployment["id"])

    def state(self, deployment: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run_dir(deployment) / "state.json").read_text())
        return found

    def secret(self, deployment: dict[str, Any]) -> str:
        return str(json.loads((self.run_dir(deployment) / "spec.json").read_text())["secret"])


def eventually(look: Callable[[], Any], seconds: float = 90) -> Any:
    """What ``look`` answers, once it is not None."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def somebody(house: House, role: str | None) -> str:
    """The access token of a new account, a viewer's at most, with a role in the project or none."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    database = EmbeddedPostgres(house.server.data_dir / "postgres")
    with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
        row = connection.execute(
            "insert into auth.users (email) values (%s) returning id", [f"{uuid4().hex}@example.org"]
        ).fetchone()
        assert row is not None
        if role is not None:
            connection.execute(
                "insert into insighter.members (project_id, user_id, role) values (%s, %s, %s)",
                [house.project["id"], row[0], role],
            )
        connection.execute(
            "insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)"
            " values (%s, %s, 'token', 'test', 'viewer', %s, now() + interval '1 hour')",
            [row[0], house.project["id"], hashlib.sha256(secret.encode()).hexdigest()],
        )
    return secret


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One server for this module, which is killed and started again on the way."""
    server = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")))
    try:
        server.start()
        with server.client() as api:
            project = api.post("/insighter/api/projects", json={"name": "Endpoints"}).json()
            with kernel(server, project["folder"]) as notebook:
                said = json.loads(notebook.run(REGISTER).text.partition("RESULT")[2])
                split = said["rows"]
                request = {"dataframe_split": {"columns": split["columns"], "data": split["data"]}}
                yield House(server, api, project, notebook, request, said["said"])
    finally:
        server.destroy()


@pytest.fixture(scope="module")
def steady(house: House) -> dict[str, Any]:
    """A healthy endpoint for all tests that do it no harm."""
    house.deploy("steady")
    return house.wait("steady", "healthy")


@pytest.fixture
def wine(house: House) -> Iterator[dict[str, Any]]:
    """A healthy endpoint of a test's own, to be killed."""
    name = f"wine-{uuid4().hex[:8]}"
    house.deploy(name)
    yield house.wait(name, "healthy")
    assert house.api.delete(house.url(name)).status_code in {204, 404}


@pytest.mark.slow
def test_a_model_is_deployed_answers_stops_starts_again_and_is_deleted(house: House) -> None:
    made = house.deploy("life", version=None, alias="champion")
    assert (made["status"], made["version"], made["reason"]) == ("starting", 1, None)
    assert made["path"] == f"insighter/serve/{house.project['slug']}/life"
    assert house.invoke(made).status_code in {200, 503}
    healthy = house.wait("life", "healthy")
    assert healthy["log"] and "Ready" in healthy["log"][-1]
    answer = house.invoke(made)
    assert answer.status_code == 200 and answer.json() == {"predictions": house.said}

    assert house.api.post(house.url("life/start")).status_code == 409
    pid = house.state(made)["pid"]
    stopped = house.api.post(house.url("life/stop"))
    assert stopped.status_code == 200 and stopped.json()["status"] == "stopped"
    assert not runs(pid)
    refused = house.invoke(made)
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    assert refused.json()["code"] == "endpoint_stopped" and "stopped" in refused.json()["message"]
    assert house.api.post(house.url("life/stop")).json()["status"] == "stopped"

    started = house.api.post(house.url("life/start"))
    assert started.status_code == 202 and started.json()["path"] == made["path"]
    house.wait("life", "healthy")
    assert house.invoke(made).json() == {"predictions": house.said}
    assert house.state(made)["pid"] != pid

    pid = house.state(made)["pid"]
    assert house.api.delete(house.url("life")).status_code == 204
    assert not runs(pid) and house.run_dir(made).exists()
    assert house.api.get(house.url("life")).status_code == 404
    assert house.invoke(made).status_code == 404

    # Out of the trash it comes back stopped; for good its files go too.
    entry = f"/insighter/api/projects/{house.project['id']}/trash/deployment/{made['id']}"
    assert house.api.post(f"{entry}/restore", json={}).status_code == 200
    assert house.api.get(house.url("life")).json()["status"] == "stopped"
    assert house.api.delete(house.url("life")).status_code == 204
    assert house.api.delete(entry).json()["purged"] == 1
    assert not house.run_dir(made).exists()


def test_the_endpoint_speaks_mlflow_s_scoring_protocol(house: House, steady: dict[str, Any]) -> None:
    base = f"/{steady['path']}"
    assert house.api.get(f"{base}/ping").status_code == house.api.get(f"{base}/health").status_code == 200
    assert house.api.get(f"{base}/version").text
    csv = "\n".join(
        ",".join(map(str, line))
        for line in [
            house.request["dataframe_split"]["columns"],
            *house.request["dataframe_split"]["data"],
        ]
    )
    answer = house.api.post(f"{base}/invocations", content=csv, headers={"Content-Type": "text/csv"})
    assert answer.json() == {"predictions": house.said}
    wrong = house.api.post(f"{base}/invocations", json={"rows": []})
    assert wrong.status_code == 400 and wrong.json()["error_code"]
    wrong_column = house.api.post(
        f"{base}/invocations", json={"dataframe_split": {"columns": ["x"], "data": [[1]]}}
    )
    assert wrong_column.status_code == 400 and "Traceback" not in wrong_column.text
    assert house.api.post(f"{base}/ping").status_code == 405
    assert house.api.get(f"{base}/invocations").status_code == 405
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_a_body_over_the_limit_is_refused_in_words(house: House, steady: dict[str, Any]) -> None:
    body = b" " * (64 * 1024 * 1024 + 1)
    answer = house.api.post(
        f"/{steady['path']}/invocations", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413 and set(answer.json()) == {"code", "message", "details", "hint"}


def test_the_kernel_s_own_credential_reaches_endpoints_and_nobody_else_does(
    house: House, steady: dict[str, Any]
) -> None:
    token = house.kernel.environment()["INSIGHTER_TOKEN"]
    url = f"{house.server.url}/{steady['path']}/invocations"
    answer = httpx.post(url, json=house.request, headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"predictions": house.said}
    for headers in ({}, {"Authorization": f"Bearer {house.secret(steady)}"}):
        assert httpx.post(url, json=house.request, headers=headers).status_code in {401, 403}
    assert (
        httpx.get(house.server.url + house.url(), headers={"Authorization": f"Bearer {token}"}).status_code
        == 200
    )

    other = house.api.post("/insighter/api/projects", json={"name": f"Other {uuid4().hex}"}).json()
    with kernel(house.server, other["folder"]) as stranger:
        token = stranger.environment()["INSIGHTER_TOKEN"]
    # The kernel has ended, and its credential with it; one that lives sees no other project.
    assert (
        httpx.post(url, json=house.request, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    )
    with kernel(house.server, other["folder"]) as stranger:
        headers = {"Authorization": f"Bearer {stranger.environment()['INSIGHTER_TOKEN']}"}
        assert httpx.post(url, json=house.request, headers=headers).status_code == 404
        assert httpx.get(house.server.url + house.url(), headers=headers).status_code == 404


@pytest.mark.slow
def test_every_reader_calls_an_endpoint_by_an_access_token(house: House, steady: dict[str, Any]) -> None:
    viewer, stranger = somebody(house, "viewer"), somebody(house, None)
    invocations = f"{house.server.url}/{steady['path']}/invocations"

    def call(secret: str) -> httpx.Response:
        return httpx.post(
            invocations, json=house.request, headers={"Authorization": f"Bearer {secret}"}, timeout=60
        )

    assert call(viewer).json() == {"predictions": house.said}
    assert call(stranger).status_code == 404
    restriction = f"/insighter/api/projects/{house.project['id']}/restrictions/deployment/{steady['name']}"
    assert house.api.put(restriction, json={"min_role": "editor", "people": []}).status_code == 200
    try:
        assert call(viewer).status_code == 404
        assert house.invoke(steady).json() == {"predictions": house.said}
    finally:
        assert house.api.delete(restriction).status_code == 204
    assert call(viewer).status_code == 200


def test_a_page_can_invoke_with_the_cookie_and_its_token_only(house: House, steady: dict[str, Any]) -> None:
    with httpx.Client(base_url=house.server.url) as browser:
        browser.get("/login", params={"token": house.server.token})
        path = f"/{steady['path']}/invocations"
        assert browser.get(f"/{steady['path']}/ping").status_code == 200
        assert browser.post(path, json=house.request).status_code == 403
        xsrf = browser.cookies.get("_xsrf") or ""
        if xsrf:
            answer = browser.post(path, json=house.request, headers={"X-XSRFToken": xsrf})
            assert answer.json() == {"predictions": house.said}


def test_secrets_stay_where_they_belong(house: House, steady: dict[str, Any]) -> None:
    secret, pid = house.secret(steady), house.state(steady)["pid"]
    for path in ("spec.json", "state.json", "log.txt"):
        assert stat.S_IMODE((house.run_dir(steady) / path).stat().st_mode) == 0o600, path
    assert stat.S_IMODE(house.run_dir(steady).stat().st_mode) == 0o700
    answers = house.api.get(house.url()).text + house.api.get(house.url(steady["name"])).text
    answers += house.invoke(steady).text + str(house.invoke(steady).headers)
    assert secret not in answers
    said = (house.run_dir(steady) / "log.txt").read_text() + house.server.log.read_text()
    assert secret not in said and house.server.token not in (house.run_dir(steady) / "log.txt").read_text()
    process = psutil.Process(pid)
    assert secret not in json.dumps(process.environ()) + " ".join(process.cmdline())
    assert not [
        name
        for name in process.environ()
        if name.startswith(("JUPYTER", "JPY_", "INSIGHTER_", "SUPABASE_", "MLFLOW_TRACKING_"))
    ]
    with httpx.Client(base_url=f"http://127.0.0.1:{house.state(steady)['port']}") as direct:
        assert direct.post("/invocations", json=house.request).status_code == 401
        assert (
            direct.get("/ping", headers={"Authorization": f"Bearer {house.server.token}"}).status_code == 401
        )


def test_a_killed_endpoint_says_so_and_starts_again(house: House, wine: dict[str, Any]) -> None:
    os.kill(house.state(wine)["pid"], signal.SIGKILL)
    answer = eventually(
        lambda: (found := house.invoke(wine)) and (found if found.status_code != 200 else None)
    )
    assert answer.status_code == 503 and "unexpectedly" in answer.json()["message"]
    listed = {item["name"]: item for item in house.api.get(house.url()).json()["items"]}
    assert listed[wine["name"]]["status"] == "failed"
    assert "start it again" in listed[wine["name"]]["reason"] and listed[wine["name"]]["log"] == []
    assert house.api.post(house.url(f"{wine['name']}/start")).status_code == 202
    house.wait(wine["name"], "healthy")
    assert house.invoke(wine).json() == {"predictions": house.said}

    # Nobody calls it: the list tells its death all the same.
    pid = house.state(wine)["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: None if runs(pid) else True)
    listed = {item["name"]: item for item in house.api.get(house.url()).json()["items"]}
    assert listed[wine["name"]]["status"] == "failed"


def test_a_model_whose_packages_are_missing_names_them(house: House) -> None:
    house.deploy("needy", model="needy")
    failed = house.wait("needy", "failed")
    assert "a-package-that-nobody-has" in failed["reason"]
    assert house.invoke(failed).status_code == 503
    assert house.api.delete(house.url("needy")).status_code == 204


def test_a_broken_model_fails_with_its_reason(house: House) -> None:
    house.deploy("broken", model="broken")
    failed = house.wait("broken", "failed")
    assert failed["reason"] and failed["log"]
    assert house.api.delete(house.url("broken")).status_code == 204


def test_a_port_that_is_taken_is_named(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        house.deploy("port", port=port)
        failed = house.wait("port", "failed")
        assert str(port) in failed["reason"]
    assert house.api.post(house.url("port/start")).status_code == 202
    made = house.wait("port", "healthy")
    assert house.state(made)["port"] == port and house.invoke(made).status_code == 200
    assert house.api.delete(house.url("port")).status_code == 204


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "x", "model": "wine", "version": 99}, 404, None),
        ({"name": "x", "model": "nothing", "version": 1}, 404, None),
        ({"name": "x", "model": "wine", "alias": "nobody"}, 404, None),
        ({"name": "x", "model": "wine"}, 422, "invalid"),
        ({"name": "x", "model": "wine", "version": 1, "alias": "champion"}, 422, "invalid"),
        ({"name": "Not/A Slug", "model": "wine", "version": 1}, 422, "invalid_name"),
        ({"name": "x", "model": "wine", "version": 1, "port": 80}, 422, "invalid"),
        ({"name": "x", "model": "wine", "version": 0}, 422, "invalid"),
    ],
)
def test_what_cannot_be_deployed_is_refused_with_the_next_step(
    house: House, body: dict[str, Any], status: int, code: str | None
) -> None:
    folder = house.server.data_dir / "deployments"
    before = sorted(folder.iterdir()) if folder.exists() else []
    answer = house.api.post(house.url(), json=body)
    assert (sorted(folder.iterdir()) if folder.exists() else []) == before, "nothing is left of it"
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "message", "details", "hint"}
    assert code is None or answer.json()["code"] == code
    if status == 404:
        assert answer.json()["hint"]
    assert "x" not in [item["name"] for item in house.api.get(house.url()).json()["items"]]
    assert house.api.get(house.url("x")).status_code == 404
    assert house.api.post(house.url("x/stop")).status_code == 404


def test_a_name_is_taken_once(house: House, steady: dict[str, Any]) -> None:
    answer = house.api.post(house.url(), json={"name": steady["name"], "model": "wine", "version": 1})
    assert (
        answer.status_code == 409 and answer.json()["code"] == "deployment_exists" and answer.json()["hint"]
    )


def test_one_that_is_deleted_while_it_starts_leaves_nothing_running(house: House) -> None:
    made = house.deploy("brief")
    started = eventually(
        lambda: (
            house.run_dir(made) / "process.json" if (house.run_dir(made) / "process.json").exists() else None
        )
    )
    pid = json.loads(started.read_text())["pid"]
    assert house.api.delete(house.url("brief")).status_code == 204
    assert not runs(pid)


@pytest.mark.slow
def test_the_endpoint_outlives_a_killed_server_and_is_found_again(house: House, wine: dict[str, Any]) -> None:
    state = house.state(wine)
    starting = house.deploy("begun")
    eventually(lambda: True if (house.run_dir(starting) / "process.json").exists() else None)
    house.server.kill()
    assert runs(state["pid"])
    direct = httpx.post(
        f"http://127.0.0.1:{state['port']}/invocations",
        json=house.request,
        headers={"Authorization": f"Bearer {house.secret(wine)}"},
    )
    assert direct.json() == {"predictions": house.said}

    house.server.start()
    assert house.api.get(house.url(wine["name"])).json()["status"] == "healthy"
    assert house.invoke(wine).json() == {"predictions": house.said}
    assert house.state(wine)["pid"] == state["pid"]
    house.wait("begun", "healthy")
    assert house.invoke(starting).json() == {"predictions": house.said}

    # The same for an orderly restart; and one that died meanwhile is told as dead.
    house.server.stop()
    assert runs(state["pid"])
    os.kill(house.state(starting)["pid"], signal.SIGKILL)
    house.server.start()
    assert house.invoke(wine).json() == {"predictions": house.said}
    assert house.state(wine)["pid"] == state["pid"]
    assert house.invoke(starting).status_code == 503
    assert house.wait("begun", "failed")["reason"]
    pid = state["pid"]
    assert house.api.post(house.url(f"{wine['name']}/stop")).json()["status"] == "stopped"
    assert not runs(pid), "a server ends a process that another one started"
    assert house.api.delete(house.url("begun")).status_code == 204


@pytest.mark.slow
def test_one_that_takes_too_long_is_ended_and_says_so(house: House) -> None:
    house.server.stop()
    arguments, house.server.arguments = (
        house.server.arguments,
        ("--InsighterApp.deployment_start_seconds=0.3",),
    )
    try:
        house.server.start()
        made = house.deploy("late")
        failed = house.wait("late", "failed")
        assert "did not become healthy in 0.3 s" in failed["reason"]
        pid = json.loads((house.run_dir(made) / "process.json").read_text())["pid"]
        eventually(lambda: None if runs(pid) else True)
    finally:
        house.server.stop()
        house.server.arguments = arguments
        house.server.start()
    assert house.api.post(house.url("late/start")).status_code == 202
    house.wait("late", "healthy")
    assert house.api.delete(house.url("late")).status_code == 204


@pytest.mark.slow
def test_two_servers_of_one_user_share_the_endpoints(house: House, wine: dict[str, Any]) -> None:
    other = JupyterServer(house.server.home)
    try:
        other.start()
        with other.client() as api:
            invocations = f"/{wine['path']}/invocations"
            assert api.post(invocations, json=house.request).json() == {"predictions": house.said}
            pid = house.state(wine)["pid"]
            assert api.post(house.url(f"{wine['name']}/stop")).json()["status"] == "stopped"
            assert not runs(pid), "a server ends a process that another one started"
            assert house.api.get(house.url(wine["name"])).json()["status"] == "stopped"
            with ThreadPoolExecutor(4) as pool:
                asked = [
                    pool.submit(client.post, house.url(f"{wine['name']}/start"))
                    for client in (api, house.api, api, house.api)
                ]
                statuses = sorted(future.result().status_code for future in asked)
            assert statuses == [202, 409, 409, 409]
            house.wait(wine["name"], "healthy")
            assert api.post(invocations, json=house.request).json() == {"predictions": house.said}
            assert house.invoke(wine).json() == {"predictions": house.said}
    finally:
        other.stop()
    assert house.invoke(wine).json() == {"predictions": house.said}, "it outlives the server that started it"


def test_deleting_a_project_ends_its_endpoints(house: House) -> None:
    """Last: the project goes."""
    made = house.deploy("last")
    house.wait("last", "healthy")
    pid, folder = house.state(made)["pid"], house.run_dir(made)
    answer = house.api.request(
        "DELETE", f"/insighter/api/projects/{house.project['id']}", json={"confirm": house.project["name"]}
    )
    assert answer.status_code == 204, answer.text
    assert not runs(pid) and folder.exists()
    assert house.invoke(made).status_code == 404
    assert house.api.delete(f"/insighter/api/trash/{house.project['id']}").status_code == 200
    assert not folder.exists()
