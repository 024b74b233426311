"""What is known of a version; two of them side by side; the card of a model."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol
from uuid import UUID

from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.registry import cards, comparing, signature
from insighter_ext.registry.models import ModelVersion, RegisteredModelDetail
from insighter_ext.registry.packaging import packaging
from insighter_ext.registry.version_models import (
    CardHistory,
    ModelCard,
    VersionComparison,
    VersionDetail,
    VersionFile,
    VersionMetric,
    WriteCard,
)
from insighter_ext.tracking.service import metric

_MOST_FILES = 1000


class Registry(Protocol):
    """What this needs of the registry."""

    async def get(self, principal: Principal, project_id: UUID, name: str) -> RegisteredModelDetail: ...

    async def model_files(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> list[Any]: ...

    async def read_file(self, principal: Principal, files: list[Any], path: str) -> bytes | None: ...


class VersionService:
    """See the module."""

    def __init__(self, data: DataGateway, registry: Registry) -> None:
        self._data = data
        self._registry = registry

    async def detail(self, principal: Principal, project_id: UUID, name: str, version: int) -> VersionDetail:
        """All that is known of a version. Its files are read, never loaded."""
        return (await self._detail(principal, project_id, name, version))[0]

    async def _detail(
        self, principal: Principal, project_id: UUID, name: str, version: int
    ) -> tuple[VersionDetail, dict[str, str]]:
        row = await self._data.call(
            principal, "model_versions_detail", name=name, version=str(version), project_id=project_id
        )
        files = await self._registry.model_files(principal, project_id, name, version)
        described = await self._registry.read_file(principal, files, "MLmodel")
        requirements = await self._registry.read_file(principal, files, "requirements.txt")
        mlmodel = await asyncio.to_thread(signature.parse, described or b"")
        paths = [file.path for file in files]
        found = VersionDetail(
            **{
                **row,
                "metrics": [metric(item) for item in row["metrics"]],
                "measured": [_measured(item) for item in row["measured"]],
            },
            packaging=packaging(mlmodel, requirements, signature.signature(mlmodel, None), paths),
            size=sum(file.size for file in files),
            file_count=len(files),
            files=[VersionFile(path=file.path, size=file.size) for file in files[:_MOST_FILES]],
        )
        return found, {file.path: file.key for file in files}

    async def compare(
        self, principal: Principal, project_id: UUID, name: str, left: int, right: int
    ) -> VersionComparison:
        """Two versions side by side."""
        one, its_keys = await self._detail(principal, project_id, name, left)
        other, other_keys = await self._detail(principal, project_id, name, right)
        return await asyncio.to_thread(comparing.compare, one, other, its_keys, other_keys)

    async def card(self, principal: Principal, project_id: UUID, name: str, version: int | None) -> ModelCard:
        """A card: what people wrote of the version, else of the model, else what is known alone."""
        model = await self._registry.get(principal, project_id, name)
        found = await self._data.call(
            principal,
            "models_card",
            name=name,
            version=None if version is None else str(version),
            project_id=project_id,
        )
        written = found["version"] or found["model"]
        own = found["version"] if version is not None else found["model"]
        shows = version if version is not None else _shown(model)
        detail = None if shows is None else await self.detail(principal, project_id, name, shows)
        text = written["body"] if written else cards.generated(model.description)
        return ModelCard(
            name=name,
            version=version,
            shows=shows,
            source="version" if found["version"] else "model" if found["model"] else "generated",
            revision=own["revision"] if own else 0,
            body=written["body"] if written else cards.beginning(model.description),
            markdown=await asyncio.to_thread(cards.render, text, model, detail),
            by=written["by"] if written else None,
            at=written["at"] if written else None,
            parts=cards.PARTS,
        )

    async def write_card(
        self, principal: Principal, project_id: UUID, name: str, body: WriteCard
    ) -> ModelCard:
        """Write a card, as its next revision.

        Raises:
            Conflict: somebody else wrote it meanwhile; ``details`` has both texts.
        """
        await self._data.call(
            principal,
            "models_write_card",
            name=name,
            body=body.body,
            revision=body.revision,
            version=None if body.version is None else str(body.version),
            project_id=project_id,
        )
        return await self.card(principal, project_id, name, body.version)

    async def card_history(
        self, principal: Principal, project_id: UUID, name: str, version: int | None
    ) -> CardHistory:
        """Every state of a card, newest first."""
        found = await self._data.call(
            principal,
            "models_card_history",
            name=name,
            version=None if version is None else str(version),
            project_id=project_id,
        )
        return CardHistory(**found)


def _shown(model: RegisteredModelDetail) -> int | None:
    """The version that a model's card tells of: the one in use, else the newest."""
    newest: ModelVersion | None = model.latest
    return model.aliases.get("champion", newest.version if newest else None)


def _measured(row: dict[str, Any]) -> VersionMetric:
    plain = metric(row)
    return VersionMetric(
        **plain.model_dump(), **{key: row[key] for key in ("dataset", "digest", "run_id", "source")}
    )
