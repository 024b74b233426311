"""Registered models, as a kernel sees them."""

from __future__ import annotations

import datetime as dt
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from insighter_ext.kernel.aliases import AliasMove, AliasRequest, ask_for, moves_of, requests_of
from insighter_ext.kernel.collection import Collection
from insighter_ext.kernel.comparing import Comparison, compared
from insighter_ext.kernel.errors import (
    InsighterClientError,
    ModelNotFound,
    ModelVersionNotFound,
    NotFound,
    RunNotFound,
    missing,
)
from insighter_ext.kernel.lineage import LineageGraph, lineage_of
from insighter_ext.kernel.modelcards import ModelCard, card_of
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, amount, say, when

_RUN_ID = re.compile(r"[0-9a-f]{32}")


class ModelVersion(Card):
    """One version of a registered model."""

    def __init__(self, scope: Scope, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._seen = seen

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self._seen["name"])

    @property
    def version(self) -> int:
        """1 for the first."""
        return int(self._seen["version"])

    @property
    def aliases(self) -> Sequence[str]:
        """The aliases that point to it."""
        return [str(alias) for alias in self._seen["aliases"]]

    @property
    def run_id(self) -> str | None:
        """The run that logged it."""
        found: str | None = self._seen["run_id"]
        return found

    @property
    def model_id(self) -> str | None:
        """MLflow's logged model behind it."""
        found: str | None = self._seen["model_id"]
        return found

    @property
    def metrics(self) -> dict[str, float]:
        """Newest values by name."""
        return {item["key"]: float(item["value"]) for item in self._seen["metrics"]}

    @property
    def description(self) -> str:
        """Markdown."""
        return str(self._seen["description"])

    @property
    def created_at(self) -> dt.datetime:
        """When it was registered."""
        moment = when(self._seen["created_at"])
        assert moment is not None
        return moment

    @property
    def created_by(self) -> str:
        """Who registered it."""
        return str(self._seen["created_by"])

    @property
    def uri(self) -> str:
        """What MLflow calls it."""
        return f"models:/{self.name}/{self.version}"

    @property
    def signature(self) -> dict[str, Any]:
        """Its inputs and outputs: names, types, shapes."""
        path = self._scope.path("models", self.name, "versions", self.version, "signature")
        found: dict[str, Any] = self._scope.client.get(*path)
        return found

    def load(self) -> Any:
        """The model itself, as MLflow's ``pyfunc``.

        Raises:
            InsighterClientError: MLflow speaks to another project here, where the name may mean another model.

        Example:
            >>> ix.models["wine-quality"].load("champion").predict(X)
        """
        import mlflow

        client = self._scope.client
        if mlflow.get_tracking_uri() != client.mlflow or client.mlflow_project != self._scope.project_id:
            raise InsighterClientError(
                f"MLflow in this Python speaks to another project than {self._scope.where()}",
                code="other_project",
                hint="load the model in a notebook of its project's folder",
            )
        return mlflow.pyfunc.load_model(self.uri)

    @property
    def detail(self) -> dict[str, Any]:
        """All that is known of it: metrics by dataset, params, run, datasets, endpoints, files, flavors."""
        path = self._scope.path("models", self.name, "versions", self.version, "detail")
        found: dict[str, Any] = self._scope.client.get(*path)
        return found

    @property
    def card(self) -> ModelCard:
        """Its card: what people wrote of this version, else of the model, with what is known of this version."""
        return card_of(self._scope, self.name, self.version)

    def set_alias(self, alias: str, *, why: str = "") -> ModelVersion:
        """Point an alias to this version; wherever it pointed before, it points here now.

        Raises:
            InsighterClientError: the alias is protected, and the move is not this caller's to make (403), or a gate
                does not hold (409): :meth:`request` asks for the move.
        """
        path = self._scope.path("models", self.name, "aliases", alias.removeprefix("@"))
        self._scope.client.put(*path, json={"version": self.version, "why": why})
        self._seen = {**self._seen, "aliases": sorted({*self.aliases, alias.removeprefix("@")})}
        return self

    def request(self, alias: str, *, why: str) -> AliasRequest:
        """Ask that a protected alias be moved to this version; somebody who may approves it in JupyterLab."""
        return ask_for(self._scope, self.name, alias, self.version, why)

    def compare(self, other: ModelVersion | int) -> Comparison:
        """This version beside another of the model: params, metrics, signature, datasets, requirements, files."""
        number = other if isinstance(other, int) else other.version
        return compared(self._scope, self.name, self.version, number)

    def lineage(self) -> LineageGraph:
        """What this version was made from, and what was made from it."""
        return lineage_of(self._scope, "model", self.name, self.version)

    def _lines(self) -> Sequence[str]:
        aliases = "".join(f" @{alias}" for alias in self.aliases)
        lines = [f"{self.name} · version {self.version}{aliases}"]
        if self.metrics:
            lines.append(", ".join(f"{key} {say(value)}" for key, value in self.metrics.items()))
        return [*lines, f"registered by {self.created_by}, {say(self.created_at)}"]


