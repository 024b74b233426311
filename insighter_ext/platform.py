"""The composition root: settings → gateways → services. The only place where they are put together."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from insighter_ext import __version__
from insighter_ext.accounts.service import AccountsService
from insighter_ext.achievements.service import AchievementsService
from insighter_ext.activity.service import ActivityService
from insighter_ext.archives.service import ArchivesService
from insighter_ext.assets.service import AssetsService
from insighter_ext.audit.service import AuditService
from insighter_ext.bus.service import BusService
from insighter_ext.config import Mode, Settings
from insighter_ext.credentials.service import CredentialsService
from insighter_ext.datahub.service import DatahubService
from insighter_ext.deployments.host import Host
from insighter_ext.deployments.service import DeploymentsService
from insighter_ext.gateways import AuthGateway, DataGateway, ObjectStore
from insighter_ext.gateways.adapters import Adapters
from insighter_ext.lineage.service import LineageService
from insighter_ext.notebooks.service import NotebooksService
from insighter_ext.presence.service import PresenceService
from insighter_ext.principal import Principal
from insighter_ext.projects.service import ProjectsService
from insighter_ext.quickstart.service import QuickstartService
from insighter_ext.registry.service import RegistryService
from insighter_ext.sharing.service import SharingService
from insighter_ext.status import Me, Status
from insighter_ext.tracking.service import TrackingService
from insighter_ext.trash.service import TrashService
from insighter_ext.webhooks.service import WebhooksService

if TYPE_CHECKING:
    from uuid import UUID

log = logging.getLogger("insighter")


@dataclass
class Platform:
    """All services, on one set of adapters.

    Attributes:
        owner: whoever Jupyter lets in, where nobody signs in to an account; None where people do.
    """

    settings: Settings
    adapters: Adapters
    owner: Principal | None
    credentials: CredentialsService
    accounts: AccountsService
    projects: ProjectsService
    sharing: SharingService
    audit: AuditService
    assets: AssetsService
    datahub: DatahubService
    notebooks: NotebooksService
    tracking: TrackingService
    registry: RegistryService
    deployments: DeploymentsService
    lineage: LineageService
    bus: BusService
    presence: PresenceService
    activity: ActivityService
    achievements: AchievementsService
    trash: TrashService
    webhooks: WebhooksService
    archives: ArchivesService
    quickstart: QuickstartService

    @property
    def mode(self) -> Mode:
        """Which database is behind it."""
        return self.adapters.mode

    @property
    def data(self) -> DataGateway:
        """The database."""
        return self.adapters.data

    @property
    def objects(self) -> ObjectStore:
        """The object store."""
        return self.adapters.objects

    @property
    def auth(self) -> AuthGateway:
        """Accounts and sign-ins."""
        return self.adapters.auth

    @property
    def local_owner(self) -> Principal | None:
        """The account of whoever owns the machine; None in Supabase mode."""
        return self.adapters.local_owner

    @classmethod
    async def open(cls, settings: Settings) -> Platform:
        """Start what has to run and bring the database to this release's schema.

        Raises:
            Unavailable: with the reason and what to do; nothing is left running or held.
        """
        adapters = await _open_adapters(settings)
        try:
            return await cls._compose(settings, adapters)
        except BaseException:
            await adapters.close()
            raise

    @classmethod
    async def _compose(cls, settings: Settings, adapters: Adapters) -> Platform:
        data, objects = adapters.data, adapters.objects
        owner = None if settings.accounts else adapters.local_owner
        place = _place(settings)
        credentials = CredentialsService(data, place / "servers")
        await credentials.open()
        tracking = TrackingService(data, objects)
        registry = RegistryService(data, objects)
        deployments = DeploymentsService(
            data,
            objects,
            registry,
            await asyncio.to_thread(Host.of, place),
            place / "deployments",
            settings.deployment_start_seconds,
        )
        projects = ProjectsService(data, objects, deployments.project_deleted)
        datahub = DatahubService(data, objects, settings)
        bus = BusService(data, adapters.wake)
        trash = TrashService(data, objects, settings.trash_days, deployments.project_deleted)
        deployments.open()
        trash.open()
        webhooks = WebhooksService(data, bus, settings.webhook_addresses == "any")
        webhooks.open()
        return cls(
            settings=settings,
            adapters=adapters,
            owner=owner,
            credentials=credentials,
            accounts=AccountsService(data, adapters.auth, credentials, settings, adapters.local_owner),
            projects=projects,
            sharing=SharingService(data),
            audit=AuditService(data),
            assets=AssetsService(data),
            datahub=datahub,
            notebooks=NotebooksService(data, objects, projects),
            tracking=tracking,
            registry=registry,
            deployments=deployments,
            lineage=LineageService(data),
            bus=bus,
            presence=PresenceService(data, bus),
            activity=ActivityService(data),
            achievements=AchievementsService(data),
            trash=trash,
            webhooks=webhooks,
            archives=ArchivesService(data, objects),
            quickstart=QuickstartService(projects, datahub),
        )

    async def close(self) -> None:
        """Give everything back. PostgreSQL stops with the last server that uses it; endpoints go on."""
        try:
            await self.archives.close()
            await self.trash.close()
            await self.webhooks.close()
            await self.tracking.close()
            await self.datahub.close()
            await self.deployments.close()
            await self.credentials.close()
        finally:
            await self.adapters.close()

    async def status(self, principal: Principal) -> Status:
        """What the server says of itself to a caller."""
        answer, project_id = await asyncio.gather(
            self.data.call(principal, "platform_status"), self._home_project(principal)
        )
        return Status(
            version=__version__,
            mode=self.mode,
            accounts=self.owner is None,
            database=answer["database"],
            me=self.me(principal, answer["display_name"]),
            personal_project=str(project_id),
            trash_days=self.settings.trash_days,
        )

    def me(self, principal: Principal, display_name: str) -> Me:
        """A caller, as the API tells of it."""
        local = self.local_owner is not None and principal.user_id == self.local_owner.user_id
        return Me(
            user_id=str(principal.user_id),
            display_name=display_name,
            email=None if local else principal.email,
            kind=principal.kind,
            project_id=str(principal.project_id) if principal.project_id else None,
            role=principal.ceiling,
            local=local,
        )

    async def _home_project(self, principal: Principal) -> UUID:
        """Where a caller works who names no project."""
        return principal.project_id or (await self.projects.personal(principal)).id


def _place(settings: Settings) -> Path:
    """Where this machine keeps what runs on it for the database: what one database knows nothing of is removed."""
    if not settings.supabase_url:
        return settings.storage_dir
    address = urlsplit(settings.supabase_url)
    return settings.storage_dir / "supabase" / f"{address.hostname}-{address.port or 443}"


async def _open_adapters(settings: Settings) -> Adapters:
    if settings.mode == "supabase":
        from insighter_ext.gateways.supabase import open_supabase

        return await open_supabase(settings)
    from insighter_ext.gateways.embedded import open_embedded

    return await open_embedded(settings.storage_dir, settings.postgres_version)
