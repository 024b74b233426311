"""The project that is imported into, through MLflow's protocol, as any client writes to it.

Everything that is made carries a tag that names what it was made of: whoever imports again finds it, and goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from insighter_ext.kernel.client import Client
from insighter_ext.kernel.errors import InsighterClientError, NotFound

Json = dict[str, Any]

ORIGIN = "insighter.import.source"
"""The tag that names the store and what it was there, as in ``<store>:<id>``."""

STATE = "insighter.import.state"
"""The tag that says ``complete`` when all of it is there."""

_CHUNK = 1 << 20
_PAGE = 1000
_BATCH = 1000
_PAIRS = 100


class Target:
    """See the module.

    Args:
        client: a client to the server.
        workspace: MLflow's name of the project.
    """

    def __init__(self, client: Client, workspace: str) -> None:
        self._client = client
        self._headers = {"X-MLFLOW-WORKSPACE": workspace}

    def call(self, method: str, path: str, **fields: Any) -> Json:
        """Call an endpoint; the fields are the query of a GET and the body of everything else."""
        url = f"{self._client.mlflow}/api/2.0/mlflow/{path}"
        sent = {"query": fields} if method == "GET" else {"json": fields}
        answer: Json | None = self._client.send(method, url=url, headers=self._headers, timeout=300, **sent)
        return answer or {}

    def pages(self, method: str, path: str, items: str, **fields: Any) -> Iterator[Json]:
        """All items of a search."""
        token: str | None = None
        while True:
            more = {"page_token": token} if token else {}
            found = self.call(method, path, **fields, **more)
            yield from found.get(items) or []
            if not (token := found.get("next_page_token")):
                return

    # ---- experiments and runs

    def experiment(self, name: str, tags: Mapping[str, str] | None) -> str | None:
        """The experiment of a name, made with these tags where it is missing and restored where it is deleted.

        With None for tags nothing is changed, and None is answered where it is missing.
        """
        try:
            found = self.call("GET", "experiments/get-by-name", experiment_name=name)["experiment"]
        except NotFound:
            if tags is None:
                return None
            made = self.call("POST", "experiments/create", name=name, tags=pairs(tags))
            return str(made["experiment_id"])
        if found.get("lifecycle_stage") == "deleted" and tags is not None:
            self.call("POST", "experiments/restore", experiment_id=found["experiment_id"])
        return str(found["experiment_id"])

    def imported_runs(self, experiment_id: str, store: str) -> dict[str, tuple[str, bool]]:
        """Source run id → run id here, and whether it is complete; of what an import from this store made."""
        found = {}
        for run in self.pages(
            "POST",
            "runs/search",
            "runs",
            experiment_ids=[experiment_id],
            filter=f"tags.`{ORIGIN}` LIKE '{store}:%'",
            run_view_type="ALL",
            max_results=_PAGE,
        ):
            tags = key_values(run["data"].get("tags"))
            found[tags[ORIGIN].partition(":")[2]] = (
                run["info"]["run_id"],
                tags.get(STATE) == "complete",
            )
        return found

    def create_run(
        self, experiment_id: str, name: str, user: str, start_time: int, tags: Mapping[str, str]
    ) -> str:
        """A new run."""
        made = self.call(
            "POST",
            "runs/create",
            experiment_id=experiment_id,
            run_name=name,
            user_id=user,
            start_time=start_time,
            tags=pairs(tags),
        )
        return str(made["run"]["info"]["run_id"])

    def run(self, run_id: str) -> Json:
        """A run with its newest metrics, params, tags and inputs."""
        found: Json = self.call("GET", "runs/get", run_id=run_id)["run"]
        return found

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Parameters, in batches."""
        for part in _parts(pairs(params), _PAIRS):
            self.call("POST", "runs/log-batch", run_id=run_id, params=part)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Tags, in batches."""
        for part in _parts(pairs(tags), _PAIRS):
            self.call("POST", "runs/log-batch", run_id=run_id, tags=part)

    def log_metrics(self, run_id: str, points: list[Json]) -> None:
        """Points of metrics, in batches; one that is there already stays there once."""
        for part in _parts(points, _BATCH):
            self.call("POST", "runs/log-batch", run_id=run_id, metrics=part)

    def history(self, run_id: str, key: str) -> Iterator[Json]:
        """All points of a metric."""
        yield from self.pages(
            "GET", "metrics/get-history", "metrics", run_id=run_id, metric_key=key, max_results=25_000
        )

    def finish(self, run_id: str, status: str, end_time: int | None) -> None:
        """The run's end, as it was."""
        end = {"end_time": end_time} if end_time else {}
        self.call("POST", "runs/update", run_id=run_id, status=status, **end)

    # ---- files

    def files(self, root: str) -> Iterator[tuple[str, int]]:
        """(path, bytes) of all files below a root, which is ``runs/<id>`` or ``models/<id>``."""
        folders = [""]
        while folders:
            folder = folders.pop()
            path = f"{root}/artifacts/{folder}".rstrip("/")
            found = self._client.send("GET", url=self._files(), query={"path": path}, headers=self._headers)
            for item in found.get("files") or []:
                name = f"{folder}/{item['path']}" if folder else item["path"]
                if item["is_dir"]:
                    folders.append(name)
                else:
                    yield name, int(item.get("file_size") or 0)

    def put_file(self, root: str, path: str, file: Path) -> None:
        """Send a file."""

        def chunks() -> Iterator[bytes]:
            with file.open("rb") as opened:
                while chunk := opened.read(_CHUNK):
                    yield chunk

        headers = {**self._headers, "Content-Length": str(file.stat().st_size)}
        self._client.send("PUT", url=self._files(root, path), content=chunks(), headers=headers, timeout=3600)

    def checksum(self, root: str, path: str) -> str | None:
        """The SHA-256 that the server made of a file as it came in; None where there is none."""
        answer = self._client.http.head(self._files(root, path), headers=self._headers)
        return answer.headers.get("etag", "").strip('"') if answer.status_code == 200 else None

    def _files(self, *path: str) -> str:
        base = f"{self._client.mlflow}/api/2.0/mlflow-artifacts/artifacts"
        if not path:
            return base
        root, name = path
        return f"{base}/{quote(f'{root}/artifacts/{name}')}"

    # ---- logged models and the registry

    def imported_models(self, experiment_id: str) -> dict[str, tuple[str, bool]]:
        """Origin → logged model here, and whether it is complete."""
        found = {}
        for one in self.pages(
            "POST", "logged-models/search", "models", experiment_ids=[experiment_id], max_results=50
        ):
            if origin := key_values(one["info"].get("tags")).get(ORIGIN):
                ready = one["info"]["status"] in {"LOGGED_MODEL_READY", 2}
                found[origin] = (str(one["info"]["model_id"]), ready)
        return found

    def create_model(self, experiment_id: str, name: str, tags: Mapping[str, str], **more: Any) -> str:
        """A logged model that waits for its files."""
        made = self.call(
            "POST", "logged-models", experiment_id=experiment_id, name=name, tags=pairs(tags), **more
        )
        return str(made["model"]["info"]["model_id"])

    def finish_model(self, model_id: str, status: str) -> None:
        """Its files are there."""
        self.call("PATCH", f"logged-models/{model_id}", model_id=model_id, status=status)

    def registered_model(self, name: str) -> Json | None:
        """A registered model; None where there is none of that name."""
        try:
            found: Json = self.call("GET", "registered-models/get", name=name)["registered_model"]
        except NotFound:
            return None
        return found

    def aliases(self, name: str) -> dict[str, int]:
        """Alias → version."""
        found = self.registered_model(name) or {}
        return {one["alias"]: int(one["version"]) for one in found.get("aliases") or []}

    def versions(self, name: str) -> dict[int, Json]:
        """Number → version."""
        return {
            int(version["version"]): version
            for condition in versions_of(name)
            for version in self.pages(
                "GET", "model-versions/search", "model_versions", filter=condition, max_results=1000
            )
        }

    def skip_version(self, name: str, source: str) -> None:
        """Leave out the next number."""
        made = self.call("POST", "model-versions/create", name=name, source=source)["model_version"]
        self.call("DELETE", "model-versions/delete", name=name, version=made["version"])


