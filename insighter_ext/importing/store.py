"""An MLflow store, read by MLflow's own client at whatever address it knows. Nothing is loaded; models are files."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from insighter_ext.importing.target import PROMPTS, Json, quoted, store_name, versions_of

PARENT = "mlflow.parentRunId"

_NO_LOGGED_MODELS = {"ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED"}

Download = Callable[[str, str], str]
"""Fetches a file, by its path, into a folder; where it is then."""


class Store:
    """See the module.

    Args:
        uri: of the tracking store; registry: of the model registry, the same where None.

    Raises:
        FileNotFoundError: it is on this machine, and is not there.
    """

    def __init__(self, uri: str, registry: str | None) -> None:
        for address in filter(None, (uri, registry)):
            _must_be_there(address)
        # Folders were MLflow's default for years. It reads them only where this says so.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        # A bar for each file would hide what the import says.
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient, set_tracking_uri

        self._uri, self._registry = uri, registry or uri
        # A registry in a folder asks the process's own store for the models of its versions, and would make one.
        set_tracking_uri(uri)
        self._client = MlflowClient(tracking_uri=uri, registry_uri=self._registry)
        self.name = store_name(uri)
        self._prompts: set[str] = set()

    def experiments(self) -> Iterator[Any]:
        """All that are not deleted."""
        yield from _pages(lambda token: self._client.search_experiments(max_results=1000, page_token=token))

    def runs(self, experiment: Any) -> list[Any]:
        """Its runs that are not deleted, those first that others are nested in."""

        def page(token: str | None) -> Any:
            order = ["attributes.start_time ASC"]
            ids = [experiment.experiment_id]
            return self._client.search_runs(ids, max_results=1000, order_by=order, page_token=token)

        return sorted(_pages(page), key=lambda run: PARENT in run.data.tags)

    def history(self, run: Any, key: str) -> list[Json]:
        """All points of a metric, as a client logs them."""
        return [_point(metric) for metric in self._client.get_metric_history(run.info.run_id, key)]

    def run_files(self, run: Any) -> tuple[Iterator[str], Download]:
        """The paths of its files, and how to fetch one."""
        run_id = run.info.run_id
        return (
            _files(partial(self._client.list_artifacts, run_id)),
            partial(self._client.download_artifacts, run_id),
        )

    def logged_models(self, experiment: Any) -> Iterator[Any]:
        """Its logged models; none of a server of before there were any."""
        from mlflow.exceptions import MlflowException

        ids = [experiment.experiment_id]
        try:
            yield from _pages(
                lambda token: self._client.search_logged_models(ids, max_results=50, page_token=token)
            )
        except MlflowException as error:
            if error.error_code not in _NO_LOGGED_MODELS:
                raise

    def model_files(self, location: str) -> tuple[Iterator[str], Download]:
        """The paths of the files at an address, and how to fetch one."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        # Else "mlflow-artifacts:/…" would be asked of whatever server this process has as its own.
        files = get_artifact_repository(location, tracking_uri=self._uri, registry_uri=self._registry)
        return _files(files.list_artifacts), files.download_artifacts

    def version_location(self, version: Any) -> str:
        """Where a model version's files are."""
        return str(self._client.get_model_version_download_uri(version.name, version.version))

    def registered_models(self) -> Iterator[Any]:
        """All registered models, and prompts, which MLflow keeps as such."""
        for condition in (None, PROMPTS):
            for model in _pages(partial(self._registered_page, condition)):
                if condition:
                    self._prompts.add(model.name)
                yield model

    def kind(self, name: str) -> dict[str, str]:
        """The tag that makes a registered model a prompt; MLflow's client does not tell it among the tags."""
        return {"mlflow.prompt.is_prompt": "true"} if name in self._prompts else {}

    def _registered_page(self, condition: str | None, token: str | None) -> Any:
        return self._client.search_registered_models(
            filter_string=condition, max_results=100, page_token=token
        )

    def versions(self, name: str) -> list[Any]:
        """A model's or prompt's versions by their numbers, with their aliases and stages."""
        found = {
            int(version.version): version
            for condition in versions_of(name)
            for version in _pages(partial(self._versions_page, condition))
        }
        return [found[number] for number in sorted(found)]

    def _versions_page(self, condition: str, token: str | None) -> Any:
        return self._client.search_model_versions(condition, max_results=1000, page_token=token)

    def aliases(self, name: str) -> dict[str, int]:
        """Alias → version. A search does not tell a model's in every store, and a prompt is got by no other way."""
        prompts = self._client.search_registered_models(f"name={quoted(name)} AND {PROMPTS}")
        found = prompts[0] if prompts else self._client.get_registered_model(name)
        return {alias: int(number) for alias, number in found.aliases.items()}


def _must_be_there(uri: str) -> None:
    """MLflow would make an empty store where there is none.

    Raises:
        FileNotFoundError: it names a file or folder that there is not.
    """
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        # Three slashes begin a path of the current folder, four an absolute one.
        path = Path(unquote(parts.path[1:]))
    elif parts.scheme in {"", "file"}:
        path = Path(unquote(parts.path) if parts.scheme else uri)
    else:
        return
    if not path.exists():
        raise FileNotFoundError(f"there is no MLflow store at {path}")


def number(value: float) -> float | str:
    """A value as JSON and MLflow know it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def is_prompt(version: Any) -> bool:
    """Whether a version is a prompt's: it has no files."""
    return str(version.tags.get("mlflow.prompt.is_prompt", "")).lower() == "true"


def _pages(page: Callable[[str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        found = page(token)
        yield from found
        if not (token := found.token):
            return


def _files(listed: Callable[[str | None], list[Any]]) -> Iterator[str]:
    folders: list[str | None] = [None]
    while folders:
        for item in listed(folders.pop()):
            if item.is_dir:
                folders.append(item.path)
            else:
                yield item.path


def _point(metric: Any) -> Json:
    point = {
        "key": metric.key,
        "value": number(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }
    for name in ("model_id", "dataset_name", "dataset_digest"):
        if value := getattr(metric, name, None):
            point[name] = value
    return point
