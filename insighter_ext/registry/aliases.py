"""Aliases of models: moves, what protects them, requests. Who may what is said in the database."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.gateways import DataGateway
from insighter_ext.models import Page
from insighter_ext.principal import Principal
from insighter_ext.registry import protocol
from insighter_ext.registry.alias_models import (
    AliasBoard,
    AliasCheck,
    AliasMove,
    AliasRequest,
    AliasRule,
    AliasRules,
    DecideAlias,
    MovesQuery,
    PutAliasRule,
    RequestAlias,
)


class AliasService:
    """See the module. Moving itself is the registry's ``set_alias`` and ``delete_alias``."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def board(self, principal: Principal, project_id: UUID, name: str) -> AliasBoard:
        """The aliases of a model, the rules for it, and the requests."""
        return AliasBoard(
            **await self._data.call(principal, "models_aliases", name=name, project_id=project_id)
        )

    async def check(
        self, principal: Principal, project_id: UUID, name: str, alias: str, version: int | None
    ) -> AliasCheck:
        """What stands in the way of a move to a version (null: of taking it off)."""
        found = await self._data.call(
            principal,
            "models_alias_check",
            name=name,
            alias=protocol.alias_name(alias),
            version=None if version is None else str(version),
            project_id=project_id,
        )
        return AliasCheck(**found)

    async def moves(
        self, principal: Principal, project_id: UUID, name: str, query: MovesQuery
    ) -> Page[AliasMove]:
        """Who moved what from where to where, when and why; newest first."""
        found = await self._data.call(
            principal, "models_alias_moves", name=name, project_id=project_id, **query.model_dump()
        )
        return Page[AliasMove](items=[AliasMove(**item) for item in found["items"]], cursor=found["cursor"])

    async def request(
        self, principal: Principal, project_id: UUID, name: str, body: RequestAlias
    ) -> AliasRequest:
        """Ask for a move.

        Raises:
            Conflict: the alias is not protected, or is there already; a gate does not hold; somebody has asked before.
        """
        found = await self._data.call(
            principal,
            "models_request_alias",
            name=name,
            alias=protocol.alias_name(body.alias),
            version=None if body.version is None else str(body.version),
            why=body.why,
            project_id=project_id,
        )
        return AliasRequest(**found)

    async def decide(
        self, principal: Principal, project_id: UUID, name: str, request_id: UUID, body: DecideAlias
    ) -> AliasRequest:
        """Approve, reject or withdraw a request. The approval that completes it moves the alias.

        Raises:
            Conflict: it is decided already, has expired, or a gate does not hold (any more).
        """
        found = await self._data.call(
            principal,
            "models_decide_alias",
            name=name,
            id=request_id,
            decision=body.decision,
            why=body.why,
            project_id=project_id,
        )
        return AliasRequest(**found)

    async def rules(self, principal: Principal, project_id: UUID) -> AliasRules:
        """All rules of a project."""
        return AliasRules(**await self._data.call(principal, "alias_rules_list", project_id=project_id))

    async def put_rule(self, principal: Principal, project_id: UUID, body: PutAliasRule) -> AliasRule:
        """Make a rule, or change the one of that model and pattern."""
        found = await self._data.call(
            principal, "alias_rules_put", project_id=project_id, **body.model_dump()
        )
        return AliasRule(**found)

    async def delete_rule(self, principal: Principal, project_id: UUID, rule_id: UUID) -> None:
        """Take the protection off."""
        await self._data.call(principal, "alias_rules_delete", project_id=project_id, id=rule_id)
