"""What the SDK's collections have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from insighter_ext.kernel.tables import Table

T = TypeVar("T")


class Collection(ABC, Generic[T]):
    """Named things on the server: shown as their table, completed by their names. Each look asks the server again."""

    @abstractmethod
    def list(self) -> Table[T]:
        """All of them."""

    @abstractmethod
    def _names(self) -> Sequence[str]:
        """The names by which they can be asked for."""

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[T]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def _ipython_key_completions_(self) -> Sequence[str]:
        return self._names()

    def __repr__(self) -> str:
        return repr(self.list())

    def _repr_html_(self) -> str:
        return self.list()._repr_html_()
