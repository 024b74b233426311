"""What services rely on, with the embedded adapters; ``tests/supabase`` has the same with those of a project."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
from insighter_ext.gateways.embedded.objects import LocalObjectStore
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.principal import Principal
from tests.contract.data import DataContract
from tests.contract.objects import ObjectsContract
from tests.database.conftest import Database


@pytest_asyncio.fixture
async def data_gateway(cluster: EmbeddedPostgres, database: Database) -> AsyncIterator[EmbeddedDataGateway]:
    """The adapter under test."""
    gateway = EmbeddedDataGateway(cluster, database.superuser("select current_database()")[0][0])
    await gateway.open()
    yield gateway
    await gateway.close()


@pytest_asyncio.fixture
async def object_store(data_gateway: EmbeddedDataGateway, tmp_path: Path) -> AsyncIterator[LocalObjectStore]:
    """The adapter under test."""
    (tmp_path / "objects").mkdir()
    store = LocalObjectStore(tmp_path / "objects", data_gateway)
    yield store
    await store.close()


@pytest.fixture
def someone(database: Database) -> Callable[[], Awaitable[Principal]]:
    """Makes accounts."""

    async def make() -> Principal:
        user_id = database.person().user_id
        assert user_id is not None
        return Principal(user_id)

    return make


class TestData(DataContract):
    """As everywhere."""


class TestObjects(ObjectsContract):
    """As everywhere."""
