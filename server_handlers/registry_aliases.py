"""Routes of the aliases of models, of what protects them, and of models' cards."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page
from insighter_ext.registry.alias_models import (
    AliasBoard,
    AliasCheck,
    AliasMove,
    AliasRequest,
    AliasRule,
    AliasRules,
    CheckQuery,
    DecideAlias,
    MovesQuery,
    PutAliasRule,
    RequestAlias,
    SetAlias,
    WhyQuery,
)
from insighter_ext.registry.models import RegisteredModel
from insighter_ext.registry.version_models import CardHistory, CardQuery, ModelCard, WriteCard
from server_handlers.base import ApiHandler, operation

_MODEL = "/projects/{project_id:uuid}/models/{name}"
_RULES = "/projects/{project_id:uuid}/alias-rules"


class ModelAliasesHandler(ApiHandler):
    """The aliases of a model."""

    path, tag = _MODEL + "/aliases", "models"

    @operation(
        "The aliases of a model, what protects them, and the moves asked for",
        returns=AliasBoard,
        errors=(404,),
    )
    async def get(self, project_id: UUID, name: str) -> AliasBoard:
        return await self.platform.registry.aliases.board(self.principal, project_id, name)


class ModelAliasHandler(ApiHandler):
    """An alias."""

    path, tag = _MODEL + "/aliases/{alias}", "models"

    @operation(
        "Point an alias to a version", body=SetAlias, returns=RegisteredModel, errors=(403, 404, 409, 422)
    )
    async def put(self, project_id: UUID, name: str, alias: str, body: SetAlias) -> RegisteredModel:
        return await self.platform.registry.set_alias(
            self.principal, project_id, name, alias, body.version, body.why
        )

    @operation("Remove an alias", query=WhyQuery, status=204, errors=(403, 404))
    async def delete(self, project_id: UUID, name: str, alias: str, query: WhyQuery) -> None:
        await self.platform.registry.delete_alias(self.principal, project_id, name, alias, query.why)


class ModelAliasCheckHandler(ApiHandler):
    """What stands in the way of a move."""

    path, tag = _MODEL + "/aliases/{alias}/check", "models"

    @operation(
        "What stands in the way of moving an alias: gates, role, approvals",
        query=CheckQuery,
        returns=AliasCheck,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, name: str, alias: str, query: CheckQuery) -> AliasCheck:
        return await self.platform.registry.aliases.check(
            self.principal, project_id, name, alias, query.version
        )


class ModelAliasMovesHandler(ApiHandler):
    """The history of a model's aliases."""

    path, tag = _MODEL + "/moves", "models"

    @operation(
        "Who moved which alias from where to where, when and why; newest first",
        query=MovesQuery,
        returns=Page[AliasMove],
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, name: str, query: MovesQuery) -> Page[AliasMove]:
        return await self.platform.registry.aliases.moves(self.principal, project_id, name, query)


class ModelAliasRequestsHandler(ApiHandler):
    """Moves that are asked for."""

    path, tag = _MODEL + "/requests", "models"

    @operation(
        "Ask for a move of a protected alias",
        body=RequestAlias,
        returns=AliasRequest,
        status=201,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, name: str, body: RequestAlias) -> AliasRequest:
        request = await self.platform.registry.aliases.request(self.principal, project_id, name, body)
        self.created("projects", project_id, "models", name, "requests", request.id)
        return request


class ModelAliasRequestHandler(ApiHandler):
    """One of them."""

    path, tag = _MODEL + "/requests/{request_id:uuid}", "models"

    @operation(
        "Approve, reject or withdraw a move that is asked for",
        body=DecideAlias,
        returns=AliasRequest,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, name: str, request_id: UUID, body: DecideAlias) -> AliasRequest:
        return await self.platform.registry.aliases.decide(self.principal, project_id, name, request_id, body)


class AliasRulesHandler(ApiHandler):
    """What protects aliases in a project."""

    path, tag = _RULES, "models"

    @operation("The rules that protect aliases in a project", returns=AliasRules, errors=(404,))
    async def get(self, project_id: UUID) -> AliasRules:
        return await self.platform.registry.aliases.rules(self.principal, project_id)

    @operation(
        "Protect an alias of one model or of all: role, approvals, gates",
        body=PutAliasRule,
        returns=AliasRule,
        errors=(403, 404, 409, 422),
    )
    async def put(self, project_id: UUID, body: PutAliasRule) -> AliasRule:
        return await self.platform.registry.aliases.put_rule(self.principal, project_id, body)


class AliasRuleHandler(ApiHandler):
    """One of them."""

    path, tag = _RULES + "/{rule_id:uuid}", "models"

    @operation("Take the protection off", status=204, errors=(403, 404))
    async def delete(self, project_id: UUID, rule_id: UUID) -> None:
        await self.platform.registry.aliases.delete_rule(self.principal, project_id, rule_id)


class ModelCardHandler(ApiHandler):
    """The card of a model, or of one of its versions."""

    path, tag = _MODEL + "/card", "models"

    @operation(
        "The card of a model or of a version: what people wrote, with what is known in its places",
        query=CardQuery,
        returns=ModelCard,
        errors=(404, 422),
    )
    async def get(self, project_id: UUID, name: str, query: CardQuery) -> ModelCard:
        return await self.platform.registry.versions.card(self.principal, project_id, name, query.version)

    @operation("Write the card", body=WriteCard, returns=ModelCard, errors=(403, 404, 409, 422))
    async def put(self, project_id: UUID, name: str, body: WriteCard) -> ModelCard:
        return await self.platform.registry.versions.write_card(self.principal, project_id, name, body)


class ModelCardHistoryHandler(ApiHandler):
    """What a card was before."""

    path, tag = _MODEL + "/card/history", "models"

    @operation("Every state of a card, newest first", query=CardQuery, returns=CardHistory, errors=(404, 422))
    async def get(self, project_id: UUID, name: str, query: CardQuery) -> CardHistory:
        return await self.platform.registry.versions.card_history(
            self.principal, project_id, name, query.version
        )


HANDLERS = [
    ModelAliasesHandler,
    ModelAliasHandler,
    ModelAliasCheckHandler,
    ModelAliasMovesHandler,
    ModelAliasRequestsHandler,
    ModelAliasRequestHandler,
    AliasRulesHandler,
    AliasRuleHandler,
    ModelCardHandler,
    ModelCardHistoryHandler,
]
