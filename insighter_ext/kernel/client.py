"""The one HTTP client of a Python process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from insighter_ext.kernel.errors import (
    CredentialExpired,
    InsighterClientError,
    NotConnected,
    NotFound,
    ProjectNotFound,
    ServerUnreachable,
    missing,
)

if TYPE_CHECKING:
    import httpx

API = "insighter/api"

_TIMEOUT = 60.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Client:
    """Speaks to one server with one credential, keeping connections alive. Threads may share it.

    Args:
        url: the server's base address, as in ``http://127.0.0.1:8888`` or ``https://hub/user/ana``.
        token: a kernel's credential, or the token of Jupyter.
        project: id of the project to work in; the account's own where omitted.
    """

    def __init__(self, url: str, token: str, project: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._project = project
        self._mlflow_project: str | None = None
        self._http: httpx.Client | None = None
        self._process = 0
        self._lock = threading.Lock()

    @property
    def project_id(self) -> str:
        """The project to work in."""
        if self._project is None:
            self._project = str(self.get("status")["personal_project"])
        return self._project

    @property
    def mlflow(self) -> str:
        """The server's address for MLflow's clients."""
        return f"{self.url}/insighter/mlflow"

    @property
    def mlflow_project(self) -> str:
        """The project that MLflow's protocol, which knows no projects, reaches with this token."""
        if self._mlflow_project is None:
            status = self.get("status")
            self._mlflow_project = str(status["me"]["project_id"] or status["personal_project"])
        return self._mlflow_project

    @property
    def http(self) -> httpx.Client:
        """The underlying client; after a fork the child gets one of its own."""
        with self._lock:
            if self._http is None or self._process != os.getpid():
                import httpx

                self._http = httpx.Client(
                    # Whoever is about to sign in has none yet.
                    headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
                    timeout=httpx.Timeout(_TIMEOUT, connect=10.0),
                    # A proxy that leads out of the house does not lead back in.
                    trust_env=urlsplit(self.url).hostname not in _LOOPBACK,
                )
                self._process = os.getpid()
            return self._http

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None and self._process == os.getpid():
            self._http.close()
        self._http = None

    def get(self, *path: object, **query: Any) -> Any:
        """GET JSON; path segments are escaped."""
        return self.send("GET", *path, query=query)

    def post(self, *path: object, json: Any = None, **query: Any) -> Any:
        """POST JSON."""
        return self.send("POST", *path, json={} if json is None else json, query=query)

    def put(self, *path: object, json: Any = None) -> Any:
        """PUT JSON."""
        return self.send("PUT", *path, json={} if json is None else json)

    def delete(self, *path: object, json: Any = None) -> None:
        """DELETE."""
        self.send("DELETE", *path, json=json)

    def pages(self, *path: object, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor = None
        while True:
            page = self.get(*path, limit=500, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["cursor"]
            if cursor is None:
                return

    def address(self, *path: object) -> str:
        """The address of a route of the JSON API."""
        return "/".join([self.url, API, *(quote(str(part), safe="") for part in path)])

    def send(
        self,
        method: str,
        *path: object,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        url: str | None = None,
        timeout: float = _TIMEOUT,
    ) -> Any:
        """Send a request and answer its JSON; None for 204.

        Raises:
            InsighterClientError: or the subclass that says what happened.
        """
        import httpx

        query = {key: value for key, value in (query or {}).items() if value is not None}
        request = self.http.build_request(
            method, url or self.address(*path), json=json, params=query or None, content=content, headers=headers,
            timeout=timeout,
        )  # fmt: skip
        try:
            try:
                answer = self.http.send(request)
            except httpx.RemoteProtocolError:
                # The server has closed a connection that was kept alive; what changes nothing may be asked again.
                if method != "GET":
                    raise
                answer = self.http.send(request)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.is_error:
            raise failure(answer.status_code, answer.content)
        return answer.json() if answer.content else None

    @contextmanager
    def stream(self, *path: object, query: Mapping[str, Any] | None = None) -> Iterator[httpx.Response]:
        """GET bytes as they come.

        Raises:
            InsighterClientError: as :meth:`send`.
        """
        import httpx

        try:
            with self.http.stream("GET", self.address(*path), params=query) as answer:
                if answer.is_error:
                    raise failure(answer.status_code, answer.read())
                yield answer
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        import httpx

        if isinstance(error, httpx.TimeoutException):
            return ServerUnreachable(
                f"the server at {self.url} took too long to answer", code="timeout", hint="try again"
            )
        return ServerUnreachable(
            f"the server at {self.url} does not answer ({str(error) or type(error).__name__})",
            code="unreachable",
            hint="check that Jupyter still runs; after its restart, restart this kernel too",
        )


def failure(status: int, content: bytes) -> InsighterClientError:
    """The error in an answer of the server."""
    import json

    try:
        body = json.loads(content)
        message, hint = str(body["message"]), body.get("hint")
        code, details = body.get("code") or body.get("error_code") or "error", body.get("details")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, hint, code, details = f"the server answered with status {status}", None, "error", None
    if status == 401:
        return CredentialExpired(
            message, status=401, code=code, hint=hint or "restart the kernel: it gets a new credential"
        )
    kind = NotFound if status == 404 else InsighterClientError
    return kind(message, status=status, code=code, hint=hint, details=details)


_connected: Client | None = None


def connect(url: str, token: str, project: str | None = None) -> Client:
    """Work with a server from outside of its kernels, until the end of this process.

    MLflow is pointed to the server too, where it has no tracking server of its own; its protocol knows no projects, so
    this goes for the account's own project only.

    Args:
        url: the server's base address, as in the browser, without ``/lab``.
        token: the token of Jupyter (``jupyter server list`` shows it).
        project: id, name or slug; the account's own project where omitted.

    Raises:
        ProjectNotFound: there is no such project.
        InsighterClientError: the server does not answer, or not with Insighter's API.

    Example:
        >>> import insighter_ext as ix
        >>> ix.connect("http://localhost:8888", token, project="Wine quality")
    """
    global _connected
    client = Client(url, token)
    own = client.mlflow_project
    if project is not None:
        known = list(client.pages("projects"))
        for item in known:
            if project in (item["id"], item["slug"]) or project.casefold() == item["name"].casefold():
                client._project = item["id"]
                break
        else:
            names = [item["name"] for item in known]
            raise missing(
                ProjectNotFound,
                "project",
                project,
                f"the server at {client.url}",
                names,
                "ix.projects.list()",
            )
    else:
        client._project = own
    ours = _connected.mlflow if _connected else ""
    if client.project_id == own and os.environ.get("MLFLOW_TRACKING_URI", ours) == ours:
        os.environ["MLFLOW_TRACKING_URI"] = client.mlflow
        os.environ["MLFLOW_TRACKING_TOKEN"] = token
    _connected = client
    return client


def current() -> Client:
    """The client of this process: of :func:`connect`, else of the kernel's environment.

    Raises:
        NotConnected: there is neither.
    """
    global _connected
    if _connected is None:
        try:
            url, token = os.environ["INSIGHTER_URL"], os.environ["INSIGHTER_TOKEN"]
        except KeyError:
            raise NotConnected(
                "this Python is not connected to Insighter",
                code="not_connected",
                hint="Start the notebook from a JupyterLab with Insighter (restart the kernel if it ran before), or"
                ' call insighter_ext.connect("http://localhost:8888", "<token>") first.',
            ) from None
        _connected = Client(url, token, os.environ.get("INSIGHTER_PROJECT"))
    return _connected
