"""MLflow's REST protocol at ``/insighter/mlflow``: the address to give any MLflow client as its tracking URI."""

from __future__ import annotations

import json
import re
from typing import Any

from insighter_ext import __version__
from insighter_ext.credentials.service import PREFIX, TOKEN_PREFIX
from insighter_ext.errors import NotFound
from insighter_ext.models import Ready
from insighter_ext.platform import Platform
from insighter_ext.principal import Principal
from insighter_ext.tracking.endpoints import Endpoint
from insighter_ext.tracking.error_codes import error_code
from insighter_ext.tracking.points import Unusual
from insighter_ext.tracking.protocol import Fields
from insighter_ext.tracking.workspaces import HEADER
from server_handlers.base import PlatformHandler, json_object

MLFLOW = "/insighter/mlflow"

APIS = (MLFLOW + "/api", MLFLOW + "/ajax-api")
"""Clients ask below the first; MLflow's own web pages ask the same below the second."""

MLFLOW_VERSION = "3.17.2"
"""The release of MLflow whose protocol this is."""

_ARGUMENT = re.compile(r"{(\w+)}")


class Protocol(PlatformHandler):
    """What all of MLflow's routes share: the project that a request names, and MLflow's error body."""

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Whoever asks acts in the workspace that the header names, and in no other project."""
        await super().prepare(_redirect_to_login=_redirect_to_login)
        if name := self.request.headers.get(HEADER):
            self.principal = await self.platform.tracking.workspaces.enter(self.principal, name)

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

    def set_secure_cookie(self, *arguments: Any, **options: Any) -> None:
        """Jupyter remembers who came with its token; a program that sends it with each request has no use for that."""
        if "Authorization" not in self.request.headers:
            super().set_secure_cookie(*arguments, **options)

    async def _resolve(self, credential: str) -> Principal:
        # These ask for themselves, in the transaction that writes, whether the credential still stands.
        if credential.startswith((PREFIX, TOKEN_PREFIX)) and (
            (self.request.method or "", self.path_args[-1]) in router_of(self).asking
        ):
            return await self.platform.credentials.resolve_lately(credential)
        return await super()._resolve(credential)

    async def get(self, version: str, path: str) -> None:
        """Fields in the query string."""
        query = {
            name: values[0] if len(values) == 1 else values
            for name in self.request.query_arguments
            if (values := self.get_query_arguments(name, strip=False))
        }
        await self._run(path, query)

    async def post(self, version: str, path: str) -> None:
        """Fields in the body; what is called thousands of times a second takes the body as it is."""
        short = router_of(self).short_ways.get(path)
        if short is not None:
            try:
                answer = await short(self.principal, self.request.body)
            except Unusual:
                pass
            else:
                self.answer(answer)
                return
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
        endpoint, arguments = router_of(self).find(self.request.method or "", path)
        self.answer(await endpoint(self.principal, Fields({**values, **arguments})))


class ServerInfoHandler(Protocol):
    """What clients ask before they use a feature."""

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """The same is told in every workspace, and to whoever names one that is not there."""
        await PlatformHandler.prepare(self, _redirect_to_login=_redirect_to_login)

    async def get(self) -> None:
        """Nothing beyond the plain protocol."""
        self.answer({
            "store_type": "SqlStore",
            "workspaces_enabled": True,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": self.platform.mode == "embedded",
            # Reading in one go is faster here; who asks for passes all the same gets them.
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
        self.short_ways = platform.tracking.mlflow.logging.short_ways()
        self.asking = platform.tracking.mlflow.logging.table().keys()
        self.table: dict[tuple[str, str], Endpoint] = {
            **platform.tracking.mlflow.table(),
            **platform.tracking.workspaces.table(),
            **platform.registry.mlflow.table(),
            **platform.traces.mlflow.table(),
            **platform.webhooks.mlflow.table(),
        }
        self._fixed = {key: endpoint for key, endpoint in self.table.items() if "{" not in key[1]}
        self._patterns = [
            (method, re.compile(_ARGUMENT.sub(_group, path)), endpoint)
            for (method, path), endpoint in self.table.items()
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


def router_of(handler: Protocol) -> Router:
    """The router of the platform that runs now."""
    router: Router | None = handler.settings.get("insighter_mlflow")
    if router is None or router.platform is not handler.platform:
        router = handler.settings["insighter_mlflow"] = Router(handler.platform)
    return router


def routes() -> list[tuple[str, type[Protocol]]]:
    """MLflow's routes, artifacts included."""
    from server_handlers import mlflow_artifacts, mlflow_multipart, mlflow_pages, mlflow_traces

    return [
        *((api + path, handler) for api in APIS for path, handler in mlflow_traces.BELOW_API),
        *((api + path, handler) for api in APIS for path, handler in mlflow_artifacts.BELOW_API),
        *((api + path, handler) for api in APIS for path, handler in mlflow_multipart.BELOW_API),
        *((api + path, handler) for api in APIS for path, handler in mlflow_pages.BELOW_API),
        *mlflow_pages.ROUTES,
        (MLFLOW + r"/ajax-api/[23]\.0/mlflow/get-trace-artifact", mlflow_traces.TraceArtifactHandler),
        *((api + r"/3\.0/mlflow/server-info", ServerInfoHandler) for api in APIS),
        *((api + r"/(2|3)\.0/mlflow/(.*)", MlflowHandler) for api in APIS),
        (MLFLOW + r"/v1/traces", mlflow_traces.OtlpHandler),
        (MLFLOW + r"/version", VersionHandler),
        (MLFLOW + r"/health", HealthHandler),
        (MLFLOW + r"/(.*)", UnknownHandler),
    ]
