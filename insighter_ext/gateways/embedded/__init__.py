"""The adapters that need nothing outside this machine: a bundled PostgreSQL, a folder of objects."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from insighter_ext.principal import Principal

if TYPE_CHECKING:
    from insighter_ext.gateways.adapters import Adapters
    from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres


async def open_embedded(storage_dir: Path, postgres_version: int) -> Adapters:
    """Start or join the bundled PostgreSQL and bring its database to this release's schema.

    Raises:
        Unavailable: with the reason and what to do; nothing is left running or held.
    """
    from insighter_ext.gateways.adapters import Adapters
    from insighter_ext.gateways.embedded.auth import EmbeddedAuthGateway
    from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
    from insighter_ext.gateways.embedded.objects import LocalObjectStore
    from insighter_ext.gateways.embedded.postgres import DATABASE, EmbeddedPostgres
    from insighter_ext.gateways.embedded.sweep import Sweep
    from insighter_ext.gateways.embedded.wake import ListeningWakeSource

    await asyncio.to_thread(storage_dir.mkdir, parents=True, exist_ok=True, mode=0o700)
    postgres = EmbeddedPostgres(storage_dir / "postgres", postgres_version)
    data = EmbeddedDataGateway(postgres, DATABASE)
    auth = EmbeddedAuthGateway(postgres, DATABASE, storage_dir / "keys")
    wake = ListeningWakeSource(postgres, DATABASE)
    objects: LocalObjectStore | None = None
    sweep: Sweep | None = None

    async def close() -> None:
        try:
            await wake.close()
            if sweep is not None:
                await sweep.close()
            await auth.close()
            await data.close()
            if objects is not None:
                await objects.close()
        finally:
            await asyncio.to_thread(postgres.release)

    try:
        owner_id = await asyncio.to_thread(_prepare_database, postgres)
        await data.open()
        objects = LocalObjectStore(storage_dir / "objects", data)
        sweep = Sweep(objects, postgres)
        sweep.open()
        return Adapters("embedded", data, objects, auth, wake, Principal(owner_id), close)
    except BaseException:
        await close()
        raise


def _prepare_database(postgres: EmbeddedPostgres) -> UUID:
    from insighter_ext.gateways.embedded.migrate import create_database, migrate
    from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, DATABASE

    postgres.acquire()
    superuser = postgres.conninfo()
    create_database(superuser, DATABASE)
    return migrate(superuser, postgres.password(API_ROLE), postgres.password(AUTH_ROLE))
