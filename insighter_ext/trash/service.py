"""The trash as a service: rows go in the database, then what nothing needs any more goes from the store.

Both are apart, and either can be interrupted: a purge notes in its transaction which objects it let go, and whoever
comes next, here or on another server, removes what is noted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from insighter_ext.errors import InsighterError
from insighter_ext.gateways import (
    DataGateway,
    Freed,
    ObjectStore,
    delete_released,
    delete_released_projects,
)
from insighter_ext.gateways.tasks import end
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import PLATFORM, Principal
from insighter_ext.projects import folders
from insighter_ext.projects.models import Project
from insighter_ext.trash.models import Kept, Purged, TrashedProject, TrashEntry, TrashQuery

log = logging.getLogger("insighter.trash")

_ROUND_SECONDS = 3600.0
_AT_ONCE_SECONDS = 10.0
_AGAIN_SECONDS = 60.0


class TrashService:
    """See the module.

    Args:
        days: how long the trash keeps things; nothing is kept with 0.
        after_purge: is called when endpoints or whole projects are gone from the database, to end what is left of them.
    """

    def __init__(
        self,
        data: DataGateway,
        objects: ObjectStore,
        days: int,
        after_purge: Callable[[], Awaitable[None]],
    ) -> None:
        self._data = data
        self._objects = objects
        self._days = days
        self._after_purge = after_purge
        self._rounds: asyncio.Task[None] | None = None

    # ---- a project's trash

    async def list(self, principal: Principal, project_id: UUID, query: TrashQuery) -> Page[TrashEntry]:
        """What is in a project's trash, the newest first."""
        found = await self._data.call(principal, "trash_list", project_id=project_id, **query.model_dump())
        return Page[TrashEntry].model_validate(found)

    async def restore(
        self, principal: Principal, project_id: UUID, kind: str, asset_id: str, name: str | None = None
    ) -> TrashEntry:
        """Bring an asset back with everything that hangs on it; an endpoint comes back stopped.

        Raises:
            Conflict: its name is taken by now.
        """
        return TrashEntry.model_validate(
            await self._data.call(
                principal, "trash_restore", project_id=project_id, kind=kind, id=asset_id, name=name
            )
        )

    async def purge(
        self, principal: Principal, project_id: UUID, kind: str | None = None, asset_id: str | None = None
    ) -> Purged:
        """Delete an asset of the trash for good, or all of them, and the bytes that nothing else needs."""
        return await self._purge(principal, project_id, kind=kind, id=asset_id)

    async def _purge(self, principal: Principal, project_id: UUID, **which: Any) -> Purged:
        ended: list[dict[str, Any]] = []
        kept: list[Kept] = []
        more = True
        while more:
            answer = await self._data.call(principal, "trash_purge", project_id=project_id, **which)
            ended += (item for item in answer["items"] if item["purged"])
            # Told anew by each call.
            kept = [Kept.model_validate(item) for item in answer["items"] if not item["purged"]]
            more = answer["more"]
        if any(item["kind"] == "deployment" for item in ended):
            await self._after_purge()
        freed, pending = await self._free(principal, project_id)
        return Purged(
            purged=len(ended),
            freed_objects=freed.objects,
            freed_bytes=freed.bytes,
            kept_objects=sum(item["kept_objects"] for item in ended),
            kept_bytes=sum(item["kept_bytes"] for item in ended),
            kept=kept,
            pending=pending,
        )

    async def _free(self, principal: Principal, project_id: UUID) -> tuple[Freed, bool]:
        """Remove the objects that purges let go; what was removed, and whether something is left to do."""
        freed = Freed()
        try:
            while True:
                released = await self._data.call(principal, "trash_release", project_id=project_id)
                if not released["keys"]:
                    return freed, False
                freed += await delete_released(self._objects, principal, released)
                await self._data.call(
                    principal, "trash_released", project_id=project_id, keys=released["keys"]
                )
        except InsighterError:
            log.warning("purged objects stay behind until a later round", exc_info=True)
            return freed, True

    # ---- whole projects

    async def projects(self, principal: Principal, query: PageQuery) -> Page[TrashedProject]:
        """The caller's deleted projects, the newest first."""
        found = await self._data.call(principal, "trash_projects_list", **query.model_dump())
        return Page[TrashedProject].model_validate(found)

    async def restore_project(
        self, principal: Principal, project_id: UUID, name: str | None = None
    ) -> Project:
        """Bring a project back with its members and everything in it; its endpoints are stopped.

        Raises:
            Conflict: its name is taken by now.
        """
        return Project.model_validate(
            await self._data.call(principal, "trash_projects_restore", id=project_id, name=name)
        )

    async def purge_project(self, principal: Principal, project_id: UUID, root: Path | None = None) -> Purged:
        """Delete a project of the trash for good; its folder with the user's own files stays.

        Args:
            root: Jupyter's root folder, where the folder's mark is taken off.
        """
        gone = await self._data.call(principal, "trash_projects_purge", id=project_id)
        await self._after_purge()
        if root is not None:
            await asyncio.to_thread(folders.unmark, root, gone["folder"], project_id)
        freed, pending = Freed(), False
        try:
            freed = await delete_released_projects(self._data, self._objects, principal)
        except InsighterError:
            log.warning("objects of deleted projects stay behind until a later round", exc_info=True)
            pending = True
        return Purged(
            purged=1,
            freed_objects=freed.objects,
            freed_bytes=freed.bytes,
            kept_objects=0,
            kept_bytes=0,
            kept=[],
            pending=pending,
        )

    # ---- when its time is over

    def open(self) -> None:
        """Begin to look after what is due."""
        self._rounds = asyncio.ensure_future(self._make_rounds())

    async def close(self) -> None:
        """Stop, in the middle of a round too: the next one goes on."""
        await end(self._rounds)

    async def _make_rounds(self) -> None:
        while True:
            pause = _ROUND_SECONDS if self._days else _AT_ONCE_SECONDS
            try:
                await self.sweep()
            except InsighterError as error:
                log.warning("the trash could not be looked after: %s", error.message)
                pause = max(pause, _AGAIN_SECONDS)
            except Exception:
                log.exception("the trash could not be looked after")
            await asyncio.sleep(pause)

    async def sweep(self) -> Freed:
        """Purge what is due, in all projects, and finish what was interrupted.

        It is done as the project's owner, confined to the project. What may be purged says the database: nothing before
        its time, and of several servers one.
        """
        due = await self._data.call(PLATFORM, "trash_due", days=self._days)
        freed = Freed()
        for one in due["projects"]:
            freed += await self._in_turn(one, self._purge_due)
        for one in due["whole"]:
            freed += await self._in_turn(one, self._purge_whole)
        for one in due["left"]:
            freed += await self._in_turn(one, self._clear)
        if freed.objects:
            log.info("the trash freed %d bytes of %d objects", freed.bytes, freed.objects)
        return freed

    async def _in_turn(
        self, one: dict[str, str], work: Callable[[Principal, UUID], Awaitable[Freed]]
    ) -> Freed:
        """One project's trouble is not the others'."""
        project_id = UUID(one["project_id"])
        principal = Principal(UUID(one["account"]), "service", project_id=project_id)
        try:
            return await work(principal, project_id)
        except InsighterError as error:
            log.warning("the trash of project %s could not be looked after: %s", project_id, error.message)
            return Freed()

    async def _purge_due(self, principal: Principal, project_id: UUID) -> Freed:
        purged = await self._purge(principal, project_id, due=True)
        return Freed(purged.freed_objects, purged.freed_bytes)

    async def _purge_whole(self, principal: Principal, project_id: UUID) -> Freed:
        purged = await self.purge_project(principal, project_id)
        return Freed(purged.freed_objects, purged.freed_bytes)

    async def _clear(self, principal: Principal, project_id: UUID) -> Freed:
        return await delete_released_projects(self._data, self._objects, principal)
