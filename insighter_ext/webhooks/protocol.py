"""MLflow's JSON of webhooks, what it takes for one, and its examples."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from insighter_ext.errors import Invalid
from insighter_ext.tracking.protocol import Json

_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_EVENT = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+")

_MODEL: Json = {"name": "example_model"}
_VERSION: Json = {**_MODEL, "version": "1"}
_PROMPT: Json = {"name": "example_prompt"}
_PROMPT_VERSION: Json = {**_PROMPT, "version": "1"}
_TAG: Json = {"key": "example_key", "value": "example_value"}
_TAGS: Json = {"tags": {"example_key": "example_value"}}

EXAMPLES: dict[str, Json] = {
    "registered_model.created": {**_MODEL, **_TAGS, "description": "An example registered model"},
    "model_version.created": {
        **_VERSION, **_TAGS, "source": "models:/123", "run_id": "abcd1234abcd5678",
        "description": "An example model version",
    },
    "model_version_tag.set": {**_VERSION, **_TAG},
    "model_version_tag.deleted": {**_VERSION, "key": "example_key"},
    "model_version_alias.created": {**_VERSION, "alias": "example_alias"},
    "model_version_alias.deleted": {**_MODEL, "alias": "example_alias"},
    "prompt.created": {**_PROMPT, **_TAGS, "description": "An example prompt"},
    "prompt_version.created": {
        **_PROMPT_VERSION, **_TAGS, "template": "Hello {{name}}!", "description": "An example prompt version",
    },
    "prompt_tag.set": {**_PROMPT, **_TAG},
    "prompt_tag.deleted": {**_PROMPT, "key": "example_key"},
    "prompt_version_tag.set": {**_PROMPT_VERSION, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT_VERSION, "key": "example_key"},
    "prompt_alias.created": {**_PROMPT_VERSION, "alias": "example_alias"},
    "prompt_alias.deleted": {**_PROMPT, "alias": "example_alias"},
}  # fmt: skip
"""Every event there is, with the payload that a test sends."""


def webhook_name(name: str) -> str:
    """A name that a webhook can have.

    Raises:
        Invalid: it has other characters, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"Webhook name {name!r} is invalid. It must start and end with a letter or digit, be less than 63 "
            "characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
            hint="use lower-case letters",
        )
    return name


def webhook_url(url: str, anywhere: bool) -> str:
    """An address that may be called, as far as that is seen from its text.

    Args:
        anywhere: addresses of this network and plain HTTP are allowed too.

    Raises:
        Invalid: another scheme, no host, or a name and password in it.
    """
    schemes = ("https", "http") if anywhere else ("https",)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"Invalid webhook URL {url!r}: {error}") from None
    if parts.scheme not in schemes:
        raise Invalid(
            f"Invalid webhook URL scheme: {parts.scheme!r}. Allowed schemes are: {', '.join(schemes)}.",
            hint="give an address that begins with https://",
        )
    if not url.isascii():
        raise Invalid(
            f"Invalid webhook URL {url!r}: it has letters that an address on the wire has not",
            hint="write the host in punycode (xn--…) and everything else percent-encoded",
        )
    if (
        not host
        or port == 0
        or not _is_host(host)
        or any(ord(character) <= 32 or character == "\\" for character in url)
    ):
        raise Invalid(f"Webhook URL must include a hostname: {url!r}")
    if parts.username is not None:
        raise Invalid(
            "Webhook URL must not hold a name and password", hint="sign with a secret, which stays here"
        )
    if len(url) > 2000:
        raise Invalid("'url' exceeds the maximum length of 2000 characters")
    return url


def _is_host(host: str) -> bool:
    """Whether a name can be looked up at all: no part of it is empty or too long."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def events_of(items: list[Json]) -> list[str]:
    """``[{entity, action}]`` as MLflow's clients send them.

    Raises:
        Invalid: an item is not of this form. Whether there is such an event says the database.
    """
    found = []
    for item in items:
        event = f"{item.get('entity', '')}.{item.get('action', '')}".lower()
        if not _EVENT.fullmatch(event):
            raise Invalid(f"Invalid value for parameter 'events' supplied: {item!r}")
        found.append(event)
    return found


def webhook(row: dict[str, Any]) -> Json:
    """A webhook."""
    return {
        "webhook_id": row["id"],
        "name": row["name"],
        **({"description": row["description"]} if row["description"] else {}),
        "url": row["url"],
        "events": [
            {"entity": entity.upper(), "action": action.upper()}
            for entity, _, action in (event.partition(".") for event in row["events"])
        ],
        "status": row["status"],
        "creation_timestamp": row["created"],
        "last_updated_timestamp": row["updated"],
    }
