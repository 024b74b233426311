"""Import an MLflow store: experiments, runs, files, logged models and the registry.

What is made carries where it comes from in a tag, so a second import finds what the first one made, finishes what was
interrupted, and adds what is new. In the end everything is compared with the store.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from insighter_ext.importing.comparing import Comparison
from insighter_ext.importing.store import PARENT, Download, Store, is_prompt
from insighter_ext.importing.target import (
    ORIGIN,
    STATE,
    Json,
    Target,
    checked,
    digest,
    key_values,
    pairs,
)

# The server writes these itself, from what it is sent.
_OWN_TAGS = frozenset({ORIGIN, STATE, "mlflow.runName", "mlflow.user"})
_LOST = "Imported models"


@dataclass
class Report:
    """What was brought, what was there already, and what is not as it should be."""

    experiments: int = 0
    runs: int = 0
    runs_there: int = 0
    points: int = 0
    files: int = 0
    bytes: int = 0
    logged_models: int = 0
    registered_models: int = 0
    model_versions: int = 0
    same_runs: int = 0
    same_models: int = 0
    same_files: int = 0
    problems: list[str] = field(default_factory=list)


class MlflowImport:
    """One import.

    Args:
        store: what is brought.
        target: where to.
        experiments: names of those to bring, without the registry; all of both where empty.
        tell: is called with how far it is.
    """

    def __init__(
        self,
        store: Store,
        target: Target,
        experiments: list[str] | None = None,
        tell: Callable[[str], None] = lambda said: None,
    ) -> None:
        self._store = store
        self._target = target
        self._wanted = set(experiments or [])
        self._tell = tell
        # What is there → what it is here.
        self._runs: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._artifact_uris: dict[str, str] = {}
        # Logged models here → the versions of files of their own that came as these.
        self._loose: dict[str, Any] = {}
        # The experiment they are in, and which of them were there before; read when the first is needed.
        self._lost: tuple[str, dict[str, tuple[str, bool]]] | None = None
        self.report = Report()

    def run(self, bring: bool = True) -> Report:
        """Bring everything, then compare everything; or only compare.

        Returns:
            The report. What could not be brought or is not the same is among its problems; the rest is there.
        """
        experiments = [
            one for one in self._store.experiments() if not self._wanted or one.name in self._wanted
        ]
        for name in sorted(self._wanted - {one.name for one in experiments}):
            self.report.problems.append(f'the store has no experiment "{name}"')
        for experiment in experiments:
            self._experiment(experiment, bring)
        if not self._wanted:
            for model in self._store.registered_models():
                self._tell(f"registered model {model.name}")
                self._attempt(f'registered model "{model.name}"', partial(self._registered, model, bring))
        self._compare(experiments)
        return self.report

    # ---- experiments and runs

    def _experiment(self, experiment: Any, bring: bool) -> None:
        tags = {**dict(experiment.tags), ORIGIN: self._origin(experiment.experiment_id)}
        here = self._target.experiment(experiment.name, tags if bring else None)
        there = {} if here is None else self._target.imported_runs(here, self._store.name)
        self.report.experiments += 1
        unfinished = []
        runs = self._store.runs(experiment)
        for number, run in enumerate(runs, 1):
            run_id = run.info.run_id
            self._tell(f"{experiment.name}: run {number:,} of {len(runs):,}")
            self._artifact_uris[run_id] = run.info.artifact_uri.rstrip("/")
            known, complete = there.get(run_id, (None, False))
            if known is not None:
                self._runs[run_id] = known
            if complete:
                self.report.runs_there += 1
            elif not bring or here is None:
                self.report.problems.append(f"run {run_id} of {experiment.name} is not here")
            elif self._attempt(f"run {run_id}", partial(self._run, run, here)):
                unfinished.append(run)
        if here is not None:
            self._logged_models(experiment, here, bring)
        # What a run measured of models, and its end, when these are there.
        for run in unfinished:
            self._attempt(f"run {run.info.run_id}", partial(self._finish, run))

    def _run(self, run: Any, experiment_id: str) -> None:
        run_id = run.info.run_id
        if run_id not in self._runs:
            self._runs[run_id] = self._target.create_run(
                experiment_id,
                run.info.run_name or "",
                run.info.user_id or "",
                run.info.start_time or 0,
                {ORIGIN: self._origin(run_id)},
            )
        here = self._runs[run_id]
        self._target.log_params(here, run.data.params)
        self._target.set_tags(here, self._tags(run))
        if datasets := [_dataset(one) for one in run.inputs.dataset_inputs]:
            self._target.call("POST", "runs/log-inputs", run_id=here, datasets=datasets)
        self._send(f"runs/{here}", *self._store.run_files(run))

    def _tags(self, run: Any) -> dict[str, str]:
        tags = {key: value for key, value in run.data.tags.items() if key not in _OWN_TAGS}
        if (parent := tags.get(PARENT)) in self._runs:
            tags[PARENT] = self._runs[str(parent)]
        return tags

    def _finish(self, run: Any) -> None:
        here = self._runs[run.info.run_id]
        for key in run.data.metrics:
            points = self._store.history(run, key)
            for point in points:
                if (model := point.pop("model_id", None)) in self._models:
                    point["model_id"] = self._models[str(model)]
            self._target.log_metrics(here, points)
            self.report.points += len(points)
        if inputs := [{"model_id": self._models[one.model_id]} for one in _of(run.inputs, "model_inputs")
                      if one.model_id in self._models]:  # fmt: skip
            self._target.call("POST", "runs/log-inputs", run_id=here, models=inputs)
        if outputs := [{"model_id": self._models[one.model_id], "step": one.step}
                       for one in _of(run.outputs, "model_outputs") if one.model_id in self._models]:  # fmt: skip
            self._target.call("POST", "runs/outputs", run_id=here, models=outputs)
        self._target.finish(here, run.info.status, run.info.end_time)
        self._target.set_tags(here, {STATE: "complete"})
        self.report.runs += 1

    def _send(self, root: str, paths: Iterator[str], download: Download) -> None:
        there = dict(self._target.files(root))
        for path in paths:
            with tempfile.TemporaryDirectory(prefix="insighter-import-") as folder:
                file = Path(download(path, folder))
                size = file.stat().st_size
                if there.get(path) == size and self._target.checksum(root, path) == digest(file):
                    continue
                self._target.put_file(root, path, file)
                self.report.files += 1
                self.report.bytes += size

    # ---- logged models

    def _logged_models(self, experiment: Any, here: str, bring: bool) -> None:
        there = self._target.imported_models(here)
        for model in self._store.logged_models(experiment):
            known, ready = there.get(self._origin(model.model_id), (None, False))
            if known is not None:
                self._models[model.model_id] = known
            if bring and not ready:
                self._attempt(f"logged model {model.model_id}", partial(self._logged_model, model, here))
            elif not ready:
                self.report.problems.append(f"logged model {model.model_id} is not here")

    def _logged_model(self, model: Any, experiment_id: str) -> None:
        if model.model_id not in self._models:
            self._models[model.model_id] = self._target.create_model(
                experiment_id,
                model.name,
                {**model.tags, ORIGIN: self._origin(model.model_id)},
                model_type=model.model_type or "",
                params=pairs(model.params),
                **({"source_run_id": run} if (run := self._runs.get(model.source_run_id or "")) else {}),
            )
        here = self._models[model.model_id]
        self._send(f"models/{here}", *self._store.model_files(model.artifact_location))
        self._target.finish_model(here, f"LOGGED_MODEL_{str(model.status).removeprefix('LOGGED_MODEL_')}")
        self.report.logged_models += 1

    # ---- registry

    def _registered(self, model: Any, bring: bool) -> None:
        origin = self._origin(model.name)
        found = self._target.registered_model(model.name)
        if found is not None and key_values(found.get("tags")).get(ORIGIN) != origin:
            self.report.problems.append(
                f'the project has a model "{model.name}" of its own: rename that to import the one of the store'
            )
            return
        if found is None and not bring:
            self.report.problems.append(f'registered model "{model.name}" is not here')
            return
        if bring:
            if found is None:
                self._target.call(
                    "POST",
                    "registered-models/create",
                    name=model.name,
                    description=model.description or "",
                    tags=pairs({**model.tags, **self._store.kind(model.name), ORIGIN: origin}),
                )
                self.report.registered_models += 1
            self._versions(model.name)
        wrong = Comparison(self._store, self._target).registered_model(model.name)
        if wrong:
            self.report.problems.append(
                f'registered model "{model.name}" is not the same: {", ".join(wrong)}'
            )
        else:
            self.report.same_models += 1

    def _versions(self, name: str) -> None:
        upcoming = 1 + max(self._target.versions(name), default=0)
        for version in self._store.versions(name):
            number = int(version.version)
            if number < upcoming:
                continue
            # The number of a version that was deleted there is left out here too.
            while upcoming < number:
                self._target.skip_version(name, self._source(version))
                upcoming += 1
            self._version(name, version)
            upcoming += 1
        here = self._target.aliases(name)
        for alias, number in self._store.aliases(name).items():
            if here.get(alias) != number:
                self._target.call(
                    "POST", "registered-models/alias", name=name, alias=alias, version=str(number)
                )

    def _version(self, name: str, version: Any) -> None:
        self._target.call(
            "POST",
            "model-versions/create",
            name=name,
            source=self._source(version),
            description=version.description or "",
            tags=pairs(version.tags),
            **({"run_id": run} if (run := self._runs.get(version.run_id or "")) else {}),
        )
        if version.current_stage not in {None, "", "None"}:
            self._target.call(
                "POST",
                "model-versions/transition-stage",
                name=name,
                version=str(version.version),
                stage=version.current_stage,
            )
        self.report.model_versions += 1

    def _source(self, version: Any) -> str:
        """Where the version is here; the files of no run or model that was brought come as a model of their own."""
        source = (version.source or "").rstrip("/")
        model = getattr(version, "model_id", None) or source.removeprefix("models:/")
        if model in self._models:
            return f"models:/{self._models[model]}"
        named = re.fullmatch(r"runs:/+([^/]+)/(.+)", source)
        if named and named[1] in self._runs:
            return f"runs:/{self._runs[named[1]]}/{named[2]}"
        # Most versions are of the run they name: that one's address is tried first.
        for run_id in dict.fromkeys([version.run_id or "", *self._artifact_uris]):
            uri = self._artifact_uris.get(run_id)
            if uri and source.startswith(f"{uri}/") and run_id in self._runs:
                return f"runs:/{self._runs[run_id]}/{source.removeprefix(uri + '/')}"
        if is_prompt(version):
            return source
        origin = self._origin(f"{version.name}/{version.version}")
        if self._lost is None:
            made = str(self._target.experiment(_LOST, {}))
            self._lost = (made, self._target.imported_models(made))
        experiment, there = self._lost
        here, ready = there.get(origin, (None, False))
        if here is None:
            here = self._target.create_model(experiment, version.name, {ORIGIN: origin})
            there[origin] = (here, False)
        self._loose[here] = version
        if not ready:
            self._send(f"models/{here}", *self._store.model_files(self._store.version_location(version)))
            self._target.finish_model(here, "LOGGED_MODEL_READY")
            there[origin] = (here, True)
        return f"models:/{here}"

    # ---- comparing

    def _compare(self, experiments: list[Any]) -> None:
        comparison = Comparison(self._store, self._target)
        for experiment in experiments:
            runs = [run for run in self._store.runs(experiment) if run.info.run_id in self._runs]
            for number, run in enumerate(runs, 1):
                self._tell(f"{experiment.name}: comparing run {number:,} of {len(runs):,}")
                self._attempt(f"run {run.info.run_id}", partial(self._compare_run, comparison, run))
            for model in self._store.logged_models(experiment):
                if (here := self._models.get(model.model_id)) is not None:
                    what = f"logged model {model.model_id}"
                    self._attempt(what, partial(self._compare_files, comparison, what, model, here))
        for here, version in self._loose.items():
            what = f"{version.name} version {version.version}"
            self._attempt(what, partial(self._compare_loose, comparison, what, version, here))
        self.report.same_files = comparison.files

    def _compare_run(self, comparison: Comparison, run: Any) -> None:
        wrong = comparison.run(run, self._runs[run.info.run_id], self._tags(run))
        if wrong:
            self.report.problems.append(f"run {run.info.run_id} is not the same here: {', '.join(wrong)}")
        else:
            self.report.same_runs += 1

    def _compare_files(self, comparison: Comparison, what: str, model: Any, here: str) -> None:
        if wrong := comparison.logged_model(model, here):
            self.report.problems.append(f"{what} is not the same here: {', '.join(wrong)}")

    def _compare_loose(self, comparison: Comparison, what: str, version: Any, here: str) -> None:
        if wrong := comparison.files_at(self._store.version_location(version), here):
            self.report.problems.append(f"{what} is not the same here: {', '.join(wrong)}")

    def _origin(self, what: str) -> str:
        return f"{self._store.name}:{what}"

    def _attempt(self, what: str, work: Callable[[], Any]) -> bool:
        """One thing's trouble is not the others'; whether there was none."""
        try:
            problem = checked(work)
        except Exception as error:  # noqa: BLE001 - each artifact store has errors of its own
            problem = f"the store could not be read: {error}"
        if problem:
            self.report.problems.append(f"{what}: {problem}")
        return problem is None


def _dataset(one: Any) -> Json:
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    said = {name: getattr(one.dataset, name) for name in names}
    return {
        "tags": [{"key": tag.key, "value": tag.value} for tag in one.tags],
        "dataset": {name: value for name, value in said.items() if value is not None},
    }


def _of(whole: Any, part: str) -> list[Any]:
    return (getattr(whole, part, None) or []) if whole else []
