"""Files of runs and logged models: bytes in the object store, names in the database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from insighter_ext.errors import Invalid, NotFound
from insighter_ext.gateways import DataGateway, ObjectStore, ObjectWriter, StoredObject, delete_released
from insighter_ext.principal import Principal

_ROOT = re.compile(r"(runs/[0-9a-f]{32}|models/m-[0-9a-f]{32})/artifacts(?:/(.*))?", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_MAX_PATH = 1000


@dataclass(frozen=True, slots=True)
class Location:
    """A place among artifacts: ``root`` is ``runs/<run id>`` or ``models/<model id>``, ``path`` lies below it."""

    root: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Location:
        """From the path of an ``mlflow-artifacts:`` URI.

        Raises:
            NotFound: it is not one of this server's roots.
            Invalid: the path below the root is not a plain relative path.
        """
        text = text.strip("/")
        if _FORBIDDEN.search(text) or any(part in {".", ".."} for part in text.split("/")):
            raise _invalid(text)
        match = _ROOT.fullmatch(text)
        if match is None:
            raise NotFound(f"there are no artifacts at {text!r}", code="artifacts_not_found")
        return cls(match[1], artifact_path(match[2] or "", folder=True))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def artifact_path(path: str, *, folder: bool = False) -> str:
    """A checked path below a root.

    Args:
        path: as the client says it.
        folder: the root itself, "", is fine too.

    Raises:
        Invalid: it is absolute, leads upwards, or holds what a file name cannot.
    """
    if path == "" and folder:
        return path
    if (
        len(path) > _MAX_PATH
        or _FORBIDDEN.search(path)
        or any(part in {"", "."} for part in path.split("/"))
        or leads_upwards(path)
    ):
        raise _invalid(path)
    return path


def leads_upwards(path: str) -> bool:
    """Whether a path leaves its root, for us or for whoever decodes it once more than we do."""
    while ".." not in re.split(r"[/\\]", path):
        if "%" not in path or (decoded := unquote(path)) == path:
            return False
        path = decoded
    return True


def _invalid(path: str) -> Invalid:
    return Invalid(
        f"Invalid artifact path: {path[:200]!r}",
        code="invalid_path",
        hint=f'use a relative path of at most {_MAX_PATH} characters without "..", "\\" and control characters',
    )


@dataclass(frozen=True, slots=True)
class Content:
    """A file to send: where it is, its size in bytes and its hash."""

    location: Location
    size: int
    sha256: str
    key: str


class Artifacts:
    """See the module."""

    def __init__(self, data: DataGateway, objects: ObjectStore) -> None:
        self._data = data
        self._objects = objects

    async def begin(self, principal: Principal, location: Location) -> ObjectWriter:
        """A writer for a new file, once everything is checked that can be checked before its bytes come."""
        artifact_path(location.path)
        answer = await self._data.call(principal, "artifacts_begin", root=location.root, path=location.path)
        return self._objects.writer(principal, UUID(answer["project_id"]))

    async def put(self, principal: Principal, location: Location, stored: StoredObject) -> None:
        """Name a stored object; a file of that name is replaced."""
        await self._data.call(
            principal,
            "artifacts_put",
            root=location.root,
            path=location.path,
            object_key=stored.key,
            sha256=stored.sha256,
            size=stored.size,
        )

    async def store(self, principal: Principal, location: Location, content: bytes) -> None:
        """Make a small file; one of that name is replaced."""
        writer = await self.begin(principal, location)
        try:
            await writer.write(content)
            await self.put(principal, location, await writer.commit())
        finally:
            await writer.abort()

    async def find(self, principal: Principal, location: Location) -> Content:
        """A file, to be read with :meth:`read`."""
        artifact_path(location.path)
        found = await self._data.call(principal, "artifacts_get", root=location.root, path=location.path)
        return Content(location, found["size"], found["sha256"], found["key"])

    async def read(
        self, principal: Principal, content: Content, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of a file, or a part of them."""
        return await self._objects.read(principal, content.key, offset, length)

    async def list(self, principal: Principal, location: Location) -> list[dict[str, Any]]:
        """What lies directly in a folder, as MLflow's artifact listing says it: names alone."""
        found = await self._data.call(principal, "artifacts_list", root=location.root, path=location.path)
        return [
            {
                "path": item["path"].rpartition("/")[2],
                "is_dir": item["is_dir"],
                **({} if item["size"] is None else {"file_size": item["size"]}),
            }
            for item in found
        ]

    async def delete(self, principal: Principal, location: Location) -> None:
        """Delete a file, a folder or all files of a root, and the bytes that nothing else in the project needs."""
        gone = await self._data.call(principal, "artifacts_delete", root=location.root, path=location.path)
        await delete_released(self._objects, principal, gone)