def store_name(uri: str) -> str:
    """What tags call a store: its address may hold a password, so it is a hash of it."""
    return hashlib.sha256(uri.rstrip("/").encode()).hexdigest()[:16]


def digest(file: Path) -> str:
    """A file's SHA-256."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def quoted(name: str) -> str:
    """A name as a filter's string; a model's cannot hold both kinds of quotes and be found."""
    return f'"{name}"' if "'" in name else f"'{name}'"


PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"
"""Only with this filter are prompts found: MLflow leaves them out of every other search of models."""


def versions_of(name: str) -> tuple[str, str]:
    """The filters that find the versions of a model, and those of a prompt."""
    named = f"name={quoted(name)}"
    return named, f"{named} AND {PROMPTS}"


def key_values(pairs: list[Json] | None) -> dict[str, str]:
    """``[{key, value}]`` as a mapping."""
    return {pair["key"]: pair.get("value", "") for pair in pairs or []}


def checked(work: Callable[[], Any]) -> str | None:
    """What a piece of work failed with, in a sentence; None where it did not."""
    try:
        work()
    except InsighterClientError as error:
        return f"{error.message}" + (f" ({error.hint})" if error.hint else "")
    return None


def pairs(values: Mapping[str, str]) -> list[Json]:
    """A mapping as ``[{key, value}]``."""
    return [{"key": key, "value": value} for key, value in values.items()]


def _parts(items: list[Json], size: int) -> Iterator[list[Json]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
