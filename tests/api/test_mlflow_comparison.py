"""The same requests to this server and to MLflow's own: the same statuses, error codes and answers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import kernel_credential
from tests.api.mlflow_script import STEPS, Step
from tests.running import JupyterServer, free_port, isolated_environment

DIFFERENT: dict[str, list[str]] = {
    "a refusal is JSON with an error code, never a page of HTML or a defect": [
        "experiment: JSON that is no object",
        "experiment: got by POST",
        "unknown endpoint",
        "wrong method",
        "wrong method the other way",
        "batch: a metric is a number",
    ],
    "a name can be seen": ["experiment: blank name", "experiment: blank name deleted"],
    "this server keeps the artifacts, and notes where else they were to be in a tag": [
        "experiment: got elsewhere"
    ],
    "what no row can have is not found": ["experiment: id is too large"],
    "a name that is taken is told as such": ["experiment: renamed to a taken name"],
    "it is the caller's mistake, not the server's": [
        "experiment: deleted renamed",
        "version: archive into none",
    ],
    "a number is no integer, or too large for one: it is refused, not dropped": [
        "run: start is broken",
        "metric: time is broken",
        "metric: step is too large",
    ],
    "work without an experiment goes to the default one": ["run: no experiment"],
    "a run has started some time": ["run: no start"],
    "tags are checked wherever they are set": [
        "run: tags are no list",
        "run: tag without key",
        "run: tag with a bad key",
        "model: tag without key",
        "model: bad tag",
    ],
    "long values are cut wherever they are set": ["run: tag with a long value", "model: long param"],
    "a word that is no state is refused, not dropped": [
        "run: status that is none",
        "experiments: search of a kind that is none",
        "model: status that is none",
    ],
    "a search without a limit has the usual one": ["experiments: search without limit"],
    "a search in no experiment finds nothing": ["models: search nowhere"],
    "every page has a limit": ["models: search for too many", "registered: search for none"],
    "a tag is a change too": [
        "versions: search",
        "versions: search by name",
        "versions: search by run",
        "versions: search by runs",
    ],
    "a run that is found tells which models it read": ["runs: search by a param"],
    "true is no number": ["metric: true"],
    "what is missing is told as such": [
        "history: unknown run",
        "model: unknown run",
        "version: unknown model",
    ],
    "a dataset has a name and a digest": ["inputs: no name", "inputs: no digest", "inputs: no dataset"],
    "names have a limit on every database": [
        "model: long name",
        "registered: long name",
        "registered: long name deleted",
    ],
    "another word for the same mistake": ["model: a param twice", "file: of a model, no path"],
    "keys are checked wherever they are set": ["model: bad param"],
    "there is nothing but runs and models": ["file: from the root, encoded"],
    "a path has plain characters": ["file: with backslashes", "file: with a zero"],
    "a model has no versions that are prompts": [
        "model: version that is a prompt",
        "model: with a version that is a prompt",
    ],
}
"""Why this server answers some steps differently on purpose."""

MORE = {
    (where, name)
    for where in ("model_version", "model_versions", "latest_versions")
    for name in ("model_id", "user_id")
} | {("latest_versions", "aliases"), ("model_versions", "aliases")}
"""What this server tells beyond MLflow's: which logged model a version is, who registered it, and its aliases."""


# MLflow's server takes a while to start.
pytestmark = pytest.mark.timeout(400)


