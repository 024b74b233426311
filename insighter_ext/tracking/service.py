"""Experiments and runs, for the panels and the SDK; beside them MLflow's endpoints and the artifacts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway, ObjectStore
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import Principal
from insighter_ext.tracking.artifacts import Artifacts, artifact_path
from insighter_ext.tracking.endings import Ending
from insighter_ext.tracking.endpoints import TrackingEndpoints
from insighter_ext.tracking.models import (
    ArtifactFile,
    DatasetInput,
    Experiment,
    Metric,
    Run,
    RunChange,
    RunDetail,
    RunQuery,
)
from insighter_ext.tracking.multipart import MultipartUploads
from insighter_ext.tracking.protocol import MAX_TAG_VALUE, clock, key, moment, run_uri
from insighter_ext.tracking.searching import RunTable
from insighter_ext.tracking.views import RunViews
from insighter_ext.tracking.workspaces import Workspaces

_NAME, _NOTE = "mlflow.runName", "mlflow.note.content"


class TrackingService:
    """See the module.

    Attributes:
        mlflow: the endpoints of MLflow's protocol.
        table: what the run table asks.
        files: artifacts as MLflow's clients transfer them.
        multipart: large ones in parts.
        workspaces: projects, as MLflow's clients name them.
        histories: metrics over time.
        views: the run table's own.
    """

    def __init__(self, data: DataGateway, objects: ObjectStore) -> None:
        self._data = data
        self.mlflow = TrackingEndpoints(data)
        self.table = RunTable(data)
        self.histories = self.mlflow.histories
        self.files = Artifacts(data, objects)
        self.multipart = MultipartUploads(self.files, objects)
        self.workspaces = Workspaces(data)
        self.views = RunViews(data)

    async def close(self) -> None:
        """Give up uploads that were begun."""
        await self.multipart.close()

    async def experiments(self, principal: Principal, project_id: UUID, query: PageQuery) -> Page[Experiment]:
        """A project's experiments, last used first."""
        found = await self._data.call(
            principal, "experiments_list", project_id=project_id, **query.model_dump()
        )
        items = [Experiment(**{**row, "last_run": moment(row["last_run"])}) for row in found["items"]]
        return Page[Experiment](items=items, cursor=found["cursor"])

    async def runs(
        self, principal: Principal, project_id: UUID, experiment_id: str, query: RunQuery
    ) -> Page[Run]:
        """An experiment's runs, newest first."""
        found = await self._data.call(
            principal,
            "runs_search",
            project_id=project_id,
            experiment_ids=[experiment_id],
            **query.model_dump(),
        )
        return Page[Run](items=[Run(**_run(row)) for row in found["items"]], cursor=found["cursor"])

    async def run(self, principal: Principal, project_id: UUID, run_id: str) -> RunDetail:
        """All of a run."""
        row = await self._data.call(principal, "runs_get", run_id=run_id, project_id=project_id, detail=True)
        return _detail(row)

    async def edit_run(
        self, principal: Principal, project_id: UUID, run_id: str, change: RunChange
    ) -> RunDetail:
        """Change name, notes and tags, all of them or none."""
        tags: dict[str, str | None] = {
            key(name, "tag"): None if value is None else _whole(value, f"tags.{name}")
            for name, value in change.tags.items()
        }
        if change.name is not None:
            tags[_NAME] = _whole(change.name, "name")
        if change.note is not None:
            tags[_NOTE] = _whole(change.note, "note") or None
        row = await self._data.call(
            principal,
            "runs_edit",
            project_id=project_id,
            run_id=run_id,
            tags=tags,
            expected=change.expected,
        )
        return _detail(row)

    async def delete_run(self, principal: Principal, project_id: UUID, run_id: str) -> None:
        """Move a run to the trash."""
        # whether it is one of this project's
        await self._data.call(principal, "runs_get", run_id=run_id, project_id=project_id)
        await self._data.call(principal, "runs_set_deleted", run_id=run_id, deleted=True)

    async def artifacts(
        self, principal: Principal, project_id: UUID, run_id: str, path: str
    ) -> Page[ArtifactFile]:
        """Files and folders in a folder of a run's artifacts."""
        found = await self._data.call(
            principal,
            "artifacts_list",
            root=f"runs/{run_id}",
            path=artifact_path(path.strip("/"), folder=True),
            project_id=project_id,
        )
        return Page[ArtifactFile](items=[ArtifactFile(**item) for item in found], cursor=None)

    async def abandon(self, principal: Principal, credential_id: UUID, ending: Ending) -> list[str]:
        """Say how the runs ended that a kernel left running, and which these are.

        Args:
            principal: whoever started the kernel.
            credential_id: the kernel's.
        """
        answer = await self._data.call(
            principal, "runs_abandon", credential_id=credential_id, reason=ending.reason, detail=ending.detail
        )
        return [str(run_id) for run_id in answer["abandoned"]]


def metric(row: dict[str, Any]) -> Metric:
    """A metric's newest value."""
    return Metric(key=row["key"], value=row["value"], step=row["step"], timestamp=clock(row["timestamp"]))


def _detail(row: dict[str, Any]) -> RunDetail:
    inputs = [
        DatasetInput(
            name=item["name"], digest=item["digest"], context=item["tags"].get("mlflow.data.context")
        )
        for item in row["datasets"]
    ]
    # A model made in the run and not linked to it yet, or linked and made elsewhere: both are the run's.
    models = list(dict.fromkeys([*row["models"], *(item["model_id"] for item in row["outputs"])]))
    return RunDetail(
        **_run(row),
        tags=row["tags"],
        inputs=inputs,
        models=models,
        artifact_uri=run_uri(row["id"]),
        experiment_name=row["experiment_name"],
        deleted=row["deleted"],
    )


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "experiment_id": row["experiment_id"],
        "status": row["status"],
        "started_at": moment(row["start_time"]),
        "ended_at": moment(row["end_time"]),
        "created_by": row["created_by"],
        "metrics": [metric(item) for item in row["metrics"]],
        "params": row["params"],
    }


def _whole(value: str, name: str) -> str:
    """A tag's value as a person wrote it: what is too long is refused, and not cut as MLflow's clients have it cut."""
    if len(value) > MAX_TAG_VALUE:
        raise Invalid(f"'{name}' exceeds the maximum length of {MAX_TAG_VALUE} characters", hint="shorten it")
    return value
