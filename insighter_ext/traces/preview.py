"""The beginning of what went in or came out, for lists of traces."""

from __future__ import annotations

import json
from typing import Any

MAX_PREVIEW = 1000
"""Characters of a preview, as in MLflow."""


def preview(text: str | None, role: str) -> str | None:
    """The beginning of a text; of a conversation that of the last message of this role.

    Args:
        text: JSON text, or any other; None where there is nothing.
        role: "user" of what went in, "assistant" of what came out.
    """
    if text is None:
        return None
    shown = (_said(text, role) if text.startswith("{") else None) or text
    return shown if len(shown) <= MAX_PREVIEW else shown[: MAX_PREVIEW - 3] + "..."


def _said(text: str, role: str) -> str | None:
    try:
        messages = _messages(json.loads(text))
    except (ValueError, RecursionError):
        return None
    if not messages:
        return None
    message = next((item for item in reversed(messages) if item.get("role") == role), messages[-1])
    content = message.get("content")
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and part.get("type") in ("text", "output_text"):
            return part["text"] if isinstance(part.get("text"), str) else None
    return None


def _messages(document: Any) -> list[dict[str, Any]]:
    """The messages in what chat models take and give: of completions and of responses, asked for or wrapped."""
    for _ in range(8):
        if not isinstance(document, dict):
            return []
        for name in ("messages", "choices", "input", "output"):
            items = document.get(name)
            if not items or not isinstance(items, list):
                continue
            if name == "choices":
                items = [items[0].get("message")] if isinstance(items[0], dict) else []
            return [item for item in items if isinstance(item, dict) and "role" in item and "content" in item]
        document = document.get("request")
    return []