class Mlflow:
    """A real ``mlflow server`` on a fresh SQLite database, with one worker."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Mlflow:
        environment = {
            **isolated_environment(self._home),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "GIT_PYTHON_REFRESH": "quiet",
        }
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self._port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self._home}/mlflow.db"]
        command += ["--artifacts-destination", str(self._home / "artifacts")]
        with (self._home / "mlflow.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self._home, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def ready(self) -> Mlflow:
        """Wait until it answers."""
        deadline = time.monotonic() + 240
        while True:
            try:
                httpx.get(f"{self.url}/health").raise_for_status()
            except httpx.HTTPError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._home / "mlflow.log").read_text()[-4000:]) from None
                time.sleep(0.2)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, 15)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()


class Replay:
    """The script against one server: what it answered to each step."""

    def __init__(self, client: httpx.Client, base: str) -> None:
        self._client = client
        self._base = base
        self.kept: dict[str, str] = {}

    def run(self, step: Step) -> dict[str, Any]:
        """One step's status, error code and answer, without what differs from server to server."""
        path = self._fill(step.path)
        address = self._base + (path if path.startswith("/") else f"/api/2.0/mlflow/{path}")
        more: dict[str, Any] = {}
        body = self._filled(step.body)
        if step.raw is not None:
            more = {"content": self._fill(step.raw.decode()).encode()}
            if "mlflow-artifacts" not in path and "upload-artifact" not in path:
                more["headers"] = {"Content-Type": "application/json"}
        elif step.method == "GET":
            more = {"params": body or {}}
        elif body is not None:
            more = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
        if ".." in path:  # which nothing between here and the server shall tidy up
            more["extensions"] = {"target": address.encode()}
        answer = self._client.request(step.method, address, **more)
        try:
            said = answer.json()
        except ValueError:
            said = None if answer.status_code >= 400 else answer.text or {}
        if answer.status_code < 400:
            self.kept.update({name: str(_at(said, where)) for name, where in step.keep.items()})
            self._roots()
        code = said.get("error_code") if isinstance(said, dict) else None
        return {
            "status": answer.status_code,
            "error_code": code,
            "answer": self._plain(said) if answer.status_code < 400 else None,
        }

    def _roots(self) -> None:
        for name, uri in (("root", "uri"), ("mroot", "muri"), ("oroot", "ouri")):
            if uri in self.kept:
                self.kept[name] = self.kept[uri].removeprefix("mlflow-artifacts:/").lstrip("/")

    def _fill(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.kept.get(match[1], match[0]), text)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._fill(value)
        if isinstance(value, dict):
            return {
                name: self._filled(item) for name, item in value.items() if item is not None or name == "name"
            }
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return value

    def _plain(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            found = {key: self._plain(item, key) for key, item in value.items() if (name, key) not in MORE}
            # Protocol buffers do not tell what is empty from what is missing.
            return {key: item for key, item in found.items() if item not in ({}, [], "", None, 0, False)}
        if isinstance(value, list):
            items = [self._plain(item, name) for item in value]  # as what the list is called
            if name in {
                "tags",
                "params",
                "metrics",
                "aliases",
                "dataset_summaries",
                "files",
                "dataset_inputs",
            }:
                return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
            return items
        if name in TIMES and isinstance(value, int | float) and value > 1e9:
            return "<time>"
        if name in {"artifact_uri", "artifact_location", "root_uri"}:
            return "<uri>"
        if name == "workspace":
            return "<workspace>"
        if name == "next_page_token":
            return "<token>"
        if isinstance(value, str):
            for kept, text in sorted(self.kept.items(), key=lambda item: -len(item[1])):
                if len(text) > 6:
                    value = value.replace(text, f"<{kept}>")
                elif value == text and name == "experiment_id":
                    return f"<{kept}>"
            if name == "experiment_id":
                return "<experiment>"
            value = _ID.sub("<id>", value)
            return _NAME.sub("<name>", value)
        return value


_ID = re.compile(r"\b[0-9a-f]{32}\b")
_NAME = re.compile(r"^[a-z]+-[a-z]+-\d{1,3}$")

TIMES = {
    "creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms",
    "last_updated_timestamp_ms", "start_time", "end_time",
}  # fmt: skip


def _at(value: Any, where: str) -> Any:
    for part in where.split("."):
        value = value[int(part) if part.isdigit() else part]
    return value


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Step → what MLflow's server answered, and this one to a kernel of a fresh project."""
    with tempfile.TemporaryDirectory(prefix="ixm-") as home, Mlflow(Path(home)) as theirs:
        server: JupyterServer = request.getfixturevalue("server")
        with server.client() as api:
            project = api.post(
                "/insighter/api/projects", json={"name": f"Compared {uuid4().hex[:12]}"}
            ).json()
        kernel = {"Authorization": f"Bearer {kernel_credential(server, project['id'])}"}
        with (
            httpx.Client(base_url=theirs.ready().url, timeout=60) as one,
            httpx.Client(base_url=server.url, headers=kernel, timeout=60) as other,
        ):
            first, second = Replay(one, ""), Replay(other, "/insighter/mlflow")
            return {step.name: (first.run(step), second.run(step)) for step in STEPS}


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_the_answer_is_mlflows(name: str, answers: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> None:
    theirs, ours = answers[name]
    reason = [why for why, names in DIFFERENT.items() if name in names]
    if reason:
        assert ours != theirs, f"it is the same now, in spite of: {reason[0]}"
        assert ours["status"] < 500, "what a client sends is no defect"
        if ours["status"] >= 400:
            assert re.fullmatch(r"[A-Z_]+", ours["error_code"] or ""), "a refusal has MLflow's error code"
        elif theirs["status"] < 400:
            assert type(ours["answer"]) is type(theirs["answer"])
            assert set(ours["answer"]) == set(theirs["answer"])
        else:
            assert isinstance(ours["answer"], dict | str)
        return
    assert ours == theirs
