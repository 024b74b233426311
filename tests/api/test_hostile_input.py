"""Whatever is sent, wherever: an answer in the one error body, never a defect. The routes come from the code itself."""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import httpx
import pytest

from insighter_ext.registry.endpoints import RegistryEndpoints
from insighter_ext.tracking.endpoints import TrackingEndpoints
from server_handlers import openapi
from server_handlers.mlflow import MLFLOW
from tests.running import JupyterServer

DEEP = 900
_NESTED = "[" * DEEP + "]" * DEEP

# JSON as it goes over the line: some of it no serialiser would write.
VALUES = [
    "null", "true", "-1", "0", "1e999", "NaN", "-Infinity", "1.5", str(2**31), str(2**63),
    str(-(2**63) - 1), "9" * 5000,
    '""', '" "', r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\r\nX-Evil: 1"', '"../../etc/passwd"', '"²"', '"٣"',
    '"0001-99-99/x/y"', '"99999999999999999999/99999999999999999999/x"', '"infinity/m-1"', '"1/2/3/4"', "\"'; drop--\"",
    '"<script>alert(1)</script>"', '"%s %(role)s {0}"', json.dumps("😀" * 1200), json.dumps("x" * 20_000), "[]", "{}",
    '[[]]', '[null]', '[{}]', '["a"]', r'["\ud800"]', r'["\u0000"]', "[NaN]", '{"a": {"b": [1]}}', r'{"\ud800": 1}',
    _NESTED,
    '[{"key": null, "value": {}}]', '[{"key": "a", "value": NaN, "timestamp": 1, "step": []}]',
    '[{"key": "a", "value": 1, "timestamp": 1, "model_id": NaN}]', f'[{{"key": "a", "value": {_NESTED}}}]',
    '[{"model_id": NaN}]', '[{"model_id": [1]}]', r'[{"model_id": "\ud800", "step": "x"}]',
    '[{"dataset": {"name": {}, "digest": NaN, "source": [NaN]}, "tags": [{"key": 1}]}]',
    r'[{"dataset": {"name": "a", "digest": "b", "schema": "\ud800", "profile": "\u0000"}}]',
    f'[{{"dataset": {{"name": "a", "digest": "b", "schema": {_NESTED}}}}}]',
]  # fmt: skip

BODIES = [b"", b"null", b"[]", b'"x"', b"1", b"{", b"\xff\xfe", b"NaN", b'{"a":1}', b'{"a":1,"a":2}', b"\x00",
          b'{"\\ud800": 1}', b'{"": 1}', b"[" * 100_000, b'{"a":' * 50_000, b"9" * 10_000]  # fmt: skip

TEXTS = [
    "\0", "a\0b", "..", ".", "../../etc/passwd", "-1", "0", str(-(2**31) - 1), str(2**31), str(2**63),
    "9" * 5000, "²", "٣",
    "1_0", " 1", "NaN", "'; drop--", "%s %(role)s", "\r\nX-Evil: 1", "\u202e", "😀" * 300, "x" * 5000, "[]",
    "models:/x",
    "0001-99-99/x/y", "infinity/m-1", "1/2/3/4", "1/99999999999999999999", "1/2/nan",
]  # fmt: skip


def check(answer: httpx.Response, *asked: object) -> None:
    """No defect, and the one error body."""
    where = [str(item)[:300] for item in asked]
    assert answer.status_code < 500 or answer.status_code == 503, (
        where,
        answer.status_code,
        answer.text[:500],
    )
    assert "x-evil" not in answer.headers, where
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"].startswith("application/json"), (where, answer.text[:200])
        body = answer.json()
        assert "Traceback" not in answer.text, where
        if "/insighter/mlflow/" in str(answer.request.url):
            assert set(body) == {"error_code", "message"}, where
        else:
            assert set(body) == {"code", "message", "details", "hint"}, where
            assert body["message"], where


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in openapi.document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


OPERATIONS = list(operations())


