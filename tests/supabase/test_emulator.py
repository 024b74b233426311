"""The contracts, against an emulator of Supabase that was written by others."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Literal
from uuid import UUID

import pytest
import pytest_asyncio

from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.gateways.supabase.auth import SupabaseAuthGateway
from insighter_ext.gateways.supabase.clients import Project
from tests.contract.auth import AuthContract
from tests.contract.data import DataContract
from tests.contract.objects import ObjectsContract
from tests.supabase.emulator import PROGRAM, Amended, Emulator, running_emulator

GAPS = {
    "test_a_closed_account_neither_signs_in_nor_goes_on": "it lets a banned account sign in",
    "test_values_of_every_kind_arrive": "it hands a JSON object to a function as a text of JSON",
    "test_bytes_that_are_stored_out_of_ones_sight_are_stored_again": "it hands a list to a function as an array",
    "test_with_a_project_go_its_objects": "it lists objects by their whole name, Storage by that within the folder",
}
"""Tests that fail here for a reason that is the emulator's. One that passes after all fails the suite: it goes then."""


@pytest.fixture(scope="module")
def emulator(cluster: EmbeddedPostgres) -> Iterator[Emulator]:
    """A running emulator."""
    if not PROGRAM.exists() or shutil.which("node") is None:
        reason = "the emulator is not installed: `make test` does so, where npm can"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_emulator(cluster) as running:
        yield running


@pytest_asyncio.fixture
async def project(emulator: Emulator) -> AsyncIterator[Project]:
    """The connection to it."""
    opened = Project(emulator.url, emulator.key, emulator.secret)
    opened.http._transport = Amended(opened.http._transport, emulator)
    yield opened
    await opened.close()


class Mailbox:
    """What reaches the emulator's accounts by other ways than the gateway."""

    def __init__(self, emulator: Emulator, gateway: SupabaseAuthGateway) -> None:
        self._emulator = emulator
        self._gateway = gateway

    async def code(self, email: str, kind: Literal["recovery", "confirmation"]) -> str:
        if kind == "recovery":
            await self._gateway.send_recovery(email)
        else:
            await self._gateway.resend_confirmation(email)
        return self._emulator.mails(email.lower(), "Reset" if kind == "recovery" else "Confirm")[-1]

    async def ban(self, user_id: UUID) -> None:
        self._emulator.superuser(
            "update auth.users set banned_until = now() + interval '1 day' where id = %s", user_id
        )

    async def delete(self, user_id: UUID) -> None:
        self._emulator.superuser("delete from auth.users where id = %s", user_id)


@pytest.fixture
def auth_office(emulator: Emulator, auth_gateway: SupabaseAuthGateway) -> Mailbox:
    """See :class:`Mailbox`."""
    return Mailbox(emulator, auth_gateway)


class TestAccounts(AuthContract):
    """As everywhere, but for the gaps."""


class TestData(DataContract):
    """As everywhere."""


class TestObjects(ObjectsContract):
    """As everywhere, but for the gaps."""
