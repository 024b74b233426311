"""MLflow's webhooks API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.tracking.endpoints import Endpoint
from insighter_ext.tracking.protocol import Fields, Json, page
from insighter_ext.webhooks import protocol
from insighter_ext.webhooks.models import CreateWebhook, SendTest, UpdateWebhook, WebhookStatus

if TYPE_CHECKING:
    from insighter_ext.webhooks.service import WebhooksService


class WebhookEndpoints:
    """See the module. A new webhook belongs to the caller's project."""

    def __init__(self, service: WebhooksService, data: DataGateway) -> None:
        self._service = service
        self._data = data

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint."""
        return {
            ("POST", "webhooks"): self.create,
            ("GET", "webhooks"): self.list,
            ("GET", "webhooks/{webhook_id}"): self.get,
            ("PATCH", "webhooks/{webhook_id}"): self.update,
            ("DELETE", "webhooks/{webhook_id}"): self.delete,
            ("POST", "webhooks/{webhook_id}/test"): self.test,
        }

    async def create(self, principal: Principal, fields: Fields) -> Json:
        """Make a webhook."""
        body = CreateWebhook(
            name=fields.required("name"),
            url=fields.required("url"),
            events=_events(fields),
            description=_limited(fields.text("description"), "description"),
            secret=_limited(fields.text("secret"), "secret") or None,
            status=_status(fields) or "ACTIVE",
        )
        return {"webhook": protocol.webhook(await self._service.create(principal, None, body))}

    async def list(self, principal: Principal, fields: Fields) -> Json:
        """The webhooks of the caller's project, newest first."""
        found = await self._data.call(
            principal,
            "webhooks_list",
            limit=fields.limit(100, 1000),
            cursor=fields.text("page_token") or None,
        )
        return page("webhooks", [protocol.webhook(row) for row in found["items"]], found["cursor"])

    async def get(self, principal: Principal, fields: Fields) -> Json:
        """One webhook."""
        found = await self._data.call(principal, "webhooks_get", id=fields.required("webhook_id"))
        return {"webhook": protocol.webhook(found)}

    async def update(self, principal: Principal, fields: Fields) -> Json:
        """Change what is said."""
        body = UpdateWebhook(
            name=fields.text("name") or None,
            url=fields.text("url") or None,
            events=_events(fields) if fields.items("events") else None,
            description=_limited(fields.text("description"), "description")
            if fields.has("description")
            else None,
            secret=_limited(fields.text("secret"), "secret") if fields.has("secret") else None,
            status=_status(fields),
        )
        found = await self._service.update(principal, None, fields.required("webhook_id"), body)
        return {"webhook": protocol.webhook(found)}

    async def delete(self, principal: Principal, fields: Fields) -> Json:
        """Delete a webhook."""
        await self._data.call(principal, "webhooks_delete", id=fields.required("webhook_id"))
        return {}

    async def test(self, principal: Principal, fields: Fields) -> Json:
        """Send an example, and tell what came of it."""
        event = protocol.events_of([fields.object("event")])[0] if fields.has("event") else None
        sent = await self._service.test(principal, None, fields.required("webhook_id"), SendTest(event=event))
        result: Json = {"success": sent.status == "delivered"}
        if sent.response_status is not None:
            result |= {"response_status": sent.response_status, "response_body": sent.response_body or ""}
        elif sent.error:
            result["error_message"] = f"Failed to test webhook: {sent.error}"
        return {"result": result}


def _events(fields: Fields) -> list[str]:
    if not fields.items("events"):
        raise Invalid("Missing value for required parameter 'events'.")
    return protocol.events_of(fields.objects("events"))


def _limited(text: str, name: str) -> str:
    if len(text) > 1000:
        raise Invalid(f"'{name}' exceeds the maximum length of 1000 characters")
    return text


def _status(fields: Fields) -> WebhookStatus | None:
    match str(fields.raw("status") or ""):
        case "":
            return None
        case "ACTIVE" | "1":
            return "ACTIVE"
        case "DISABLED" | "2":
            return "DISABLED"
        case other:
            raise Invalid(f"Invalid value {other!r} for parameter 'status' supplied: ACTIVE or DISABLED")