class Model(Card):
    """A registered model and its versions."""

    def __init__(self, scope: Scope, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._seen = seen

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._seen["name"])

    @property
    def aliases(self) -> dict[str, int]:
        """Alias → version."""
        return dict(self._seen["aliases"])

    @property
    def versions(self) -> Table[ModelVersion]:
        """All versions, newest first."""
        return Table(
            [ModelVersion(self._scope, item) for item in self._seen["history"]],
            [
                ("version", lambda row: row.version),
                ("aliases", lambda row: row.aliases),
                ("metrics", lambda row: [f"{key} {say(value)}" for key, value in row.metrics.items()]),
                ("by", lambda row: row.created_by),
                ("when", lambda row: row.created_at),
            ],
            "no version yet",
        )

    def version(self, which: int | str | None = None) -> ModelVersion:
        """One version, by its number or an alias; the newest where omitted.

        Raises:
            ModelVersionNotFound: there is no such version or alias.
        """
        history = self._seen["history"]
        wanted: int | None = history[0]["version"] if which is None and history else None
        if isinstance(which, str):
            wanted = int(which) if which.isdigit() else self.aliases.get(which.removeprefix("@"))
        elif which is not None:
            wanted = which
        for item in history:
            if item["version"] == wanted:
                return ModelVersion(self._scope, item)
        known = [*(str(item["version"]) for item in history[:5]), *(f"@{alias}" for alias in self.aliases)]
        raise ModelVersionNotFound(
            f'model "{self.name}" has no version "{which}"'
            if which is not None
            else f'model "{self.name}" has no version',
            status=404,
            code="not_found",
            hint=f"It has {', '.join(known)}." if known else None,
        )

    def load(self, which: int | str | None = None) -> Any:
        """A version itself, as MLflow's ``pyfunc``; the newest where omitted."""
        return self.version(which).load()

    @property
    def card(self) -> ModelCard:
        """What people wrote of it, with what is known of the version in use; shows itself as Markdown.

        Example:
            >>> ix.models["wine-quality"].card
            >>> ix.models["wine-quality"].card.write("For tasters.\\n\\n{{metrics}}")
        """
        return card_of(self._scope, self.name, None)

    def set_alias(self, alias: str, version: int | str | None = None, *, why: str = "") -> ModelVersion:
        """Point an alias to a version; the newest where omitted. ``why`` is kept in the alias's history.

        Raises:
            InsighterClientError: the alias is protected, and the move is not this caller's to make (403), or a gate
                does not hold (409): :meth:`request` asks for the move.
        """
        pointed = self.version(version).set_alias(alias, why=why)
        self._seen["aliases"] = {**self.aliases, alias.removeprefix("@"): pointed.version}
        return pointed

    def request(self, alias: str, version: int | str | None, *, why: str) -> AliasRequest:
        """Ask that a protected alias be moved to a version, or (None) taken off; it is decided in JupyterLab.

        Raises:
            InsighterClientError: a gate does not hold, somebody has asked before, or the alias is not protected (409).

        Example:
            >>> ix.models["wine-quality"].request("champion", 3, why="AUC 0.94 on gold")
        """
        number = None if version is None else self.version(version).version
        return ask_for(self._scope, self.name, alias, number, why)

    def requests(self) -> Table[AliasRequest]:
        """Moves of its aliases that were asked for: open ones first."""
        return requests_of(self._scope, self.name)

    def moves(self, alias: str | None = None) -> Table[AliasMove]:
        """Who moved which alias from where to where, when and why; newest first."""
        return moves_of(self._scope, self.name, alias)

    def compare(self, left: int | str, right: int | str) -> Comparison:
        """Two versions side by side, by number or alias: params, metrics, signature, datasets, requirements, files.

        Example:
            >>> ix.models["wine-quality"].compare("champion", 3)
            >>> ix.models["wine-quality"].compare(1, 2).differences
        """
        return compared(self._scope, self.name, self.version(left).version, self.version(right).version)

    def lineage(self, version: int | None = None) -> LineageGraph:
        """What it was made from, and what was made from it; of all versions where none is named."""
        return lineage_of(self._scope, "model", self.name, version)

    def delete_alias(self, alias: str, *, why: str = "") -> None:
        """Remove an alias."""
        alias = alias.removeprefix("@")
        path = self._scope.path("models", self.name, "aliases", alias)
        self._scope.client.send("DELETE", *path, query={"why": why} if why else {})
        self._seen["aliases"] = {key: value for key, value in self.aliases.items() if key != alias}

    def _lines(self) -> Sequence[str]:
        lines = [f"{self.name} · {amount(len(self._seen['history']), 'version')}"]
        if self.aliases:
            lines.append(", ".join(f"@{alias} → {version}" for alias, version in self.aliases.items()))
        return lines


