"""Webhooks: a real receiver is called, signed, once for what happened and not at all for what did not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.webhooks import protocol, sending
from insighter_ext.webhooks.sending import Sender, is_public
from tests.running import JupyterServer, free_port

SECRET = "between the two of us"
ALL = sorted(protocol.EXAMPLES)


@dataclass
class Call:
    """A request that came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The body as JSON."""
        return json.loads(self.body)  # type: ignore[no-any-return]


@dataclass
class Receiver:
    """Somebody else's server."""

    port: int
    calls: queue.Queue[Call] = field(default_factory=queue.Queue)
    answers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def next(self, seconds: float = 20) -> Call:
        return self.calls.get(timeout=seconds)

    def nothing(self, seconds: float = 1.5) -> None:
        """Nobody calls."""
        with pytest.raises(queue.Empty):
            self.calls.get(timeout=seconds)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver(free_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = found.answers.pop(0) if found.answers else 200
            found.calls.put(Call({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            if status in {302, 307}:
                self.send_header("Location", f"{found.url}/elsewhere")
            self.end_headers()
            self.wfile.write(b"thank you")

        def log_message(self, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", found.port), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        listening.shutdown()
        listening.server_close()


@pytest.fixture(scope="module")
def calling() -> Iterator[JupyterServer]:
    """A server that may call its own machine."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")), arguments=("--InsighterApp.webhook_addresses=any",)
    )
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture
def client(calling: JupyterServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's own client."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", calling.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    import mlflow

    return mlflow.MlflowClient(f"{calling.url}/insighter/mlflow", f"{calling.url}/insighter/mlflow")


@pytest.fixture
def hook(client: Any, receiver: Receiver) -> Iterator[Any]:
    made = client.create_webhook(
        name=f"hook-{uuid4().hex[:8]}", url=receiver.url, events=ALL, description="all of it", secret=SECRET
    )
    yield made
    client.delete_webhook(made.webhook_id)


def a_model(client: Any) -> str:
    name = f"wine {uuid4().hex[:8]}"
    client.create_registered_model(name, tags={"team": "wine"}, description="of wines")
    return name


def a_version(client: Any, name: str) -> str:
    experiment = client.create_experiment(f"e {uuid4().hex}")
    model = client.create_logged_model(experiment, name="m")
    return str(client.create_model_version(name, f"models:/{model.model_id}", tags={"a": "1"}).version)


def test_what_happens_is_told_signed_and_in_mlflows_words(client: Any, receiver: Receiver, hook: Any) -> None:
    before = time.time()
    name = a_model(client)
    call = receiver.next()
    said = call.said
    assert (said["entity"], said["action"]) == ("registered_model", "created")
    assert said["data"] == {"name": name, "tags": {"team": "wine"}, "description": "of wines"}
    # As MLflow's documentation tells receivers to check it.
    stamp, delivery = call.headers["x-mlflow-timestamp"], call.headers["x-mlflow-delivery-id"]
    assert before - 5 < int(stamp) < time.time() + 5
    signed = f"{delivery}.{stamp}.".encode() + call.body
    digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert hmac.compare_digest(call.headers["x-mlflow-signature"], f"v1,{digest}")

    version = a_version(client, name)
    said = receiver.next().said
    assert (said["entity"], said["action"]) == ("model_version", "created")
    assert said["data"]["name"] == name and said["data"]["version"] == version
    assert said["data"]["source"].startswith("models:/m-") and said["data"]["tags"] == {"a": "1"}

    of = {"name": name, "version": version}
    client.set_model_version_tag(name, version, "stage", "gold")
    assert receiver.next().said["data"] == {**of, "key": "stage", "value": "gold"}
    client.delete_model_version_tag(name, version, "stage")
    assert receiver.next().said["data"] == {**of, "key": "stage"}
    client.set_registered_model_alias(name, "champion", version)
    said = receiver.next().said
    assert (said["entity"], said["action"]) == ("model_version_alias", "created")
    assert said["data"] == {**of, "alias": "champion"}
    # Where it points to already, nothing happens.
    client.set_registered_model_alias(name, "champion", version)
    client.delete_registered_model_alias(name, "champion")
    said = receiver.next().said
    assert (said["action"], said["data"]) == ("deleted", {"name": name, "alias": "champion"})


def test_only_what_was_asked_for_is_told(client: Any, receiver: Receiver) -> None:
    hook = client.create_webhook(
        name="aliases-only", url=receiver.url, events=["model_version_alias.created"]
    )
    name = a_model(client)
    version = a_version(client, name)
    client.set_registered_model_alias(name, "champion", version)
    call = receiver.next()
    assert call.said["entity"] == "model_version_alias"
    assert "x-mlflow-signature" not in call.headers  # it has no secret
    client.update_webhook(hook.webhook_id, status="DISABLED")
    client.set_registered_model_alias(name, "second", version)
    receiver.nothing()
    client.update_webhook(hook.webhook_id, status="ACTIVE", secret=SECRET)
    client.set_registered_model_alias(name, "third", version)
    call = receiver.next()
    assert call.said["data"]["alias"] == "third" and "x-mlflow-signature" in call.headers
    client.delete_webhook(hook.webhook_id)
    client.set_registered_model_alias(name, "fourth", version)
    receiver.nothing()


def test_the_client_makes_lists_changes_and_tests_them(client: Any, receiver: Receiver, hook: Any) -> None:
    found = client.get_webhook(hook.webhook_id)
    assert (found.name, found.url, found.description) == (hook.name, receiver.url, "all of it")
    assert sorted(map(str, found.events)) == ALL and str(found.status) == "ACTIVE"
    assert found.secret is None
    others = [
        client.create_webhook(name=f"n{number}", url=receiver.url, events=["prompt.created"]).webhook_id
        for number in range(3)
    ]
    seen, token = [], None
    while True:
        page = client.list_webhooks(max_results=2, page_token=token)
        seen += [one.webhook_id for one in page]
        if not (token := page.token):
            break
    assert seen[:4] == [*reversed(others), hook.webhook_id]
    for other in others:
        client.delete_webhook(other)

    changed = client.update_webhook(hook.webhook_id, name="renamed", description="")
    assert (changed.name, changed.description) == ("renamed", None)
    result = client.test_webhook(hook.webhook_id, event="model_version_tag.set")
    assert (result.success, result.response_status, result.response_body) == (True, 200, "thank you")
    assert receiver.next().said["data"] == protocol.EXAMPLES["model_version_tag.set"]
    receiver.answers = [500]
    result = client.test_webhook(hook.webhook_id)
    assert (result.success, result.response_status) == (False, 500)
    receiver.next()
    receiver.nothing()  # a test is not tried again


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Has Capitals"}, "is invalid"),
        ({"name": "-x"}, "is invalid"),
        ({"url": "ftp://example.org"}, "scheme"),
        ({"url": "file:///etc/passwd"}, "scheme"),
        ({"url": "https://"}, "hostname"),
        ({"url": "https://user:pw@example.org"}, "name and password"),
        ({"url": "https://example.org/\r\nX-Evil: 1"}, "hostname"),
        ({"url": "https://example.org:99999/"}, "Invalid webhook URL"),
        ({"url": "https://a..b/"}, "hostname"),
        ({"url": f"https://{'x' * 64}.org/"}, "hostname"),
        ({"url": "https://exämple.org/"}, "punycode"),
        ({"url": "https://example.org/ä"}, "punycode"),
        ({"events": []}, "events"),
        ({"events": ["model_version.deleted"]}, "no event"),
        ({"events": ["x'); drop table insighter.webhooks; --"]}, "no event"),
        ({"secret": "x" * 1001}, "secret"),
    ],
)
def test_what_makes_no_webhook(calling: JupyterServer, changes: dict[str, Any], said: str) -> None:
    with calling.client() as api:
        project = api.get("/insighter/api/status").json()["personal_project"]
        body = {"name": "a", "url": "https://example.org", "events": ["model_version.created"], **changes}
        answer = api.post(f"/insighter/api/projects/{project}/webhooks", json=body)
    assert answer.status_code == 422, answer.text
    assert said in answer.text


def test_what_fails_is_tried_again_and_what_is_refused_is_not(
    calling: JupyterServer, client: Any, receiver: Receiver, hook: Any
) -> None:
    receiver.answers = [503, 200]
    name = a_model(client)
    first, second = receiver.next(), receiver.next()
    assert first.body != b"" and first.said["data"]["name"] == second.said["data"]["name"] == name
    assert first.headers["x-mlflow-delivery-id"] == second.headers["x-mlflow-delivery-id"]
    receiver.answers = [403, 307]
    refused = a_model(client)
    receiver.next()
    redirected = a_model(client)
    receiver.next()
    receiver.nothing()
    with calling.client() as api:
        project = api.get("/insighter/api/status").json()["personal_project"]
        base = f"/insighter/api/projects/{project}/webhooks/{hook.webhook_id}"
        deadline = time.monotonic() + 20
        while True:
            sent = {one["payload"]["name"]: one for one in api.get(f"{base}/deliveries").json()["items"]}
            if all(one["status"] != "pending" for one in sent.values()) or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert (sent[name]["status"], sent[name]["attempts"]) == ("delivered", 2)
        for other, status in ((refused, 403), (redirected, 307)):
            assert (sent[other]["status"], sent[other]["response_status"]) == ("failed", status)
            assert sent[other]["attempts"] == 1 and str(status) in sent[other]["error"]
        # By hand, once more.
        again = api.post(f"{base}/deliveries/{sent[refused]['id']}/send")
        assert again.status_code == 200 and again.json()["status"] == "delivered", again.text
        call = receiver.next()
        assert call.headers["x-mlflow-delivery-id"] == sent[refused]["delivery"]
        # The newest is still the one that was led elsewhere.
        assert api.get(base).json()["last"]["response_status"] == 307
        assert api.post(f"{base}/deliveries/999999/send").status_code == 404


def test_what_was_not_sent_when_the_server_died_is_sent_by_the_next(
    own_server: JupyterServer, receiver: Receiver
) -> None:
    own_server.arguments = ("--InsighterApp.webhook_addresses=any",)
    own_server.start()
    with own_server.client() as api:
        project = api.get("/insighter/api/status").json()["personal_project"]
        body = {"name": "a", "url": receiver.url, "events": ["registered_model.created"]}
        hooks = f"/insighter/api/projects/{project}/webhooks"
        made = api.post(hooks, json=body)
        assert made.status_code == 201
        receiver.answers = [503]
        made = api.post("/insighter/mlflow/api/2.0/mlflow/registered-models/create", json={"name": "wine"})
        assert made.status_code == 200
        receiver.next()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            last = api.get(f"{hooks}/{api.get(hooks).json()['items'][0]['id']}").json()["last"]
            if last["response_status"] == 503:
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"the first attempt is not noted: {last}")
    own_server.kill()
    own_server.start()
    with own_server.client() as api:
        api.get("/insighter/api/status")
    assert receiver.next().said["data"]["name"] == "wine"


def test_what_is_restricted_inside_the_project_is_not_told_outside(
    calling: JupyterServer, receiver: Receiver
) -> None:
    with calling.client() as api:
        project = api.post("/insighter/api/projects", json={"name": f"Hooks {uuid4().hex[:8]}"}).json()
        base = f"/insighter/api/projects/{project['id']}"
        body = {"name": "a", "url": receiver.url, "events": ALL}
        assert api.post(f"{base}/webhooks", json=body).status_code == 201
        api.headers["X-MLFLOW-WORKSPACE"] = project["slug"]
        registry = "/insighter/mlflow/api/2.0/mlflow/registered-models"
        assert api.post(f"{registry}/create", json={"name": "open"}).status_code == 200
        assert receiver.next().said["data"]["name"] == "open"
        # What waits for another try when it is closed is not told either, and not by hand.
        receiver.answers = [503]
        assert api.post(f"{registry}/create", json={"name": "waiting"}).status_code == 200
        receiver.next()
        closed = {"min_role": "owner", "people": []}
        assert api.put(f"{base}/restrictions/model/waiting", json=closed).status_code == 200
        put = api.put(f"{base}/restrictions/model/open", json={"min_role": "owner", "people": []})
        assert put.status_code == 200, put.text
        tag = {"name": "open", "key": "mlflow.prompt.is_prompt", "value": "true"}
        assert api.post(f"{registry}/set-tag", json=tag).status_code == 200
        assert api.post(f"{registry}/set-tag", json={**tag, "key": "secret"}).status_code == 200
        receiver.nothing(7)  # it would have been tried again after five seconds
        [hook] = api.get(f"{base}/webhooks").json()["items"]
        sent = {
            one["payload"]["name"]: one
            for one in api.get(f"{base}/webhooks/{hook['id']}/deliveries").json()["items"]
        }
        assert (sent["waiting"]["status"], sent["waiting"]["attempts"]) == ("pending", 1)
        again = api.post(f"{base}/webhooks/{hook['id']}/deliveries/{sent['open']['id']}/send")
        assert (again.status_code, again.json()["code"]) == (403, "model_closed")
        # An archived project changes nothing, and what it calls is seen all the same.
        assert api.patch(base, json={"archived": True}).status_code == 200
        assert api.get(f"{base}/webhooks").json()["items"][0]["id"] == hook["id"]
        assert api.delete(f"{base}/webhooks/{hook['id']}").status_code == 409


def test_unless_told_otherwise_only_the_public_network_is_called(
    server: JupyterServer, receiver: Receiver
) -> None:
    with server.client() as api:
        made = api.post("/insighter/api/projects", json={"name": f"Hooks {uuid4().hex[:8]}"}).json()
        hooks = f"/insighter/api/projects/{made['id']}/webhooks"
        body = {"name": "a", "events": ["model_version.created"]}
        plain = api.post(hooks, json={**body, "url": receiver.url})
        assert plain.status_code == 422 and "https" in plain.text
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0x7f.1"):
            url = f"https://{host}:{receiver.port}/hook"
            hook = api.post(hooks, json={**body, "url": url}).json()
            sent = api.post(f"{hooks}/{hook['id']}/test", json={}).json()
            assert sent["status"] == "failed" and sent["response_status"] is None, (host, sent)
            assert "public network" in sent["error"], (host, sent)
    receiver.nothing(0.2)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("10.0.0.1", False), ("127.0.0.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("64:ff9b::808:808", True),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_an_answer_without_an_end_is_read_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_SECONDS", 2.0)

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65_536)
            except OSError:
                pass

        def log_message(self, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    sender = Sender(anywhere=True)
    try:
        outcome = await sender.send(f"http://127.0.0.1:{listening.server_address[1]}/", b"{}", {})
        assert outcome.delivered and outcome.body is not None and len(outcome.body) == 16_384
    finally:
        await sender.close()
        listening.shutdown()
        listening.server_close()
