"""Endpoints, as a kernel sees them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

from insighter_ext.kernel import prediction
from insighter_ext.kernel.collection import Collection
from insighter_ext.kernel.errors import (
    DeploymentFailed,
    DeploymentNotFound,
    DeploymentTimeout,
    InsighterClientError,
    NotFound,
    PredictionFailed,
    missing,
)
from insighter_ext.kernel.models import Models, ModelVersion
from insighter_ext.kernel.progress import Progress
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, when

_POLL = 0.3

_REFERENCE = re.compile(r"(?:models:/)?(?P<model>[^@]+?)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))?")


class Deployment(Card):
    """An endpoint: a model version behind an address."""

    def __init__(self, scope: Scope, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._seen = seen

    @property
    def name(self) -> str:
        """Its name; part of its address."""
        return str(self._seen["name"])

    @property
    def model(self) -> str:
        """The registered model it serves."""
        return str(self._seen["model"])

    @property
    def version(self) -> int:
        """The model's version."""
        return int(self._seen["version"])

    @property
    def status(self) -> str:
        """starting, healthy, failed or stopped; asked for now."""
        return str(self._refresh()["status"])

    @property
    def reason(self) -> str | None:
        """Why it failed, and what to do; asked for now."""
        found: str | None = self._refresh()["reason"]
        return found

    @property
    def log(self) -> Sequence[str]:
        """The last lines its process wrote; asked for now."""
        return [str(line) for line in self._refresh()["log"]]

    @property
    def url(self) -> str:
        """Where to POST to, seen from this machine.

        Whoever uses JupyterLab from elsewhere puts the address of their browser in front of ``/insighter/serve/…``.
        """
        return f"{self._scope.client.url}/{self._seen['path'].strip('/')}/invocations"

    def curl(self) -> str:
        """A command that asks the endpoint with its model's own example; ``$TOKEN`` is Jupyter's token.

        Example:
            >>> print(ix.deployments["wine"].curl())
        """
        body: Any = {"inputs": []}
        path = self._scope.path("models", self.model, "versions", self.version, "signature")
        try:
            signature = self._scope.client.get(*path)
        except InsighterClientError:
            signature = {"inputs": [], "example": None}
        if signature["example"]:
            example = signature["example"]
            body = {"dataframe_split": {"columns": example["columns"], "data": example["data"][:1]}}
        elif signature["inputs"] and all(field["name"] for field in signature["inputs"]):
            body = {
                "dataframe_split": {"columns": [field["name"] for field in signature["inputs"]], "data": []}
            }
        text = json.dumps(body).replace("'", "'\\''")
        return (
            f"curl -X POST '{self.url}' \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n"
            f"  -H 'Content-Type: application/json' \\\n  -d '{text}'"
        )

    def predict(self, data: Any, *, params: dict[str, Any] | None = None, timeout: float = 60) -> Any:
        """Ask the endpoint.

        Args:
            data: a DataFrame, a dict of columns, a list of dicts, or an array.
            params: parameters of the model, where its signature has some.
            timeout: in seconds.

        Returns:
            A Series (one value per row), a DataFrame (records) or an array (rows of values); the first two with the
            input's index.

        Raises:
            PredictionFailed: the endpoint refuses the input or fails on it, with its reason.
            InsighterClientError: it is not there, or not running.

        Example:
            >>> ix.deployments["wine"].predict(X.head())
        """
        body = prediction.payload(data)
        if params:
            body["params"] = params
        try:
            answer = self._scope.client.send("POST", url=self.url, json=body, timeout=timeout)
        except InsighterClientError as error:
            if error.status in {400, 422, 500}:
                raise PredictionFailed(
                    error.message,
                    status=error.status,
                    code=error.code,
                    hint=error.hint,
                    details=error.details,
                ) from None
            raise
        return prediction.result(answer, data)

    def wait(self, timeout: float = 120) -> Deployment:
        """Wait until it is healthy.

        Raises:
            DeploymentFailed: it failed; with its reason and the end of its log.
            DeploymentTimeout: it is still starting.
        """
        line, began = Progress(), time.monotonic()
        while True:
            seen = self._refresh()
            passed = time.monotonic() - began
            if seen["status"] == "healthy":
                line.done(f"{self.name}: healthy, serves {self.model} version {self.version}")
                return self
            if seen["status"] in {"failed", "stopped"}:
                line.done(f"{self.name}: {seen['status']}")
                reason = seen["reason"] or f"it is {seen['status']}"
                raise DeploymentFailed(self.name, reason, seen["log"])
            if passed > timeout:
                line.done(f"{self.name}: still starting")
                raise DeploymentTimeout(
                    f'the endpoint "{self.name}" is still starting after {passed:.0f} s',
                    code="timeout",
                    hint=f'It goes on; ix.deployments["{self.name}"].wait() waits again.',
                )
            line.update(f"{self.name}: starting, {passed:.0f} s")
            time.sleep(_POLL)

    def stop(self) -> Deployment:
        """Stop it; it can be started again."""
        self._seen = self._scope.client.post(*self._scope.path("deployments", self.name, "stop"))
        return self

    def start(self, *, wait: bool = True, timeout: float = 120) -> Deployment:
        """Start it again after it was stopped or has failed."""
        self._seen = self._scope.client.post(*self._scope.path("deployments", self.name, "start"))
        return self.wait(timeout) if wait else self

    def delete(self) -> None:
        """Stop it and move it to the trash; ``ix.trash`` brings it back, stopped."""
        self._scope.client.delete(*self._scope.path("deployments", self.name))

    def as_dict(self) -> dict[str, Any]:
        """As the API answers it; asked for now."""
        return dict(self._refresh())

    def _refresh(self) -> dict[str, Any]:
        self._seen = self._scope.client.get(*self._scope.path("deployments", self.name))
        return self._seen

    def _lines(self) -> Sequence[str]:
        seen = self._refresh()
        lines = [f"{self.name} · {seen['status']} · {self.model} version {self.version}", self.url]
        return [*lines, seen["reason"]] if seen["reason"] else lines


