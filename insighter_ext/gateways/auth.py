"""The port to accounts: who somebody is, proved by a password or by a token that was given for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable
from uuid import UUID

from insighter_ext.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Account:
    """An account, as its own holder sees it."""

    user_id: UUID
    email: str
    confirmed: bool
    """whether the address was proved to be the account's"""


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. Both tokens are secrets: they are answered to whoever signed in, and never logged."""

    id: UUID
    """``auth.sessions.id``, which the access token names as ``session_id``"""
    account: Account
    access_token: str = field(repr=False)
    """a JWT, for about an hour"""
    refresh_token: str = field(repr=False)
    """good for one exchange"""
    expires_at: datetime
    """of the access token, with a time zone"""


class AuthGateway(Protocol):
    """Accounts and sign-ins. Errors have these codes, whichever adapter answers:

    ``invalid_credentials`` 401, ``email_not_confirmed`` 403, ``account_exists`` 409, ``weak_password`` 422,
    ``invalid_email`` 422, ``session_expired`` 401 (a refresh token that is unknown, used or revoked; an access token
    that is not valid), ``code_invalid`` 422 (a code that is wrong, used or expired), ``rate_limited`` 429 with the
    seconds to wait in ``details``, and 503 when the service does not answer.
    """

    sends_mail: bool
    """whether codes reach their owners by e-mail; where not, who runs the server passes them on"""

    async def sign_up(
        self, email: str, password: str, *, display_name: str | None = None, confirmed: bool = False
    ) -> Session | None:
        """Make an account.

        Args:
            email: its address; compared without regard to case.
            password: at least 8 characters.
            display_name: what its holder is called, without what cannot be shown; from the address where omitted.
            confirmed: the caller knows that the address is the account's. An invitation's code does not prove it:
                whoever invites has it too. Only the embedded adapter takes the platform's word for it.

        Returns:
            A sign-in, or None where the address has to be confirmed first. For an address that has an account already
            it is None too where mail is sent (so nobody learns of it), and an error ``account_exists`` where not.
        """
        ...

    async def sign_in(self, email: str, password: str) -> Session:
        """Sign in. An unknown address and a wrong password answer alike, in content and time."""
        ...

    async def refresh(self, refresh_token: str) -> Session:
        """Exchange a refresh token for a new pair. Simultaneous calls with one token share one exchange; a token that
        was exchanged before ends its session."""
        ...

    async def sign_out(self, principal: Principal) -> None:
        """End the principal's session (``session_id``); its access token is refused from now on."""
        ...

    async def send_recovery(self, email: str) -> None:
        """Send a code to set a new password, if there is such an account; the answer tells nothing about it."""
        ...

    async def recover(self, email: str, code: str, password: str) -> Session:
        """Set a new password by a code. All earlier sessions of the account end."""
        ...

    async def resend_confirmation(self, email: str) -> None:
        """Send the confirmation of an address again; the answer tells nothing about it."""
        ...

    async def confirm(self, email: str, code: str) -> Session:
        """Confirm the address of a new account by the code of its mail."""
        ...

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Set another password; the account's other sessions end."""
        ...

    async def verify(self, token: str) -> Principal:
        """The principal of an access token (JWT), by its signature and claims alone.

        Raises:
            Unauthenticated: it is not valid: ``session_expired``, with the reason in the log only.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account, as who runs the server sees it."""

    user_id: UUID
    email: str
    display_name: str | None
    confirmed: bool
    has_password: bool
    created_at: datetime
    last_sign_in_at: datetime | None


@runtime_checkable
class LocalAccounts(Protocol):
    """What more an adapter has that keeps the accounts itself: it makes and removes them for who runs the server."""

    async def create_account(
        self, email: str, display_name: str | None = None, password: str | None = None
    ) -> Account:
        """Make an account for somebody; without a password a recovery code sets one."""
        ...

    async def ensure_account(self, email: str, display_name: str | None = None) -> UUID:
        """The account of somebody whom the platform knows in another way, made where it is missing."""
        ...

    async def issue_code(self, email: str, kind: Literal["recovery", "confirmation"]) -> str:
        """A one-time code, to be handed to the account's owner and to nobody else."""
        ...

    async def list_accounts(self) -> Sequence[KnownAccount]:
        """All accounts, by address."""
        ...

    async def delete_account(self, user_id: UUID) -> None:
        """Remove an account with its sign-ins and memberships."""
        ...
