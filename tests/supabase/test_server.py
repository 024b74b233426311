"""A Jupyter server in Supabase mode, from signing up to a registered model, against the double of a project."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kernel.notebook import Kernel
from tests.running import JupyterServer
from tests.supabase.double import Double

API = "/insighter/api"
EMAIL = "ann@example.org"
PASSWORD = "correct horse battery"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server(double: Double) -> Iterator[JupyterServer]:
    """A server with the three variables, and what says that everybody may sign up."""
    variables = {
        **double.environment(),
        "INSIGHTER_SIGN_UP": "open",
        "SUPABASE_SERVICE_ROLE_KEY": double.api_key("service_role"),
    }
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixp-")), variables=variables)
    running.launch()
    try:
        with running.client() as client:
            until = time.monotonic() + 120
            while True:
                try:
                    if client.get(f"{API}/auth").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert running.process is not None and running.process.poll() is None
                assert time.monotonic() < until, running.log.read_text()[-3000:]
                time.sleep(0.2)
        yield running
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def ann(server: JupyterServer, double: Double) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed up and confirmed the address."""
    with server.client() as client:
        told = client.get(f"{API}/auth").json()
        assert (told["mode"], told["accounts"], told["sends_mail"], told["me"]) == (
            "supabase",
            True,
            True,
            None,
        )
        assert client.get(f"{API}/projects").status_code == 401
        new = {"email": EMAIL, "password": PASSWORD, "display_name": "Ann Lind"}
        answer = client.post(f"{API}/auth/sign-up", json=new)
        assert answer.status_code == 202, answer.text
        answer = client.post(f"{API}/auth/sign-in", json={"email": EMAIL, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (403, "email_not_confirmed")
        code = double.code(EMAIL, "confirmation")
        answer = client.post(f"{API}/auth/confirmation/confirm", json={"email": EMAIL, "code": code})
        assert answer.status_code == 200, answer.text
        status = client.get(f"{API}/status").json()
        assert (status["mode"], status["me"]["email"], status["me"]["local"]) == ("supabase", EMAIL, False)
        assert status["me"]["display_name"] == "Ann Lind"  # it was said before the address was confirmed
        yield client


@pytest.fixture(scope="module")
def project(ann: httpx.Client) -> dict[str, Any]:
    """A project of hers."""
    answer = ann.post(f"{API}/projects", json={"name": "Wines"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture(scope="module")
def kernel(ann: httpx.Client, server: JupyterServer, project: dict[str, Any]) -> Iterator[Kernel]:
    """A kernel in the project's folder, started from her browser."""
    answer = ann.post("/api/kernels", json={"name": "python3", "path": project["folder"]})
    assert answer.status_code == 201, answer.text
    running = Kernel(server, answer.json()["id"])
    until = time.monotonic() + 60
    while "ready" not in running.try_run("print('ready')").text:  # what a kernel says first can be lost
        assert time.monotonic() < until
    yield running
    running.close()
    ann.delete(f"/api/kernels/{running.id}")


def test_a_dataset_is_stored_in_the_project_and_read_again(
    ann: httpx.Client, double: Double, project: dict[str, Any]
) -> None:
    content = "a,b\n" + "".join(f"{n},x{n}\n" for n in range(50_000))
    answer = ann.post(
        f"{API}/projects/{project['id']}/datasets/numbers/versions",
        params={"filename": "numbers.csv"},
        content=content.encode(),
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["version"]["rows"] == 50_000
    page = ann.get(
        f"{API}/projects/{project['id']}/datasets/numbers/versions/1/preview", params={"offset": 49_999}
    )
    assert page.json()["rows"] == [["49999", "x49999"]] or page.json()["rows"] == [[49_999, "x49999"]]
    names = [
        name for (name,) in double.superuser("select name from storage.objects where bucket_id = 'insighter'")
    ]
    assert names and all(name.startswith(project["id"]) for name in names)


def test_a_kernel_has_no_secret_of_the_project_and_works_in_it_alone(
    kernel: Kernel, double: Double, project: dict[str, Any]
) -> None:
    environment = kernel.environment()
    assert environment["INSIGHTER_PROJECT"] == project["id"]
    values = set(environment.values())
    assert not values & {double.secret, double.key, double.api_key("service_role")}
    kernel.run("import insighter_ext as ix")
    assert "numbers" in kernel.run("print(ix.datasets.list())").text


def test_a_run_is_logged_and_a_model_registered_by_the_unmodified_client(
    kernel: Kernel, ann: httpx.Client, project: dict[str, Any]
) -> None:
    kernel.run(
        "import mlflow, numpy as np\n"
        "from sklearn.linear_model import LinearRegression\n"
        "model = LinearRegression().fit(np.arange(8.0).reshape(4, 2), [0, 1, 2, 3])\n"
        "with mlflow.start_run(run_name='first'):\n"
        "    mlflow.log_metric('loss', 0.25)\n"
        "    mlflow.log_text('hello', 'notes.txt')\n"
        "    mlflow.sklearn.log_model(model, name='line', registered_model_name='line')\n"
    )
    read = kernel.run("print(mlflow.pyfunc.load_model('models:/line/1').predict(np.array([[2.0, 3.0]])))")
    assert read.text.strip().startswith("[1.")
    models = ann.get(f"{API}/projects/{project['id']}/models").json()["items"]
    assert [model["name"] for model in models] == ["line"]


def test_the_model_answers_behind_an_address_until_it_is_stopped(
    ann: httpx.Client, project: dict[str, Any]
) -> None:
    url = f"{API}/projects/{project['id']}/deployments"
    answer = ann.post(url, json={"name": "line", "model": "line", "version": 1})
    assert answer.status_code in {201, 202}, answer.text
    until = time.monotonic() + 120
    while (made := ann.get(f"{url}/line").json())["status"] == "starting":
        assert time.monotonic() < until, made
        time.sleep(0.5)
    assert made["status"] == "healthy", made
    said = ann.post(f"/{made['path']}/invocations", json={"inputs": [[2.0, 3.0]]})
    assert said.status_code == 200, said.text
    assert said.json()["predictions"][0] == pytest.approx(1.0)
    assert ann.delete(f"{url}/line").status_code == 204


def test_what_is_deleted_comes_back_and_a_purge_frees_the_storage(
    ann: httpx.Client, double: Double, project: dict[str, Any]
) -> None:
    url = f"{API}/projects/{project['id']}"
    added = ann.post(f"{url}/datasets/letters/versions", content=b"a\nx\ny\n")
    assert added.status_code == 201, added.text

    def stored() -> int:
        count: int = double.superuser("select count(*) from storage.objects where bucket_id = 'insighter'")[
            0
        ][0]
        return count

    before = stored()
    assert ann.delete(f"{url}/datasets/letters").status_code == 204
    (entry,) = ann.get(f"{url}/trash", params={"kind": "dataset"}).json()["items"]
    back = ann.post(f"{url}/trash/dataset/{entry['id']}/restore", json={})
    assert back.status_code == 200, back.text
    assert ann.get(f"{url}/datasets/letters/versions/1/content").text == "a\nx\ny\n"
    assert ann.delete(f"{url}/datasets/letters").status_code == 204
    gone = ann.delete(f"{url}/trash/dataset/{entry['id']}").json()
    assert (gone["purged"], gone["freed_objects"], gone["pending"]) == (1, 2, False)
    assert gone["freed_bytes"] == entry["bytes"] > 0 and stored() == before - 2


def test_what_was_done_is_in_the_audit_and_its_chain_is_whole(
    ann: httpx.Client, project: dict[str, Any]
) -> None:
    rows = ann.get(f"{API}/projects/{project['id']}/audit", params={"limit": 200}).json()["items"]
    assert {"person", "kernel"} <= {row["actor_kind"] for row in rows}
    state = ann.get(f"{API}/projects/{project['id']}/audit/verification").json()
    assert (state["ok"], state["problems"]) == (True, [])
    assert state["rows"] >= len(rows)


def test_the_project_is_a_file_and_a_project_again(
    ann: httpx.Client, double: Double, project: dict[str, Any]
) -> None:
    answer = ann.get(f"{API}/projects/{project['id']}/archive")
    assert answer.status_code == 200, answer.text
    url = f"{API}/projects/imports"
    begun = ann.post(url, content=answer.content, params={"name": "Wines again"}).json()
    until = time.monotonic() + 60
    while (seen := ann.get(f"{url}/{begun['id']}").json())["state"] == "working":
        assert time.monotonic() < until, seen
        time.sleep(0.2)
    assert seen["state"] == "done", seen
    base = f"{API}/projects/{seen['project_id']}"
    kept, were = (ann.get(f"{one}/contents").json() for one in (base, f"{API}/projects/{project['id']}"))
    assert kept == were
    offset = {"offset": 49_999}
    assert ann.get(f"{base}/datasets/numbers/versions/1/preview", params=offset).json()["total"] == 50_000
    assert ann.get(f"{base}/audit/verification").json()["ok"] is True
    # What is damaged leaves no object in the project's storage.
    count = "select count(*) from storage.objects where bucket_id = 'insighter'"
    before = double.superuser(count)
    broken = answer.content.replace(b"49998,x49998", b"49998,x49997")
    assert broken != answer.content
    begun = ann.post(url, content=broken).json()
    while (seen := ann.get(f"{url}/{begun['id']}").json())["state"] == "working":
        time.sleep(0.2)
    assert seen["state"] == "failed", seen
    until = time.monotonic() + 20
    while double.superuser(count) != before:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert ann.request("DELETE", base, json={"confirm": "Wines again"}).status_code == 204


def test_a_stranger_finds_nothing_of_it(
    server: JupyterServer, double: Double, project: dict[str, Any]
) -> None:
    with server.client() as bob:
        bob.post(f"{API}/auth/sign-up", json={"email": "bob@example.org", "password": PASSWORD})
        code = double.code("bob@example.org", "confirmation")
        confirmed = bob.post(
            f"{API}/auth/confirmation/confirm", json={"email": "bob@example.org", "code": code}
        )
        assert confirmed.status_code == 200
        for path in ("", "/datasets", "/models", "/audit"):
            assert bob.get(f"{API}/projects/{project['id']}{path}").status_code == 404
        preview = bob.get(f"{API}/projects/{project['id']}/datasets/numbers/versions/1/preview")
        assert preview.status_code == 404


def test_signing_out_ends_the_sign_in_at_the_project_too(server: JupyterServer, double: Double) -> None:
    with server.client() as client:
        answer = client.post(f"{API}/auth/sign-in", json={"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        count = (
            "select count(*) from auth.sessions s join auth.users u on u.id = s.user_id where u.email = %s"
        )
        before = double.superuser(count, EMAIL)[0][0]
        assert client.post(f"{API}/auth/sign-out").status_code == 204
        assert double.superuser(count, EMAIL)[0][0] == before - 1
        assert client.get(f"{API}/projects").status_code == 401


def test_nothing_was_asked_as_more_than_a_person_and_no_secret_is_in_the_log(
    server: JupyterServer, double: Double
) -> None:
    assert {role for _, _, role in double.seen} == {"anon", "authenticated"}
    log = server.log.read_text()
    for secret in (double.secret, double.key, double.api_key("service_role"), PASSWORD):
        assert secret not in log
    assert "Traceback" not in log
