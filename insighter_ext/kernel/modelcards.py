"""The card of a model, as a kernel sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from insighter_ext.kernel.scope import Scope


class ModelCard:
    """A card: what people wrote, with what is known in its places. Shows itself as Markdown."""

    def __init__(self, scope: Scope, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._seen = seen

    @property
    def markdown(self) -> str:
        """The text to read."""
        return str(self._seen["markdown"])

    @property
    def body(self) -> str:
        """The text to edit: a line like ``{{metrics}}`` stands for what is known."""
        return str(self._seen["body"])

    @property
    def parts(self) -> Sequence[str]:
        """What can stand between ``{{`` and ``}}``."""
        return list(self._seen["parts"])

    def write(self, body: str) -> ModelCard:
        """Write it.

        Raises:
            InsighterClientError: somebody else wrote it since it was read here (409); ``details`` has their text.
        """
        sent = {"body": body, "revision": self._seen["revision"], "version": self._seen["version"]}
        path = self._scope.path("models", self._seen["name"], "card")
        self._seen = self._scope.client.put(*path, json=sent)
        return self

    def __repr__(self) -> str:
        return self.markdown

    def _repr_markdown_(self) -> str:
        return self.markdown


def card_of(scope: Scope, name: str, version: int | None) -> ModelCard:
    """A model's card, or a version's."""
    query = {} if version is None else {"version": version}
    return ModelCard(scope, scope.client.get(*scope.path("models", name, "card"), **query))
