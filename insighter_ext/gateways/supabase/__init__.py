"""The adapters to a Supabase project: its PostgREST, GoTrue and Storage, asked through supabase-py.

Nothing of it is imported before a server with ``SUPABASE_URL`` starts its platform.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from insighter_ext.config import Settings
    from insighter_ext.gateways.adapters import Adapters

log = logging.getLogger("insighter.supabase")


async def open_supabase(settings: Settings) -> Adapters:
    """Connect to the project of the settings.

    Raises:
        Unavailable: the project does not answer, or its migrations are not those of this release.
    """
    from insighter_ext.config import key_kind
    from insighter_ext.gateways.adapters import Adapters
    from insighter_ext.gateways.polling import PollingWakeSource
    from insighter_ext.gateways.supabase.auth import SupabaseAuthGateway
    from insighter_ext.gateways.supabase.clients import Project
    from insighter_ext.gateways.supabase.data import SupabaseDataGateway
    from insighter_ext.gateways.supabase.objects import SupabaseObjectStore

    if key_kind(settings.supabase_key) == "service":
        log.warning(
            "SUPABASE_KEY is a service-role key, which passes by all permissions: every kernel of this server could"
            " find it. Use the publishable (anon) key; `insighter supabase check` tells more"
        )
    project = Project(settings.supabase_url, settings.supabase_key, settings.supabase_jwt_secret)
    data = SupabaseDataGateway(project)
    try:
        await data.check_schema()
        objects = SupabaseObjectStore(project, data, settings.storage_dir / "supabase" / "files")
    except BaseException:
        await project.close()
        raise
    auth = SupabaseAuthGateway(project)

    wake = PollingWakeSource()

    async def close() -> None:
        try:
            await wake.close()
            await objects.close()
        finally:
            await project.close()

    return Adapters("supabase", data, objects, auth, wake, None, close)
