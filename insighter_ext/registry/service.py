"""Registered models, for the panels, the SDK and the deployments; beside them MLflow's endpoints."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple
from uuid import UUID

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway, ObjectStore
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import Principal
from insighter_ext.registry import protocol
from insighter_ext.registry import signature as signatures
from insighter_ext.registry.aliases import AliasService
from insighter_ext.registry.endpoints import RegistryEndpoints
from insighter_ext.registry.models import (
    ModelSignature,
    ModelVersion,
    RegisteredModel,
    RegisteredModelDetail,
    RegisterModel,
)
from insighter_ext.registry.versions import VersionService
from insighter_ext.tracking.service import metric

_MLMODEL = "MLmodel"
_MAX_MLMODEL = 2 * 1024**2
_MAX_EXAMPLE = 16 * 1024**2


class ModelFile(NamedTuple):
    """A file of a model: its path relative to the model's folder, the key of its object, its size in bytes."""

    path: str
    key: str
    size: int


ModelFiles = list[ModelFile]


class RegistryService:
    """See the module.

    Attributes:
        mlflow: the endpoints of MLflow's protocol.
        aliases: what protects aliases, who moved them, what is asked for.
        versions: what is known of versions, and cards.
    """

    def __init__(self, data: DataGateway, objects: ObjectStore) -> None:
        self._data = data
        self._objects = objects
        self.mlflow = RegistryEndpoints(data)
        self.aliases = AliasService(data)
        self.versions = VersionService(data, self)

    async def list(self, principal: Principal, project_id: UUID, query: PageQuery) -> Page[RegisteredModel]:
        """A project's registered models, by name."""
        found = await self._data.call(principal, "models_list", project_id=project_id, **query.model_dump())
        items = [RegisteredModel(**_model(row)) for row in found["items"]]
        return Page[RegisteredModel](items=items, cursor=found["cursor"])

    async def get(self, principal: Principal, project_id: UUID, name: str) -> RegisteredModelDetail:
        """A registered model with all its versions, newest first."""
        row = await self._data.call(principal, "models_get", name=name, project_id=project_id, history=True)
        return RegisteredModelDetail(
            **{**_model(row), "history": [_version(item) for item in row["history"]]}
        )

    async def version(self, principal: Principal, project_id: UUID, name: str, version: int) -> ModelVersion:
        """One version."""
        row = await self._data.call(
            principal, "model_versions_get", name=name, version=str(version), project_id=project_id
        )
        return _version(row)

    async def resolve(self, principal: Principal, project_id: UUID, name: str, alias: str) -> ModelVersion:
        """The version that an alias points to; ``latest`` is the newest."""
        row = await self._data.call(
            principal, "model_versions_get", name=name, alias=alias, project_id=project_id
        )
        return _version(row)

    async def register(self, principal: Principal, project_id: UUID, body: RegisterModel) -> ModelVersion:
        """Make what a run logged, or a logged model, the next version of a name.

        Raises:
            Invalid: neither or both of run and model are named, or there is no model to register.
        """
        if (body.run_id is None) == (body.model_id is None):
            raise Invalid("say which model: give run_id or model_id", hint="one of them, not both")
        row = await self._data.call(
            principal,
            "models_register",
            project_id=project_id,
            name=protocol.model_name(body.name),
            run_id=body.run_id,
            model_id=body.model_id,
            description=body.description,
        )
        return _version(row)

    async def set_alias(
        self, principal: Principal, project_id: UUID, name: str, alias: str, version: int, why: str = ""
    ) -> RegisteredModel:
        """Point an alias to a version.

        Raises:
            Forbidden: it is protected: the hint says how to ask for the move.
            Conflict: a gate does not hold.
        """
        row = await self._data.call(
            principal,
            "models_set_alias",
            name=name,
            alias=protocol.alias_name(alias),
            version=str(version),
            project_id=project_id,
            why=why,
        )
        return RegisteredModel(**_model(row))

    async def delete(self, principal: Principal, project_id: UUID, name: str) -> None:
        """Move a model with its versions and aliases to the trash. Its files stay with the runs that logged them."""
        await self._data.call(principal, "models_delete", name=name, project_id=project_id)

    async def delete_alias(
        self, principal: Principal, project_id: UUID, name: str, alias: str, why: str = ""
    ) -> None:
        """Remove an alias."""
        await self._data.call(
            principal, "models_delete_alias", name=name, alias=alias, project_id=project_id, why=why
        )

    async def model_files(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> ModelFiles:
        """All files of a version; none where nothing was logged at its source."""
        found = await self._data.call(
            principal, "model_versions_files", name=name, version=str(version), project_id=project_id
        )
        return [ModelFile(**item) for item in found]

    async def signature(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> ModelSignature:
        """What a version takes and gives, as its MLmodel file says."""
        files = {file.path: file for file in await self.model_files(principal, project_id, name, version)}
        described = await self._read(principal, files.get(_MLMODEL), _MAX_MLMODEL)
        mlmodel = await asyncio.to_thread(signatures.parse, described or b"")
        example = await self._read(principal, files.get(signatures.example_path(mlmodel) or ""), _MAX_EXAMPLE)
        return await asyncio.to_thread(signatures.signature, mlmodel, example)

    async def read_file(self, principal: Principal, files: ModelFiles, path: str) -> bytes | None:
        """A small file of a model; None where it is not there, or too large to be what its name says."""
        return await self._read(
            principal, next((file for file in files if file.path == path), None), _MAX_MLMODEL
        )

    async def _read(self, principal: Principal, file: ModelFile | None, limit: int) -> bytes | None:
        if file is None or file.size > limit:
            return None
        return b"".join([chunk async for chunk in await self._objects.read(principal, file.key)])


def _version(row: dict[str, Any]) -> ModelVersion:
    return ModelVersion(**{**row, "metrics": [metric(item) for item in row["metrics"]]})


def _model(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "latest": _version(row["latest"]) if row["latest"] else None}
