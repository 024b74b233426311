"""Every endpoint of MLflow's server is served here, or left out for a reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tornado.web import RequestHandler

from insighter_ext.platform import Platform
from server_handlers import mlflow, mlflow_ui
from tests.running import isolated_environment

LEFT_OUT = {
    "the AI gateway": ("/api/3.0/mlflow/gateway/", "/api/2.0/mlflow/gateway-proxy", "/gateway/"),
    "scorers": ("/api/3.0/mlflow/scorers/", "/api/3.0/mlflow/scorer/"),
    "evaluation datasets": ("/api/3.0/mlflow/datasets/", "/api/3.0/mlflow/genai/evaluate/"),
    "label schemas": ("/api/3.0/mlflow/label-schemas/",),
    "review queues": ("/api/3.0/mlflow/review-queues/",),
    "jobs": ("/api/3.0/mlflow/jobs/", "/api/3.0/jobs/"),
    "prompt optimisation": ("/api/3.0/mlflow/prompt-optimization/",),
    "the prompt lab, which asks the AI gateway": ("/api/2.0/mlflow/runs/create-promptlab-run",),
    "issues": ("/api/3.0/mlflow/issues",),
    "the assistant": ("/api/3.0/mlflow/assistant/",),
    "the registry of MCP servers": ("/api/3.0/mlflow/mcp-servers",),
    "the demo": ("/api/3.0/mlflow/demo/",),
    "presigned addresses by run: artifacts are in this server's own store": (
        "/api/2.0/mlflow/artifacts/presigned-download-url",
        "/api/2.0/mlflow/artifacts/presigned-upload-url",
    ),
    "MLflow's own server has it not implemented": (
        "/api/2.0/mlflow/get-online-trace-details",
        "/api/2.0/mlflow/unified-traces",
        "/api/2.0mlflow/experiments/search-datasets",
    ),
    "the files of the pages are served at the address that the pages ask": ("/build/",),
    "the pages ask GraphQL by POST, and MLflow's server reads no question in a GET": ("GET /graphql",),
}
"""Why → the beginnings of the endpoints' paths, or a method with a path."""

LIST = """
import json
from mlflow.server import app
from mlflow.server.fastapi_app import create_fastapi_app
found = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}
found |= {(method.upper(), path) for path, item in create_fastapi_app().openapi()["paths"].items() for method in item}
print(json.dumps(sorted(found)))
"""

Endpoint = tuple[str, str]


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> set[Endpoint]:
    """(method, path) of MLflow's server; an argument of a path is ``{}``."""
    home = tmp_path_factory.mktemp("endpoints")
    listed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIST],
        cwd=home,
        env=isolated_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        (method, re.sub(r"<[^>]+>|{\w+}", "{}", path))
        for method, path in json.loads(listed.stdout.splitlines()[-1])
    }


def plain(path: str) -> str:
    """The same for the web pages' endpoints and the clients'."""
    return path.replace("/ajax-api/", "/api/", 1)


def begins(endpoint: Endpoint, beginning: str) -> bool:
    """Whether an entry of the table means an endpoint."""
    method, path = endpoint[0], plain(endpoint[1])
    return f"{method} {path}" == beginning if " " in beginning else path.startswith(beginning)


def reasons(endpoint: Endpoint) -> list[str]:
    """Why an endpoint is left out."""
    return [why for why, listed in LEFT_OUT.items() if any(begins(endpoint, one) for one in listed)]


def served(platform: Platform, endpoint: Endpoint) -> bool:
    """Whether there is a route for it, and not just one for whatever begins alike."""
    method, path = endpoint
    if match := re.fullmatch(r"/api/[23]\.0/mlflow/(.*)", plain(path)):
        table = {(known, re.sub(r"{\w+}", "{}", path)) for known, path in mlflow.Router(platform).table}
        if (method, match[1]) in table:
            return True
    for pattern, handler in [*mlflow_ui.routes(), *mlflow.routes()]:
        if handler in {mlflow.MlflowHandler, mlflow.UnknownHandler}:
            continue
        if re.fullmatch(pattern, mlflow.MLFLOW + path.replace("{}", "x")):
            name = method.lower()
            return getattr(handler, name) is not getattr(RequestHandler, name)
    return False


@pytest.mark.asyncio(loop_scope="session")
async def test_nothing_of_mlflows_is_missing_but_what_is_left_out(
    platform: Platform, endpoints: set[Endpoint]
) -> None:
    assert len(endpoints) > 300
    missing = {endpoint for endpoint in endpoints if not served(platform, endpoint)}
    assert {endpoint for endpoint in missing if not reasons(endpoint)} == set(), "nobody decided about it"
    assert {endpoint for endpoint in endpoints - missing if reasons(endpoint)} == set(), "it is served now"


def test_what_is_left_out_is_there_in_mlflow(endpoints: set[Endpoint]) -> None:
    for listed in LEFT_OUT.values():
        for one in listed:
            assert any(begins(endpoint, one) for endpoint in endpoints), one
    assert {endpoint for endpoint in endpoints if len(reasons(endpoint)) > 1} == set()


@pytest.mark.parametrize(
    "words",
    ["AI gateway", "scorers", "evaluation datasets", "label schemas", "review queues", "jobs", "prompt optimisation",
     "issues", "assistant", "demo", "MCP servers", "presigned"],
)  # fmt: skip
def test_what_is_left_out_is_documented(words: str) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "experiments.md").read_text("utf-8")
    told = re.search(r"\*\*What is left out:\*\*(.*?)\n\n", page, re.S)
    assert told and words in told[1]
