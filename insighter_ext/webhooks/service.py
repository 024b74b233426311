"""Webhooks as a service: an outbox in the database, emptied by whichever server is there."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import UUID

from insighter_ext.bus.service import BusService, heard
from insighter_ext.errors import InsighterError, NotFound
from insighter_ext.gateways import DataGateway
from insighter_ext.gateways.tasks import end
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import PLATFORM, Principal
from insighter_ext.webhooks import protocol
from insighter_ext.webhooks.endpoints import WebhookEndpoints
from insighter_ext.webhooks.models import CreateWebhook, Delivery, SendTest, UpdateWebhook, Webhook
from insighter_ext.webhooks.sending import Outcome, Sender, headers, message

log = logging.getLogger("insighter.webhooks")

_AGAIN = (5, 30, 120, 600, 3600)
"""Seconds until the second try, the third, …; after the last of them it has failed."""

_LOOK_SECONDS = 60.0
_TROUBLE_SECONDS = 15.0
_AT_A_TIME = 8


class WebhooksService:
    """See the module.

    Args:
        anywhere: addresses that are not public, and plain HTTP, may be called.

    Attributes:
        mlflow: the endpoints of MLflow's protocol.
    """

    def __init__(self, data: DataGateway, bus: BusService, anywhere: bool) -> None:
        self._data = data
        self._bus = bus
        self._anywhere = anywhere
        self._sender = Sender(anywhere)
        self._rounds: asyncio.Task[None] | None = None
        self.mlflow = WebhookEndpoints(self, data)

    # ---- what an admin does

    async def create(self, principal: Principal, project_id: UUID | None, body: CreateWebhook) -> Any:
        """Make a webhook; its row."""
        return await self._data.call(
            principal,
            "webhooks_create",
            project_id=project_id,
            **{
                **body.model_dump(),
                "name": protocol.webhook_name(body.name),
                "url": protocol.webhook_url(body.url, self._anywhere),
            },
        )

    async def update(
        self, principal: Principal, project_id: UUID | None, webhook_id: str, body: UpdateWebhook
    ) -> Any:
        """Change a webhook; its row."""
        changes = body.model_dump(exclude_none=True)
        if body.name is not None:
            protocol.webhook_name(body.name)
        if body.url is not None:
            protocol.webhook_url(body.url, self._anywhere)
        return await self._data.call(
            principal, "webhooks_update", id=webhook_id, project_id=project_id, **changes
        )

    async def list(self, principal: Principal, project_id: UUID, query: PageQuery) -> Page[Webhook]:
        """A project's webhooks, newest first."""
        found = await self._data.call(principal, "webhooks_list", project_id=project_id, **query.model_dump())
        return Page[Webhook].model_validate(found)

    async def get(self, principal: Principal, project_id: UUID, webhook_id: str) -> Webhook:
        """One webhook."""
        return Webhook.model_validate(
            await self._data.call(principal, "webhooks_get", id=webhook_id, project_id=project_id)
        )

    async def delete(self, principal: Principal, project_id: UUID, webhook_id: str) -> None:
        """Delete a webhook; what is not sent yet is not sent any more."""
        await self._data.call(principal, "webhooks_delete", id=webhook_id, project_id=project_id)

    async def deliveries(
        self, principal: Principal, project_id: UUID, webhook_id: str, query: PageQuery
    ) -> Page[Delivery]:
        """What was sent in the last thirty days, newest first."""
        found = await self._data.call(
            principal, "webhooks_deliveries", id=webhook_id, project_id=project_id, **query.model_dump()
        )
        return Page[Delivery].model_validate(found)

    async def test(
        self, principal: Principal, project_id: UUID | None, webhook_id: str, body: SendTest
    ) -> Delivery:
        """Send an example now, and tell what came of it.

        Raises:
            NotFound: no such webhook, or no such event.
        """
        event = body.event
        if event is None:
            found = await self._data.call(principal, "webhooks_get", id=webhook_id, project_id=project_id)
            event = found["events"][0]
        if event not in protocol.EXAMPLES:
            raise NotFound(f'there is no event "{event}"', hint=f"one of {', '.join(protocol.EXAMPLES)}")
        made = await self._data.call(
            principal,
            "webhooks_send",
            id=webhook_id,
            event=event,
            payload=protocol.EXAMPLES[event],
            project_id=project_id,
        )
        return await self._now(made["id"], once=True)

    async def redeliver(
        self, principal: Principal, project_id: UUID, webhook_id: str, delivery: int
    ) -> Delivery:
        """Send a delivery once more, now.

        Raises:
            Conflict: a server is sending it.
        """
        made = await self._data.call(
            principal, "webhooks_send", id=webhook_id, delivery=delivery, project_id=project_id
        )
        return await self._now(made["id"], once=False)

    async def _now(self, delivery: int, once: bool) -> Delivery:
        taken = await self._data.call(PLATFORM, "webhooks_take", delivery=delivery)
        if not taken:
            raise NotFound("the webhook was deleted meanwhile")
        sent = await self._deliver(taken[0], once)
        if sent is None:
            raise NotFound("the webhook was deleted meanwhile")
        return Delivery.model_validate(sent)

    # ---- what a server does

    def open(self) -> None:
        """Begin to send what is due."""
        self._rounds = asyncio.get_running_loop().create_task(self._make_rounds())

    async def close(self) -> None:
        """Stop; what is in hand is tried again, here or elsewhere, when its time is over."""
        await end(self._rounds)
        await self._sender.close()

    async def _make_rounds(self) -> None:
        with self._bus.ear("webhooks") as ear:
            while True:
                ear.clear()
                try:
                    pause = await self._round()
                except InsighterError as error:
                    log.warning("webhooks could not be sent: %s", error.message)
                    pause = _TROUBLE_SECONDS
                except Exception:
                    log.exception("webhooks could not be sent")
                    pause = _TROUBLE_SECONDS
                await heard(ear, pause)

    async def _round(self) -> float:
        """Send what is due, and say for how long nothing will be."""
        while taken := await self._data.call(PLATFORM, "webhooks_take", limit=_AT_A_TIME):
            await asyncio.gather(*(self._deliver(one, once=False) for one in taken))
        due = await self._data.call(PLATFORM, "webhooks_next")
        return _LOOK_SECONDS if due is None else min(_LOOK_SECONDS, max(0.5, float(due)))

    async def _deliver(self, one: dict[str, Any], once: bool) -> Any:
        body = message(one["event"], one["payload"], one["workspace"])
        outcome = await self._sender.send(one["url"], body, headers(body, one["delivery"], one["secret"]))
        again = None if once or outcome.delivered or outcome.final else _pause(one["attempts"])
        _tell(one, outcome, again)
        return await self._data.call(
            PLATFORM,
            "webhooks_sent",
            id=one["id"],
            attempt=one["attempts"],
            delivered=outcome.delivered,
            response_status=outcome.status,
            response_body=outcome.body,
            error=outcome.error,
            again=again,
        )


def _pause(attempts: int) -> int | None:
    return _AGAIN[attempts - 1] if attempts <= len(_AGAIN) else None


def _tell(one: dict[str, Any], outcome: Outcome, again: int | None) -> None:
    # The address may hold what lets somebody in: the log names the delivery.
    if not outcome.delivered:
        then = "it has failed" if again is None else f"again in {again} s"
        log.info("webhook delivery %s, try %d: %s; %s", one["delivery"], one["attempts"], outcome.error, then)
