"""What MLflow's own web pages ask beside the protocol of its clients."""

from __future__ import annotations

from insighter_ext.errors import BadRequest, Invalid, TooLarge
from insighter_ext.tracking.artifacts import Location, artifact_path
from insighter_ext.tracking.graphql import GraphQL
from insighter_ext.tracking.protocol import Fields
from server_handlers.base import json_object
from server_handlers.mlflow import MLFLOW, Protocol, router_of
from server_handlers.mlflow_artifacts import send_file

_MOST_UPLOADED = 10 * 1024**2


class Page(Protocol):
    """What the routes of this module share."""

    def asked(self, *names: str) -> str:
        """An argument of the query string, under the first of its names that is there.

        Raises:
            Invalid: it is missing.
        """
        for name in names:
            if value := self.get_query_argument(name, "", strip=False):
                return value
        raise Invalid(f"Request must specify {names[-1]}.")


class RunFileHandler(Page):
    """A file of a run."""

    async def get(self) -> None:
        """Its bytes."""
        run_id = self.asked("run_id", "run_uuid")
        await send_file(self, Location.parse(f"runs/{run_id}/artifacts/{artifact_path(self.asked('path'))}"))


class VersionFileHandler(Page):
    """A file of a model version."""

    async def get(self) -> None:
        """Its bytes."""
        fields = {"name": self.asked("name"), "version": self.asked("version")}
        path = artifact_path(self.asked("path"))
        endpoint, _ = router_of(self).find("GET", "model-versions/get-download-uri")
        found = await endpoint(self.principal, Fields(fields))
        assert isinstance(found, dict)
        root = found["artifact_uri"].removeprefix("mlflow-artifacts:/")
        await send_file(self, Location.parse(f"{root}/{path}"))


class ModelFileHandler(Page):
    """A file of a logged model."""

    async def get(self, model_id: str) -> None:
        """Its bytes."""
        path = artifact_path(self.asked("artifact_file_path"))
        await send_file(self, Location.parse(f"models/{model_id}/artifacts/{path}"))


class UploadHandler(Page):
    """A small file from a page into a run."""

    async def post(self) -> None:
        """The body is the file."""
        run_id, path = self.asked("run_uuid"), artifact_path(self.asked("path"))
        if not self.request.body:
            raise Invalid("Request must specify data.")
        if len(self.request.body) > _MOST_UPLOADED:
            raise TooLarge("Artifact size is too large. Max size is 10MB.", hint="upload it with a client")
        location = Location.parse(f"runs/{run_id}/artifacts/{path}")
        await self.platform.tracking.files.store(self.principal, location, self.request.body)
        self.answer({})


class TelemetryHandler(Protocol):
    """Whether the pages may report how they are used: they may not."""

    async def get(self) -> None:
        """Nothing is sent anywhere."""
        self.answer({
            "disable_ui_telemetry": True,
            "disable_ui_events": [],
            "ui_rollout_percentage": 0,
        })  # fmt: skip

    async def post(self) -> None:
        """What comes all the same is dropped."""
        self.answer({"status": "disabled"})


class GraphQLHandler(Protocol):
    """Queries of the pages."""

    async def post(self) -> None:
        """A query in the body."""
        body = json_object(self.request.body)
        query, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
        if not isinstance(query, str):
            raise BadRequest("the body has no query")
        if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
            raise BadRequest("variables must be an object, and operationName a text")
        pages = GraphQL(router_of(self).find)
        self.answer(await pages.answer(self.principal, query, variables or {}, operation))


BELOW_API: list[tuple[str, type[Protocol]]] = [
    (r"/2\.0/mlflow/logged-models/([^/]+)/artifacts/files", ModelFileHandler),
    (r"/2\.0/mlflow/upload-artifact", UploadHandler),
    (r"/3\.0/mlflow/ui-telemetry", TelemetryHandler),
]

ROUTES: list[tuple[str, type[Protocol]]] = [
    (MLFLOW + r"/get-artifact", RunFileHandler),
    (MLFLOW + r"/model-versions/get-artifact", VersionFileHandler),
    (MLFLOW + r"/graphql", GraphQLHandler),
]