class Deployments(Collection[Deployment]):
    """The endpoints of a project.

    Example:
        >>> endpoint = ix.deployments.create("wine", "wine-quality@champion")
        >>> endpoint.predict(X.head())
        >>> endpoint.stop()
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def list(self) -> Table[Deployment]:
        """All endpoints."""
        found = self._scope.client.pages(*self._scope.path("deployments"))
        return Table(
            [Deployment(self._scope, item) for item in found],
            [
                ("endpoint", lambda row: row.name),
                ("status", lambda row: row._seen["status"]),
                ("model", lambda row: row.model),
                ("version", lambda row: row.version),
                ("address", lambda row: row._seen["path"]),
                ("updated", lambda row: when(row._seen["updated_at"])),
            ],
            'No endpoint yet: ix.deployments.create("name", "model@alias") makes the first.',
        )

    def create(
        self,
        name: str,
        version: ModelVersion | str,
        *,
        wait: bool = True,
        timeout: float = 120,
        port: int | None = None,
        replace: bool = False,
    ) -> Deployment:
        """Deploy a model version behind an address.

        Args:
            name: lower-case letters, digits and dashes; part of the address.
            version: a version, or ``"model@alias"``, ``"model/3"``, or ``"model"`` for its newest.
            wait: until it is healthy.
            timeout: how long, in seconds.
            port: a fixed local port; any free one where omitted.
            replace: an endpoint of that name is deleted first; until the new one is healthy its address is silent.

        Raises:
            DeploymentFailed: it did not become healthy; with the reason and the end of its log.
            DeploymentTimeout: it is still starting.
            ModelNotFound, ModelVersionNotFound: there is no such model, version or alias.

        Example:
            >>> endpoint = ix.deployments.create("wine", ix.models["wine-quality"].version("champion"))
        """
        wanted = version if isinstance(version, ModelVersion) else self.version(version)
        body: dict[str, Any] = {"name": name, "model": wanted.name, "version": wanted.version}
        if port is not None:
            body["port"] = port
        if replace and name in self:
            self[name].delete()
        made = Deployment(self._scope, self._scope.client.post(*self._scope.path("deployments"), json=body))
        return made.wait(timeout) if wait else made

    def version(self, reference: str) -> ModelVersion:
        """The model version that ``"model@alias"``, ``"model/3"`` or ``"model"`` (its newest) means.

        Raises:
            ModelNotFound, ModelVersionNotFound: there is no such model, version or alias.
        """
        match = _REFERENCE.fullmatch(str(reference).strip())
        if match is None:
            raise InsighterClientError(
                f"{reference!r} names no model version",
                code="bad_reference",
                hint='Write "model@alias" or "model/3".',
            )
        return Models(self._scope)[match["model"]].version(match["alias"] or match["version"])

    def __getitem__(self, name: str) -> Deployment:
        try:
            return Deployment(self._scope, self._scope.client.get(*self._scope.path("deployments", name)))
        except NotFound:
            names, where = self._names(), self._scope.where()
            raise missing(
                DeploymentNotFound, "endpoint", name, where, names, "ix.deployments.list()"
            ) from None

    def _names(self) -> Sequence[str]:
        return [item["name"] for item in self._scope.client.pages(*self._scope.path("deployments"))]
