"""What whoever runs the machine does with its accounts: make, list, recover, confirm and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from insighter_ext.errors import Conflict, NotFound, Unavailable
from insighter_ext.gateways import (
    AuthGateway,
    DataGateway,
    LocalAccounts,
    ObjectStore,
    delete_released_projects,
)
from insighter_ext.gateways.auth import Account, KnownAccount
from insighter_ext.principal import Principal


class Operator:
    """See the module.

    Args:
        local_owner: the account of whoever Jupyter lets in, which stays.

    Raises:
        Unavailable: the accounts are kept elsewhere.
    """

    def __init__(
        self, data: DataGateway, objects: ObjectStore, auth: AuthGateway, local_owner: Principal | None
    ) -> None:
        if not isinstance(auth, LocalAccounts):
            raise Unavailable(
                "the accounts are kept by the Supabase project",
                hint="see its dashboard: Authentication, Users",
            )
        self._data = data
        self._objects = objects
        self._accounts: LocalAccounts = auth
        self._local_owner = local_owner

    async def create(self, email: str, display_name: str | None, password: str | None) -> Account:
        """Make an account, its address taken for proved."""
        return await self._accounts.create_account(email, display_name, password)

    async def list(self) -> Sequence[KnownAccount]:
        """All accounts, by address."""
        return await self._accounts.list_accounts()

    async def code(self, email: str, kind: Literal["recovery", "confirmation"]) -> str:
        """A one-time code, to be handed to the account's owner and to nobody else."""
        return await self._accounts.issue_code(email, kind)

    async def delete(self, email: str) -> None:
        """Delete an account with its personal project, sign-ins, memberships and credentials.

        Raises:
            Conflict: it owns projects, which are named; or it is the local owner's.
            NotFound: there is none with this address.
        """
        user_id = await self._find(email)
        if self._local_owner is not None and user_id == self._local_owner.user_id:
            raise Conflict("this is the account of whoever Jupyter lets in: it stays", code="local_owner")
        principal = Principal(user_id, kind="service")
        await self._data.call(principal, "accounts_leave")
        await delete_released_projects(self._data, self._objects, principal)
        await self._accounts.delete_account(user_id)

    async def _find(self, email: str) -> UUID:
        address = email.strip().lower()
        for account in await self._accounts.list_accounts():
            if account.email.lower() == address:
                return account.user_id
        raise NotFound(
            f"no account has the address {email}",
            hint="insighter accounts list shows all",
            code="account_not_found",
        )
