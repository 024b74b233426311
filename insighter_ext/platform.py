"""The composition root: settings → gateways → services. The only place where they are put together."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from insighter_ext import __version__
from insighter_ext.config import Settings
from insighter_ext.credentials.service import CredentialsService
from insighter_ext.datahub.service import DatahubService
from insighter_ext.deployments.service import DeploymentsService
from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, DATABASE, EmbeddedPostgres
from insighter_ext.principal import Principal
from insighter_ext.projects.service import ProjectsService
from insighter_ext.quickstart.service import QuickstartService
from insighter_ext.registry.service import RegistryService
from insighter_ext.status import Me, Status
from insighter_ext.tracking.service import TrackingService

if TYPE_CHECKING:
    from uuid import UUID

log = logging.getLogger("insighter")


@dataclass
class Platform:
    """All services, on one database and one object store.

    Attributes:
        owner: whoever Jupyter lets in, in embedded single-user mode.
    """

    settings: Settings
    postgres: EmbeddedPostgres
    data: EmbeddedDataGateway
    objects: LocalObjectStore
    owner: Principal
    credentials: CredentialsService
    projects: ProjectsService
    tracking: TrackingService
    registry: RegistryService
    deployments: DeploymentsService
    datahub: DatahubService
    quickstart: QuickstartService

    @classmethod
    async def open(cls, settings: Settings) -> Platform:
        """Start what has to run and bring the database to this release's schema.

        Raises:
            Unavailable: with the reason and what to do; nothing is left running or held.
        """
        settings.storage_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        postgres = EmbeddedPostgres(settings.storage_dir / "postgres", settings.postgres_version)
        data = EmbeddedDataGateway(postgres, DATABASE)
        try:
            owner_id = await asyncio.to_thread(_prepare_database, postgres)
            await data.open()
            return await cls._compose(settings, postgres, data, Principal(owner_id))
        except BaseException:
            await data.close()
            await asyncio.to_thread(postgres.release)
            raise

    @classmethod
    async def _compose(
        cls, settings: Settings, postgres: EmbeddedPostgres, data: EmbeddedDataGateway, owner: Principal
    ) -> Platform:
        objects = LocalObjectStore(settings.storage_dir / "objects")
        credentials = CredentialsService(data)
        await credentials.revoke_orphans(owner)
        tracking = TrackingService(data, objects)
        registry = RegistryService(data, objects)
        deployments = DeploymentsService(
            data,
            objects,
            registry,
            owner,
            settings.storage_dir / "deployments",
            settings.deployment_start_seconds,
        )
        projects = ProjectsService(data, objects, deployments.project_deleted)
        datahub = DatahubService(data, objects, settings)
        deployments.open()
        return cls(
            settings,
            postgres,
            data,
            objects,
            owner,
            credentials,
            projects,
            tracking,
            registry,
            deployments,
            datahub,
            QuickstartService(projects, datahub),
        )

    async def close(self) -> None:
        """Give everything back. PostgreSQL stops with the last server that uses it; endpoints go on."""
        try:
            await self.datahub.close()
            await self.deployments.close()
            await self.credentials.revoke_mine(self.owner)
        finally:
            await self.data.close()
            await asyncio.to_thread(self.objects.close)
            await asyncio.to_thread(self.postgres.release)

    async def status(self, principal: Principal) -> Status:
        """What the server says of itself to a caller."""
        answer, project_id = await asyncio.gather(
            self.data.call(principal, "platform_status"), self._home_project(principal)
        )
        return Status(
            version=__version__,
            mode="embedded",
            database=answer["database"],
            me=Me(
                user_id=str(principal.user_id),
                display_name=answer["display_name"],
                kind=principal.kind,
                project_id=str(principal.project_id) if principal.project_id else None,
            ),
            personal_project=str(project_id),
        )

    async def _home_project(self, principal: Principal) -> UUID:
        """Where a caller works who names no project."""
        return principal.project_id or (await self.projects.personal(principal)).id


def _prepare_database(postgres: EmbeddedPostgres) -> UUID:
    postgres.acquire()
    superuser = postgres.conninfo()
    create_database(superuser, DATABASE)
    return migrate(superuser, postgres.password(API_ROLE), postgres.password(AUTH_ROLE))
