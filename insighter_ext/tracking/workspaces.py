"""MLflow's workspaces: a project is one, by the name of its slug."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from insighter_ext.errors import Invalid, NotFound
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.tracking.protocol import Fields, Json

if TYPE_CHECKING:
    from insighter_ext.tracking.endpoints import Endpoint

HEADER = "X-MLFLOW-WORKSPACE"
"""The header by which clients name one (``mlflow/utils/workspace_utils.py``)."""

_DEFAULT = "default"
_REMEMBERED = 10_000
_SECONDS = 30


class Workspaces:
    """See the module."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data
        # What a remembered name opens is asked of the database with each call all the same.
        self._known: OrderedDict[tuple[UUID, str], tuple[UUID, float]] = OrderedDict()

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint."""
        return {
            ("GET", "workspaces"): self.list,
            ("POST", "workspaces"): self.change,
            ("GET", "workspaces/{workspace_name}"): self.get,
            ("PATCH", "workspaces/{workspace_name}"): self.change,
            ("DELETE", "workspaces/{workspace_name}"): self.change,
        }

    async def enter(self, principal: Principal, name: str) -> Principal:
        """The caller, confined to the project that a request names.

        Confined as a kernel is: the claims name the project, and row-level security lets nothing else through.

        Args:
            principal: whoever asks.
            name: of the workspace, as the header says it.

        Raises:
            NotFound: there is none of that name that the caller sees; or the caller is confined to another.
        """
        name = name.strip()
        if name in {"", _DEFAULT}:
            return principal
        project_id, until = self._known.get((principal.user_id, name), (None, 0.0))
        if project_id is None or until < time.monotonic():
            project_id = UUID((await self._data.call(principal, "workspaces_get", name=name))["id"])
            self._known[principal.user_id, name] = project_id, time.monotonic() + _SECONDS
            self._known.move_to_end((principal.user_id, name))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        if principal.project_id == project_id:
            return principal
        if principal.project_id is not None:
            raise NotFound(f"Workspace '{name}' not found", code="workspace_not_found")
        # Without the token that proves the person: it says nothing of the project.
        return replace(principal, project_id=project_id, token=None)

    async def list(self, principal: Principal, fields: Fields) -> Json:
        """The caller's projects."""
        found = await self._data.call(principal, "workspaces_list")
        return {"workspaces": [_workspace(row) for row in found]}

    async def get(self, principal: Principal, fields: Fields) -> Json:
        """One project that the caller sees."""
        name = fields.required("workspace_name")
        return {"workspace": _workspace(await self._data.call(principal, "workspaces_get", name=name))}

    async def change(self, principal: Principal, fields: Fields) -> Json:
        """Projects are made, described and deleted elsewhere.

        Raises:
            Invalid: always.
        """
        raise Invalid(
            "workspaces are not changed through MLflow's protocol",
            code="feature_disabled",
            hint="a workspace is a project: make or delete it in Insighter",
        )


def _workspace(row: dict[str, Any]) -> Json:
    return {"name": row["name"], "description": row["description"]}
