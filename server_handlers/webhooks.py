"""Routes of webhooks."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.models import Page, PageQuery
from insighter_ext.webhooks.models import CreateWebhook, Delivery, SendTest, UpdateWebhook, Webhook
from server_handlers.base import ApiHandler, operation

_WEBHOOKS = "/projects/{project_id:uuid}/webhooks"
_WEBHOOK = _WEBHOOKS + "/{webhook_id}"


class WebhooksHandler(ApiHandler):
    """All webhooks of a project."""

    path, tag = _WEBHOOKS, "webhooks"

    @operation(
        "A project's webhooks, newest first", query=PageQuery, returns=Page[Webhook], errors=(403, 404)
    )
    async def get(self, project_id: UUID, query: PageQuery) -> Page[Webhook]:
        return await self.platform.webhooks.list(self.principal, project_id, query)

    @operation(
        "Call an address when something happens to models",
        body=CreateWebhook,
        returns=Webhook,
        status=201,
        errors=(403, 404, 409, 422),
    )
    async def post(self, project_id: UUID, body: CreateWebhook) -> Webhook:
        made = Webhook.model_validate(await self.platform.webhooks.create(self.principal, project_id, body))
        self.created("projects", project_id, "webhooks", made.id)
        return made


class WebhookHandler(ApiHandler):
    """One webhook."""

    path, tag = _WEBHOOK, "webhooks"

    @operation("A webhook", returns=Webhook, errors=(403, 404))
    async def get(self, project_id: UUID, webhook_id: str) -> Webhook:
        return await self.platform.webhooks.get(self.principal, project_id, webhook_id)

    @operation("Change a webhook", body=UpdateWebhook, returns=Webhook, errors=(403, 404, 422))
    async def patch(self, project_id: UUID, webhook_id: str, body: UpdateWebhook) -> Webhook:
        return Webhook.model_validate(
            await self.platform.webhooks.update(self.principal, project_id, webhook_id, body)
        )

    @operation("Delete a webhook", status=204, errors=(403, 404))
    async def delete(self, project_id: UUID, webhook_id: str) -> None:
        await self.platform.webhooks.delete(self.principal, project_id, webhook_id)


class WebhookTestHandler(ApiHandler):
    """An example."""

    path, tag = _WEBHOOK + "/test", "webhooks"

    @operation(
        "Send an example now and tell what came of it", body=SendTest, returns=Delivery, errors=(403, 404)
    )
    async def post(self, project_id: UUID, webhook_id: str, body: SendTest) -> Delivery:
        return await self.platform.webhooks.test(self.principal, project_id, webhook_id, body)


class DeliveriesHandler(ApiHandler):
    """What was sent."""

    path, tag = _WEBHOOK + "/deliveries", "webhooks"

    @operation(
        "What a webhook was called for in the last thirty days, newest first",
        query=PageQuery,
        returns=Page[Delivery],
        errors=(403, 404),
    )
    async def get(self, project_id: UUID, webhook_id: str, query: PageQuery) -> Page[Delivery]:
        return await self.platform.webhooks.deliveries(self.principal, project_id, webhook_id, query)


class RedeliveryHandler(ApiHandler):
    """The same once more."""

    path, tag = _WEBHOOK + "/deliveries/{delivery:int}/send", "webhooks"

    @operation("Send a delivery once more, now", returns=Delivery, errors=(403, 404, 409))
    async def post(self, project_id: UUID, webhook_id: str, delivery: int) -> Delivery:
        return await self.platform.webhooks.redeliver(self.principal, project_id, webhook_id, delivery)


HANDLERS = [WebhooksHandler, WebhookHandler, WebhookTestHandler, DeliveriesHandler, RedeliveryHandler]
