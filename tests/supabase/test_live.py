"""The contracts, against a real Supabase project, where one is named.

It takes ``INSIGHTER_TEST_SUPABASE_URL``, ``INSIGHTER_TEST_SUPABASE_KEY`` and ``INSIGHTER_TEST_SUPABASE_JWT_SECRET`` of
a project made for tests: prepared as ``docs/supabase.md`` says, but with Confirm email switched off, for nobody reads
mail here. What takes a mail, or an administrator, is left out. Accounts and projects are made and stay.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

import pytest
import pytest_asyncio

from insighter_ext.config import Settings
from insighter_ext.gateways.supabase import check
from insighter_ext.gateways.supabase.clients import Project
from tests.contract.auth import AuthContract
from tests.contract.data import DataContract
from tests.contract.objects import ObjectsContract

NAMED = {
    name: os.environ.get(f"INSIGHTER_TEST_{name}", "")
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "SUPABASE_JWT_SECRET")
}

pytestmark = pytest.mark.skipif(
    not all(NAMED.values()),
    reason="no Supabase project is named by INSIGHTER_TEST_SUPABASE_URL, _KEY, _JWT_SECRET",
)

GAPS = {
    "test_a_replayed_refresh_token_ends_the_session": "GoTrue forgives it for the seconds of its reuse interval",
    "test_an_address_has_one_account": "where mail is not confirmed GoTrue tells that there is an account",
}
"""Tests that fail here for a reason that is the set-up's."""


@pytest_asyncio.fixture
async def project() -> AsyncIterator[Project]:
    """The connection to it."""
    settings = Settings.load({}, NAMED)
    opened = Project(settings.supabase_url, settings.supabase_key, settings.supabase_jwt_secret)
    yield opened
    await opened.close()


class Nobody:
    """Neither mail nor an administrator is at hand."""

    async def code(self, email: str, kind: Literal["recovery", "confirmation"]) -> str:
        pytest.skip("nobody reads the mail of a live project")

    async def ban(self, user_id: UUID) -> None:
        pytest.skip("nobody administers a live project's accounts")

    async def delete(self, user_id: UUID) -> None:
        pytest.skip("nobody administers a live project's accounts")


@pytest.fixture
def auth_office() -> Nobody:
    """See :class:`Nobody`."""
    return Nobody()


async def test_the_project_is_prepared() -> None:
    findings = await check.examine(Settings.load({}, NAMED))
    assert {one.check: one.said for one in findings if one.state not in {"ok", "warning"}} == {}


class TestAccounts(AuthContract):
    """As everywhere, without mail."""


class TestData(DataContract):
    """As everywhere."""


class TestObjects(ObjectsContract):
    """As everywhere."""
