"""Routes of experiments and runs, for the panels and the SDK. MLflow's own protocol is mounted by ``mlflow.py``."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page, PageQuery
from insighter_ext.tracking.models import (
    ArtifactFile,
    ArtifactQuery,
    Curves,
    CurvesBody,
    Experiment,
    MetricHistory,
    MetricHistoryQuery,
    Run,
    RunChange,
    RunDetail,
    RunQuery,
)
from insighter_ext.tracking.views import (
    RunsChanged,
    RunsMoved,
    RunTags,
    RunView,
    RunViewCreate,
    RunViewQuery,
    RunViewUpdate,
    SomeRuns,
)
from server_handlers.base import ApiHandler, operation

_PROJECT = "/projects/{project_id:uuid}"


class ExperimentsHandler(ApiHandler):
    """All experiments of a project."""

    path, tag = _PROJECT + "/experiments", "experiments"

    @operation(
        "A project's experiments, last used first", query=PageQuery, returns=Page[Experiment], errors=(404,)
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Experiment]:
        return await self.platform.tracking.experiments(self.principal, project_id, query)


class RunsHandler(ApiHandler):
    """The runs of an experiment."""

    path, tag = _PROJECT + "/experiments/{experiment_id}/runs", "experiments"

    @operation("An experiment's runs, newest first", query=RunQuery, returns=Page[Run], errors=(404,))
    async def get(self, project_id: UUID, experiment_id: str, query: RunQuery) -> Page[Run]:
        return await self.platform.tracking.runs(self.principal, project_id, experiment_id, query)


class RunHandler(ApiHandler):
    """One run."""

    path, tag = _PROJECT + "/runs/{run_id}", "experiments"

    @operation("A run", returns=RunDetail, errors=(404,))
    async def get(self, project_id: UUID, run_id: str) -> RunDetail:
        return await self.platform.tracking.run(self.principal, project_id, run_id)

    @operation(
        "Change a run's name, notes and tags, all of them or none",
        body=RunChange,
        returns=RunDetail,
        errors=(403, 404, 409, 422),
    )
    async def patch(self, project_id: UUID, run_id: str, body: RunChange) -> RunDetail:
        return await self.platform.tracking.edit_run(self.principal, project_id, run_id, body)

    @operation("Move a run to the trash", status=204, errors=(403, 404))
    async def delete(self, project_id: UUID, run_id: str) -> None:
        await self.platform.tracking.delete_run(self.principal, project_id, run_id)


class CurvesHandler(ApiHandler):
    """Metrics of many runs, for a chart."""

    path, tag = _PROJECT + "/runs/curves", "experiments"

    @operation(
        "Curves of metrics of runs, thinned, or what is new of them",
        body=CurvesBody,
        returns=Curves,
        errors=(404,),
    )
    async def post(self, project_id: UUID, body: CurvesBody) -> Curves:
        return await self.platform.tracking.histories.curves(self.principal, project_id, body)


class MetricHistoryHandler(ApiHandler):
    """A metric's history. Keys may hold slashes: they are one path segment, percent-encoded."""

    path, tag = _PROJECT + "/runs/{run_id}/metrics/{key}", "experiments"

    @operation(
        "Values of a metric, by step, in pages",
        query=MetricHistoryQuery,
        returns=MetricHistory,
        errors=(404,),
    )
    async def get(self, project_id: UUID, run_id: str, key: str, query: MetricHistoryQuery) -> MetricHistory:
        return await self.platform.tracking.histories.of_run(self.principal, project_id, run_id, key, query)


class RunArtifactsHandler(ApiHandler):
    """A run's artifacts."""

    path, tag = _PROJECT + "/runs/{run_id}/artifacts", "experiments"

    @operation(
        "Files and folders in a folder of a run's artifacts",
        query=ArtifactQuery,
        returns=Page[ArtifactFile],
        errors=(404,),
    )
    async def get(self, project_id: UUID, run_id: str, query: ArtifactQuery) -> Page[ArtifactFile]:
        return await self.platform.tracking.artifacts(self.principal, project_id, run_id, query.path)


class RunTagsHandler(ApiHandler):
    """The tags of many runs."""

    path, tag = _PROJECT + "/experiments/{experiment_id}/runs/tags", "experiments"

    @operation(
        "Set and remove tags of many runs, of all or of none",
        body=RunTags,
        returns=RunsChanged,
        errors=(403, 404, 422),
    )
    async def post(self, project_id: UUID, experiment_id: str, body: RunTags) -> RunsChanged:
        return await self.platform.tracking.views.tag(self.principal, project_id, experiment_id, body)


class RunsDeleteHandler(ApiHandler):
    """Many runs, away."""

    path, tag = _PROJECT + "/experiments/{experiment_id}/runs/delete", "experiments"

    @operation(
        "Delete many runs, all or none; they can be restored",
        body=SomeRuns,
        returns=RunsMoved,
        errors=(403, 404, 422),
    )
    async def post(self, project_id: UUID, experiment_id: str, body: SomeRuns) -> RunsMoved:
        return await self.platform.tracking.views.set_deleted(
            self.principal, project_id, experiment_id, body, True
        )


class RunsRestoreHandler(ApiHandler):
    """Many runs, back."""

    path, tag = _PROJECT + "/experiments/{experiment_id}/runs/restore", "experiments"

    @operation(
        "Restore many deleted runs, all or none", body=SomeRuns, returns=RunsMoved, errors=(403, 404, 422)
    )
    async def post(self, project_id: UUID, experiment_id: str, body: SomeRuns) -> RunsMoved:
        return await self.platform.tracking.views.set_deleted(
            self.principal, project_id, experiment_id, body, False
        )


class RunViewsHandler(ApiHandler):
    """The views of the run table that a project keeps."""

    path, tag = _PROJECT + "/run-views", "experiments"

    @operation(
        "The views of the run table: which columns, sorted, filtered and grouped by what",
        query=RunViewQuery,
        returns=Page[RunView],
        errors=(404,),
    )
    async def get(self, project_id: UUID, query: RunViewQuery) -> Page[RunView]:
        return await self.platform.tracking.views.list(self.principal, project_id, query)

    @operation("Keep a view", body=RunViewCreate, returns=RunView, status=201, errors=(403, 404, 409, 422))
    async def post(self, project_id: UUID, body: RunViewCreate) -> RunView:
        made = await self.platform.tracking.views.create(self.principal, project_id, body)
        self.created("projects", project_id, "run-views", made.id)
        return made


class RunViewHandler(ApiHandler):
    """One view of the run table."""

    path, tag = _PROJECT + "/run-views/{view_id:uuid}", "experiments"

    @operation("Change a view", body=RunViewUpdate, returns=RunView, errors=(403, 404, 409, 422))
    async def put(self, project_id: UUID, view_id: UUID, body: RunViewUpdate) -> RunView:
        return await self.platform.tracking.views.update(self.principal, project_id, view_id, body)

    @operation("Delete a view", status=204, errors=(403, 404))
    async def delete(self, project_id: UUID, view_id: UUID) -> None:
        await self.platform.tracking.views.delete(self.principal, project_id, view_id)


HANDLERS = [
    ExperimentsHandler,
    RunsHandler,
    CurvesHandler,  # its path looks like a run's
    RunHandler,
    MetricHistoryHandler,
    RunArtifactsHandler,
    RunTagsHandler,
    RunsDeleteHandler,
    RunsRestoreHandler,
    RunViewsHandler,
    RunViewHandler,
]
