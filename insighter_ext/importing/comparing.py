"""What was brought, beside where it came from: counts, every point of every metric, a checksum of every file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from insighter_ext.importing.store import Download, Store, number
from insighter_ext.importing.target import Json, Target, digest, key_values


class Comparison:
    """See the module."""

    def __init__(self, store: Store, target: Target) -> None:
        self._store = store
        self._target = target
        self.files = 0
        """how many files were found to be the same"""

    def run(self, run: Any, target_id: str, tags: Mapping[str, str]) -> list[str]:
        """What of a run is not the same here.

        Args:
            tags: as they are to be here.
        """
        here = self._target.run(target_id)
        data = here["data"]
        wrong = []
        if here["info"]["status"] != run.info.status:
            wrong.append("status")
        if key_values(data.get("params")) != run.data.params:
            wrong.append("parameters")
        told = key_values(data.get("tags"))
        if any(told.get(key) != value for key, value in tags.items()):
            wrong.append("tags")
        datasets = {(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs}
        inputs = (here.get("inputs") or {}).get("dataset_inputs") or []
        if datasets != {(one["dataset"]["name"], one["dataset"]["digest"]) for one in inputs}:
            wrong.append("datasets")
        metrics = {metric["key"] for metric in data.get("metrics") or []}
        if metrics != set(run.data.metrics):
            wrong.append("metrics")
        for key in sorted(metrics & set(run.data.metrics)):
            points = [_point(point) for point in self._target.history(target_id, key)]
            if _checksum(points) != _checksum(self._store.history(run, key)):
                wrong.append(f'metric "{key}"')
        return wrong + self._compare_files(f"runs/{target_id}", *self._store.run_files(run))

    def logged_model(self, model: Any, target_id: str) -> list[str]:
        """Which files of a logged model are not the same here."""
        return self.files_at(model.artifact_location, target_id)

    def files_at(self, location: str, target_id: str) -> list[str]:
        """Which files at an address are not the same in a logged model here."""
        return self._compare_files(f"models/{target_id}", *self._store.model_files(location))

    def registered_model(self, name: str) -> list[str]:
        """What of a registered model is not the same here."""
        wrong = []
        here = self._target.versions(name)
        there = {int(version.version): version for version in self._store.versions(name)}
        if set(here) != set(there):
            wrong.append(f"versions, which are {sorted(here)} here and {sorted(there)} there")
        for version in sorted(set(here) & set(there)):
            if (here[version].get("current_stage") or "None") != (there[version].current_stage or "None"):
                wrong.append(f"the stage of version {version}")
        if self._target.aliases(name) != self._store.aliases(name):
            wrong.append("aliases")
        return wrong

    def _compare_files(self, root: str, paths: Iterator[str], download: Download) -> list[str]:
        wrong = []
        for path in paths:
            with tempfile.TemporaryDirectory(prefix="insighter-import-") as folder:
                if self._target.checksum(root, path) == digest(Path(download(path, folder))):
                    self.files += 1
                else:
                    wrong.append(f'file "{path}"')
        return wrong


def _point(point: Json) -> Json:
    return {
        "value": number(float(point["value"])),
        "timestamp": int(point["timestamp"]),
        "step": int(point.get("step") or 0),
    }


def _checksum(points: list[Json]) -> str:
    """Of the points that there are, in whatever order they come and however often one is told."""
    lines = sorted({f"{one['step']} {one['timestamp']} {one['value']!r}" for one in points})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