class Models(Collection[Model]):
    """The registered models of a project.

    Example:
        >>> version = ix.models.register("wine-quality", run="forest")
        >>> ix.models["wine-quality"].set_alias("champion")
        >>> ix.models["wine-quality"].load("champion").predict(X)
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def list(self) -> Table[Model]:
        """All registered models."""
        found = self._scope.client.pages(*self._scope.path("models"))
        return Table(
            [
                Model(self._scope, {**item, "history": [item["latest"]] if item["latest"] else []})
                for item in found
            ],
            [
                ("model", lambda row: row.name),
                ("versions", lambda row: row._seen["versions"]),
                ("aliases", lambda row: row.aliases),
                ("updated", lambda row: when(row._seen["updated_at"])),
            ],
            'No registered model yet: ix.models.register("name", run="…") makes the first.',
        )

    def register(
        self,
        name: str,
        run: Any = None,
        *,
        model_id: str | None = None,
        description: str = "",
        metrics: Mapping[str, float] | None = None,
        alias: str | None = None,
    ) -> ModelVersion:
        """Register the model that a run logged, as the next version of a name.

        Args:
            name: the registered model's; it is made where there is none.
            run: id or name of the run (the newest of that name), or MLflow's run object; the active run, or the last
                one of this kernel, where omitted.
            model_id: MLflow's id of the logged model, where a run logged several.
            description: Markdown.
            metrics: more metrics of this version, by name.
            alias: an alias to point to it.

        Raises:
            RunNotFound: there is no such run.
            InsighterClientError: the run logged no model, or several.

        Example:
            >>> ix.models.register("wine-quality", run="forest", metrics={"auc": 0.94}, alias="champion")
        """
        body: dict[str, Any] = {"name": name, "description": description}
        if model_id is not None:
            body["model_id"] = model_id
        else:
            body["run_id"] = self._run_id(run)
        version = ModelVersion(self._scope, self._scope.client.post(*self._scope.path("models"), json=body))
        if metrics:
            self._log(version, metrics)
            path = self._scope.path("models", version.name, "versions", version.version)
            version = ModelVersion(self._scope, self._scope.client.get(*path))
        return version.set_alias(alias) if alias else version

    def _log(self, version: ModelVersion, metrics: Mapping[str, float]) -> None:
        if version.run_id is None:
            raise InsighterClientError(
                "metrics belong to a run, and this version has none",
                code="no_run",
                hint="register it by its run",
            )
        now = int(time.time() * 1000)
        logged = [
            {"key": key, "value": float(value), "timestamp": now, "step": 0}
            | ({"model_id": version.model_id} if version.model_id else {})
            for key, value in metrics.items()
        ]
        self._mlflow("runs/log-batch", {"run_id": version.run_id, "metrics": logged})

    def _mlflow(self, route: str, body: dict[str, Any]) -> Any:
        url = f"{self._scope.client.url}/insighter/mlflow/api/2.0/mlflow/{route}"
        return self._scope.client.send("POST", url=url, json=body)

    def _run_id(self, run: Any) -> str:
        if run is None:
            mlflow: Any = sys.modules.get("mlflow")
            active = (mlflow.active_run() or mlflow.last_active_run()) if mlflow is not None else None
            if active is None:
                raise RunNotFound(
                    "no run is active, and none was in this kernel",
                    code="not_found",
                    hint='name one: ix.models.register("name", run="forest")',
                )
            run = active
        if not isinstance(run, str):
            return str(run.info.run_id)
        if _RUN_ID.fullmatch(run):
            return run
        newest: dict[str, Any] | None = None
        for experiment in self._scope.client.pages(*self._scope.path("experiments")):
            # Newest first: the first of that name is the newest of its experiment.
            runs = self._scope.client.pages(*self._scope.path("experiments", experiment["id"], "runs"))
            found = next((item for item in runs if item["name"] == run), None)
            if found and (newest is None or (found["started_at"] or "") > (newest["started_at"] or "")):
                newest = found
        if newest is None:
            raise RunNotFound(
                f'no run "{run}" in {self._scope.where()}',
                status=404,
                code="not_found",
                hint="mlflow.search_runs() shows the runs of the active experiment.",
            )
        return str(newest["id"])

    def __getitem__(self, name: str) -> Model:
        try:
            return Model(self._scope, self._scope.client.get(*self._scope.path("models", name)))
        except NotFound:
            names, where = self._names(), self._scope.where()
            raise missing(ModelNotFound, "registered model", name, where, names, "ix.models.list()") from None

    def _names(self) -> Sequence[str]:
        return [item["name"] for item in self._scope.client.pages(*self._scope.path("models"))]
