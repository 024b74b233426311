"""MLflow's REST protocol at ``/insighter/mlflow``: the address to give any MLflow client as its tracking URI."""

from __future__ import annotations

import json
import re
from typing import Any

from insighter_ext import __version__
from insighter_ext.errors import InsighterError, NotFound
from insighter_ext.models import Ready
from insighter_ext.platform import Platform
from insighter_ext.tracking.endpoints import Endpoint
from insighter_ext.tracking.protocol import Fields
from server_handlers.base import PlatformHandler, json_object

MLFLOW = "/insighter/mlflow"

MLFLOW_VERSION = "3.17.2"
"""The release of MLflow whose protocol this is."""

_ARGUMENT = re.compile(r"{(\w+)}")


def error_code(error: InsighterError) -> tuple[int, str]:
    """MLflow's HTTP status and error code for a domain error (``mlflow/exceptions.py``)."""
    if error.status == 409:
        # Clients take RESOURCE_ALREADY_EXISTS for "fine, it is there": nothing else may be called so.
        return (
            (400, "RESOURCE_ALREADY_EXISTS") if error.code.endswith("_exists") else (409, "RESOURCE_CONFLICT")
        )
    if error.code == "endpoint_not_found":
        return 404, "ENDPOINT_NOT_FOUND"
    return {
        400: (400, "INVALID_PARAMETER_VALUE"),
        401: (401, "UNAUTHENTICATED"),
        403: (403, "PERMISSION_DENIED"),
        404: (404, "RESOURCE_DOES_NOT_EXIST"),
        413: (400, "INVALID_PARAMETER_VALUE"),
        422: (400, "INVALID_PARAMETER_VALUE"),
        503: (503, "TEMPORARILY_UNAVAILABLE"),
        504: (504, "DEADLINE_EXCEEDED"),
    }.get(error.status, (500, "INTERNAL_ERROR"))


class Protocol(PlatformHandler):
    """What all of MLflow's routes share: its error body."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """``{"error_code", "message"}``; the hint follows the message, because clients show nothing else."""
        error = self.domain_error(status_code, kwargs)
        status, code = (405, "ENDPOINT_NOT_FOUND") if status_code == 405 else error_code(error)
        self.set_status(status)
        if status == 503:
            self.set_header("Retry-After", "2")
        self.set_header("X-Request-Id", getattr(self, "request_id", "-"))
        self.set_header("Content-Type", "application/json; charset=utf-8")
        message = f"{error.message} ({error.hint})" if error.hint else error.message
        self.finish(json.dumps({"error_code": code, "message": message}))

    def answer(self, value: dict[str, Any] | Ready) -> None:
        """Write JSON."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(value if isinstance(value, Ready) else json.dumps(value))


class MlflowHandler(Protocol):
    """Every endpoint that takes and gives JSON."""

    async def get(self, version: str, path: str) -> None:
        """Fields in the query string."""
        query = {
            name: values[0] if len(values) == 1 else values
            for name in self.request.query_arguments
            if (values := self.get_query_arguments(name, strip=False))
        }
        await self._run(path, query)

    async def post(self, version: str, path: str) -> None:
        """Fields in the body."""
        await self._run(path, self._body())

    async def patch(self, version: str, path: str) -> None:
        """Fields in the body."""
        await self._run(path, self._body())

    async def delete(self, version: str, path: str) -> None:
        """Fields in the body."""
        await self._run(path, self._body())

    def _body(self) -> dict[str, Any]:
        return json_object(b"" if self.request.body.strip() == b"null" else self.request.body)

    async def _run(self, path: str, values: dict[str, Any]) -> None:
        router = self.settings.get("insighter_mlflow")
        if router is None or router.platform is not self.platform:
            router = self.settings["insighter_mlflow"] = Router(self.platform)
        endpoint, arguments = router.find(self.request.method or "", path)
        self.answer(await endpoint(self.principal, Fields({**values, **arguments})))


class ServerInfoHandler(Protocol):
    """What clients ask before they use a feature."""

    async def get(self) -> None:
        """Nothing beyond the plain protocol."""
        self.answer({
            "store_type": "SqlStore",
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": False,
            "multipart_downloads_enabled": False,
        })  # fmt: skip


class VersionHandler(Protocol):
    """The version of the protocol."""

    async def get(self) -> None:
        """Plain text, as MLflow's server answers."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Server", f"Insighter/{__version__}")
        self.finish(MLFLOW_VERSION)


class HealthHandler(Protocol):
    """Whether the database answers."""

    async def get(self) -> None:
        """OK, as MLflow's server answers."""
        await self.platform.status(self.principal)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("OK")


class UnknownHandler(Protocol):
    """Everything else below the mount."""

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Whoever is known learns that there is nothing."""
        await super().prepare(_redirect_to_login=_redirect_to_login)
        raise unknown(self.request.method or "", self.request.path)


def unknown(method: str, path: str) -> NotFound:
    """MLflow's answer to a call of what a server does not have."""
    return NotFound(
        f"this server has no {method} {path}",
        code="endpoint_not_found",
        hint="it is not a part of MLflow that is built in",
    )


def _group(match: re.Match[str]) -> str:
    # Tags may hold slashes, and clients do not encode them.
    return f"(?P<{match[1]}>{'.+' if match[1] == 'tag_key' else '[^/]+'})"


class Router:
    """Finds the endpoint of a request. A path's own arguments become fields."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        table: dict[tuple[str, str], Endpoint] = {
            **platform.tracking.mlflow.table(),
            **platform.registry.mlflow.table(),
        }
        self._fixed = {key: endpoint for key, endpoint in table.items() if "{" not in key[1]}
        self._patterns = [
            (method, re.compile(_ARGUMENT.sub(_group, path)), endpoint)
            for (method, path), endpoint in table.items()
            if "{" in path
        ]

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and the arguments in the path.

        Raises:
            NotFound: there is none.
        """
        if (endpoint := self._fixed.get((method, path))) is not None:
            return endpoint, {}
        for known, pattern, found in self._patterns:
            if known == method and (match := pattern.fullmatch(path)):
                return found, match.groupdict()
        raise unknown(method, f"mlflow/{path}")


def routes() -> list[tuple[str, type[Protocol]]]:
    """MLflow's routes, artifacts included."""
    from server_handlers.mlflow_artifacts import ArtifactListHandler, ArtifactsHandler

    return [
        (MLFLOW + r"/api/2\.0/mlflow-artifacts/artifacts", ArtifactListHandler),
        (MLFLOW + r"/api/2\.0/mlflow-artifacts/artifacts/(.*)", ArtifactsHandler),
        (MLFLOW + r"/api/3\.0/mlflow/server-info", ServerInfoHandler),
        (MLFLOW + r"/api/(2|3)\.0/mlflow/(.*)", MlflowHandler),
        (MLFLOW + r"/version", VersionHandler),
        (MLFLOW + r"/health", HealthHandler),
        (MLFLOW + r"/(.*)", UnknownHandler),
    ]
