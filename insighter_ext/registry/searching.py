"""MLflow's searches of registered models and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.registry import protocol
from insighter_ext.tracking.protocol import Fields, Json, page
from insighter_ext.tracking.search.vocabularies import MODEL_VERSIONS, REGISTERED_MODELS
from insighter_ext.tracking.searching import search_arguments

if TYPE_CHECKING:
    from insighter_ext.tracking.endpoints import Endpoint


class SearchEndpoints:
    """See the module. What is searched is the caller's project."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint."""
        return {
            ("GET", "registered-models/search"): self.models,
            ("GET", "model-versions/search"): self.versions,
        }

    async def models(self, principal: Principal, fields: Fields) -> Json:
        """Registered models; by name, where no order is given. Prompts only where the filter asks for them."""
        found = await self._data.call(
            principal,
            "models_search",
            limit=fields.limit(100, 1000),
            **search_arguments(fields, REGISTERED_MODELS),
        )
        rows = [protocol.registered_model(row) for row in found["items"]]
        return page("registered_models", rows, found["cursor"])

    async def versions(self, principal: Principal, fields: Fields) -> Json:
        """Versions; last changed first, where no order is given. Of prompts only where the filter asks for them."""
        found = await self._data.call(
            principal,
            "model_versions_search",
            limit=fields.limit(10_000, 200_000),
            **search_arguments(fields, MODEL_VERSIONS),
        )
        rows = [protocol.model_version(row) for row in found["items"]]
        return page("model_versions", rows, found["cursor"])
