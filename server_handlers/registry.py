"""Routes of registered models."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page, PageQuery
from insighter_ext.registry.models import (
    ModelSignature,
    ModelVersion,
    RegisteredModel,
    RegisteredModelDetail,
    RegisterModel,
)
from insighter_ext.registry.version_models import CompareQuery, VersionComparison, VersionDetail
from server_handlers.base import ApiHandler, operation

_MODELS = "/projects/{project_id:uuid}/models"


class ModelsHandler(ApiHandler):
    """All registered models of a project."""

    path, tag = _MODELS, "models"

    @operation(
        "A project's registered models, by name",
        query=PageQuery,
        returns=Page[RegisteredModel],
        errors=(404,),
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[RegisteredModel]:
        return await self.platform.registry.list(self.principal, project_id, query)

    @operation(
        "Register a model that a run logged, as the next version of a name",
        body=RegisterModel,
        returns=ModelVersion,
        status=201,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: RegisterModel) -> ModelVersion:
        version = await self.platform.registry.register(self.principal, project_id, body)
        self.created("projects", project_id, "models", version.name, "versions", version.version)
        return version


class ModelHandler(ApiHandler):
    """One registered model."""

    path, tag = _MODELS + "/{name}", "models"

    @operation("A registered model with all its versions", returns=RegisteredModelDetail, errors=(404,))
    async def get(self, project_id: UUID, name: str) -> RegisteredModelDetail:
        return await self.platform.registry.get(self.principal, project_id, name)

    @operation(
        "Move a registered model with all its versions to the trash", status=204, errors=(403, 404, 409)
    )
    async def delete(self, project_id: UUID, name: str) -> None:
        await self.platform.registry.delete(self.principal, project_id, name)


class ModelVersionHandler(ApiHandler):
    """One version."""

    path, tag = _MODELS + "/{name}/versions/{version:int}", "models"

    @operation("A model version", returns=ModelVersion, errors=(404,))
    async def get(self, project_id: UUID, name: str, version: int) -> ModelVersion:
        return await self.platform.registry.version(self.principal, project_id, name, version)


class ModelSignatureHandler(ApiHandler):
    """What a version takes and gives."""

    path, tag = _MODELS + "/{name}/versions/{version:int}/signature", "models"

    @operation("A model version's signature", returns=ModelSignature, errors=(404,))
    async def get(self, project_id: UUID, name: str, version: int) -> ModelSignature:
        return await self.platform.registry.signature(self.principal, project_id, name, version)


class ModelVersionDetailHandler(ApiHandler):
    """All that is known of a version."""

    path, tag = _MODELS + "/{name}/versions/{version:int}/detail", "models"

    @operation(
        "All that is known of a model version: metrics, files, datasets, how it is packed",
        returns=VersionDetail,
        errors=(404,),
    )
    async def get(self, project_id: UUID, name: str, version: int) -> VersionDetail:
        return await self.platform.registry.versions.detail(self.principal, project_id, name, version)


class ModelComparisonHandler(ApiHandler):
    """Two versions side by side."""

    path, tag = _MODELS + "/{name}/compare", "models"

    @operation(
        "Two versions of a model side by side, what differs marked",
        query=CompareQuery,
        returns=VersionComparison,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, name: str, query: CompareQuery) -> VersionComparison:
        return await self.platform.registry.versions.compare(
            self.principal, project_id, name, query.left, query.right
        )


HANDLERS = [
    ModelsHandler,
    ModelHandler,
    ModelVersionHandler,
    ModelSignatureHandler,
    ModelVersionDetailHandler,
    ModelComparisonHandler,
]