def body_fields(operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return []
    if "$ref" not in content["schema"]:  # JSON of another's making: a notebook
        return []
    name = content["schema"]["$ref"].rsplit("/", 1)[1]
    return list(openapi.document()["components"]["schemas"][name]["properties"])


@pytest.fixture(scope="module")
def server() -> Iterator[JupyterServer]:
    """A server for these tests alone: some of what they send is taken, and renames what others rely on."""
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixs-")))
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def api(server: JupyterServer) -> Iterator[httpx.Client]:
    """A client of that server."""
    with server.client() as client:
        yield client


@pytest.fixture
def known(project: dict[str, Any]) -> dict[str, str]:
    """Values for the arguments of paths."""
    return {"project_id": project["id"], "run_id": "0" * 32, "experiment_id": "0", "version": "1"}


def segment(text: str) -> str:
    """One part of a path; dots too, which clients resolve otherwise."""
    return quote(text, safe="").replace(".", "%2E")


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: segment(values.get(found[1], "x")), path)


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS]
)
def test_a_route_of_the_api(
    api: httpx.Client, known: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    if path.endswith("/quickstart"):
        pytest.skip("takes nothing")
    sent = {"content": b"{}"} if method not in {"GET", "DELETE"} else {}
    for parameter in operation["parameters"]:
        name = parameter["name"]
        for text in TEXTS:
            if parameter["in"] == "path":
                url = filled(path, {**known, name: text})
            else:
                url = filled(path, known) + "?" + urlencode({name: text})
            check(api.request(method, url, **sent), method, url)
        if parameter["in"] == "query":
            plain = filled(path, known)
            for query in (
                f"{name}=1&{name}=2",
                f"{name}=%ff%fe",
                f"{name}",
                f"{name}[]=1",
                f"{name}=%",
                "token=a&token=b",
            ):
                check(api.request(method, f"{plain}?{query}", **sent), method, query)
        else:
            url = filled(path, {**known, name: "@"}).replace("%40", "%ff%fe")
            check(api.request(method, url, **sent), method, url)
    if "requestBody" not in operation:
        return
    plain = filled(path, known)
    for content in BODIES:
        check(api.request(method, plain, content=content), method, plain, content)
    fields = body_fields(operation)
    for name in fields:
        for value in VALUES:
            others = {
                other: "x" for other in fields if other != name and other in {"name", "model", "model_id"}
            }
            body = json.dumps(others)[:-1] + (", " if others else "") + f'"{name}": {value}}}'
            check(api.request(method, plain, content=body.encode()), method, plain, body)


class Nothing:
    """Stands where the endpoints keep their gateway: only their table is read here."""


ENDPOINTS = [
    (method, path, endpoint)
    for part in (TrackingEndpoints, RegistryEndpoints)
    for (method, path), endpoint in part(Nothing()).table().items()  # type: ignore[arg-type]
]


def fields_of(endpoint: Any) -> list[str]:
    """The names of the fields that an endpoint reads."""
    code = inspect.getsource(endpoint)
    found = re.findall(r"""fields\.\w+\(\s*((?:"\w+"(?:,\s*)?)+)""", code)
    names = [name for group in found for name in re.findall(r'"(\w+)"', group)]
    extra = {
        "log_batch": ["metrics", "params", "tags"],
        "log_metric": ["key", "value", "timestamp", "step", "model_id", "dataset_name"],
        "search_runs": ["filter", "order_by", "run_view_type", "max_results"],
        "search_models": ["filter", "order_by", "max_results"],
    }.get(
        endpoint.__name__,
        ["filter", "order_by", "view_type", "max_results"] if "search" in endpoint.__name__ else [],
    )
    return list(dict.fromkeys([*names, *extra]))


@pytest.fixture(scope="module")
def things(api: httpx.Client) -> dict[str, str]:
    """Valid values by the name of the field."""

    def post(path: str, **body: Any) -> dict[str, Any]:
        answer = api.post(f"{MLFLOW}/api/2.0/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    experiment = post("experiments/create", name=f"hostile {uuid4().hex}")["experiment_id"]
    run = post("runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    model = post("logged-models", experiment_id=experiment, name="m")["model"]["info"]["model_id"]
    name = f"hostile {uuid4().hex}"
    post("registered-models/create", name=name)
    post("model-versions/create", name=name, source=f"models:/{model}")
    return {
        "experiment_id": experiment, "run_id": run, "run_uuid": run, "model_id": model, "name": name, "version": "1",
        "key": "k", "value": "1", "metric_key": "k", "alias": "a", "tag_key": "k", "path": "",
        "source": f"models:/{model}",
        "experiment_name": "x", "new_name": "y", "stage": "None", "status": "FINISHED", "timestamp": "1", "step": "1",
    }  # fmt: skip


@pytest.mark.parametrize(("method", "path", "endpoint"), ENDPOINTS, ids=[f"{m} {p}" for m, p, _ in ENDPOINTS])
def test_an_endpoint_of_mlflow(
    api: httpx.Client, things: dict[str, str], method: str, path: str, endpoint: Any
) -> None:
    names = fields_of(endpoint)
    destructive = (
        method == "DELETE" or "delete" in path or endpoint.__name__ in {"rename_model", "update_experiment"}
    )
    url = f"{MLFLOW}/api/2.0/mlflow/{filled(path, things)}"
    for name in re.findall(r"{(\w+)}", path):
        for text in TEXTS:
            hostile = f"{MLFLOW}/api/2.0/mlflow/{filled(path, {**things, name: text})}"
            check(api.request(method, hostile, content=b"{}" if method != "GET" else None), method, hostile)
    if method == "GET":
        for name in names:
            others = {other: things[other] for other in names if other != name and other in things}
            for text in TEXTS:
                query = urlencode({**others, name: text})
                check(api.get(f"{url}?{query}"), url, query)
            for query in (f"{name}=a&{name}=b", f"{name}=%ff"):
                check(api.get(f"{url}?{query}"), url, query)
        return
    if not destructive:
        for content in BODIES:
            check(api.request(method, url, content=content), method, url, content)
    for name in names:
        others = {other: things[other] for other in names if other != name and other in things}
        for value in VALUES:
            body = json.dumps(others)[:-1] + (", " if others else "") + f'"{name}": {value}}}'
            check(api.request(method, url, content=body.encode()), method, url, body)


def test_a_tag_that_clients_keep_lists_in_is_no_list(api: httpx.Client, things: dict[str, str]) -> None:
    base, tag = f"{MLFLOW}/api/2.0/mlflow", "mlflow.log-model.history"
    model = json.dumps({"artifact_path": "m", "flavors": {}, "run_id": things["run_id"]})
    for value in ("garbage", "1", "{}", "[" * 5000, "NaN"):
        sent = {"run_id": things["run_id"], "key": tag, "value": value}
        assert api.post(f"{base}/runs/set-tag", json=sent).status_code == 200
        check(
            api.post(f"{base}/runs/log-model", json={"run_id": things["run_id"], "model_json": model}),
            value[:20],
        )


@pytest.mark.parametrize("root", ["runs/{run_id}", "models/{model_id}", "runs/x", "..", "%2e%2e/%2e%2e/etc"])
def test_paths_of_artifacts(api: httpx.Client, things: dict[str, str], root: str) -> None:
    base = f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts"
    place = root.format(**things) + "/artifacts"
    names = [
        "a%00b",
        "%2e%2e%2fx",
        "a//b",
        "a%5Cb",
        "%ff",
        quote("😀" * 900),
        "x" * 999,
        "x" * 1001,
        "a%0d%0aX-Evil:1",
        "a/",
        "",
    ]
    for name in names:
        for method in ("PUT", "GET", "DELETE"):
            content = b"1" if method == "PUT" else None
            if method == "DELETE" and name in {"", "a/"}:
                continue
            check(api.request(method, f"{base}/{place}/{name}", content=content), method, place, name[:40])
        check(api.get(f"{base}?path={place}/{name}"), place, name[:40])


@pytest.mark.parametrize("action", ["invocations", "ping"])
def test_names_of_endpoints(api: httpx.Client, action: str) -> None:
    for text in TEXTS:
        for url in (f"/insighter/serve/x/{segment(text)}", f"/insighter/serve/{segment(text)}/x"):
            check(api.request("GET" if action == "ping" else "POST", f"{url}/{action}"), url)


def test_names_and_files_of_uploads(api: httpx.Client, project: dict[str, Any]) -> None:
    """Whatever a file is called, it comes back as a download with a header of its own."""
    base = f"/insighter/api/projects/{project['id']}/datasets"
    for index, text in enumerate(TEXTS):
        url = f"{base}/d{index}/versions?{urlencode({'filename': text})}"
        answer = api.post(url, content=f"a,b\n1,{index}\n".encode())
        check(answer, url)
        if answer.status_code == 201:
            content = api.get(f"{base}/d{index}/versions/1/content")
            assert content.status_code == 200
            assert re.fullmatch(
                r"attachment; filename\*=UTF-8''[\w.%~-]+", content.headers["Content-Disposition"]
            )
            assert "x-evil" not in content.headers


def test_no_secret_and_no_defect_is_in_the_log(server: JupyterServer, api: httpx.Client) -> None:
    """Last in this file: all that came before is in the log by now."""
    with httpx.Client(base_url=server.url) as browser:
        assert browser.get("/insighter/api/status", params={"token": server.token}).status_code == 200
        assert browser.get("/insighter/api/nothing", params={"token": server.token}).status_code == 404
    log = Path(server.log).read_text(encoding="utf-8", errors="replace")
    assert server.token not in log
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
