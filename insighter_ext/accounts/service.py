"""Accounts as a service: who signs in gets a credential for the browser, or tokens for a program."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from insighter_ext.accounts.attempts import Attempts
from insighter_ext.accounts.models import (
    AccessToken,
    AccessTokenCreate,
    Account,
    NewAccessToken,
    SignInSession,
    SignUp,
    TokenRequest,
    Tokens,
)
from insighter_ext.credentials.service import (
    SESSION_PREFIX,
    TOKEN_PREFIX,
    CredentialsService,
    Holder,
    digest,
    new_secret,
)
from insighter_ext.errors import Forbidden, InsighterError, Invalid, NotFound, Unauthenticated
from insighter_ext.gateways import AuthGateway, DataGateway, LocalAccounts, Session
from insighter_ext.models import Page, PageQuery
from insighter_ext.principal import Principal

if TYPE_CHECKING:
    from insighter_ext.config import Settings

log = logging.getLogger("insighter.accounts")

BROWSER_SECONDS = 30 * 24 * 3600
"""How long a browser stays signed in."""

_CHECKED_SECONDS = 5.0
_CHECKED_MOST = 5_000
_HUB_SECONDS = 60.0
_HUB_MOST = 1_000
_HUB_DOMAIN = "jupyterhub.localhost"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request comes from."""

    ip: str = ""
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A new sign-in of a browser; the secret is for its cookie and known nowhere else."""

    holder: Holder
    secret: str = field(repr=False)


class AccountsService:
    """See the module.

    Args:
        settings: ``sign_up`` says who may make an account.
        local_owner: the account of whoever owns the machine, in embedded mode.
    """

    def __init__(
        self,
        data: DataGateway,
        auth: AuthGateway,
        credentials: CredentialsService,
        settings: Settings,
        local_owner: Principal | None,
    ) -> None:
        self._data = data
        self._auth = auth
        self._credentials = credentials
        self._sign_up = settings.sign_up
        self._local_owner = local_owner
        self._attempts = Attempts()
        self._checked: OrderedDict[str, float] = OrderedDict()
        self._hub: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    @property
    def sends_mail(self) -> bool:
        """Whether codes come by mail."""
        return self._auth.sends_mail

    @property
    def sign_up_policy(self) -> Literal["open", "invited", "closed"]:
        """Who may make an account."""
        return "open" if self._sign_up == "open" else "closed" if self._sign_up == "closed" else "invited"

    # ---- signing in

    async def sign_up(self, body: SignUp, place: Place, before: str | None = None) -> BrowserSession | None:
        """Make an account and sign in.

        Args:
            before: the secret of the browser's session until now, which ends.

        Returns:
            None where the address has to be confirmed first.
        """
        with self._attempts.trying("sign-up", body.email, place.ip, forgive=False):
            code = await self._invited(body)
            # Whoever invites knows the code too: it opens the one project it is for, and proves no address.
            session = await self._auth.sign_up(body.email, body.password, display_name=body.display_name)
        if session is None:
            return None
        if code is not None:
            try:
                await self._data.call(_principal(session), "invitations_accept", code_hash=digest(code))
            except NotFound:
                log.info("an invitation was used or taken back while its account was made")
        return await self._browser(session, place, before)

    async def sign_in(
        self, email: str, password: str, place: Place, before: str | None = None
    ) -> BrowserSession:
        """Sign a browser in."""
        with self._attempts.trying("sign-in", email, place.ip):
            session = await self._auth.sign_in(email, password)
        return await self._browser(session, place, before)

    async def sign_out(self, principal: Principal) -> None:
        """End the sign-in that the principal stands for, with all that was given out for it."""
        if principal.session_id is not None:
            await self._end(principal, principal.session_id)

    async def tokens(self, body: TokenRequest, place: Place) -> Tokens:
        """Sign a program in."""
        if body.grant_type == "password":
            with self._attempts.trying("sign-in", body.email or "", place.ip):
                session = await self._auth.sign_in(body.email or "", body.password or "")
            await self._data.call(_principal(session), "accounts_ensure")
        else:
            with self._attempts.trying("refresh", "", place.ip):
                session = await self._auth.refresh(body.refresh_token or "")
        return Tokens(
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            token_type="bearer",  # noqa: S106 - a kind of token
            expires_at=session.expires_at,
        )

    async def send_recovery(self, email: str, place: Place) -> bool:
        """Send a code for a new password, if there is such an account; whether mail is sent here at all."""
        with self._attempts.trying("mail", email, place.ip, forgive=False):
            await self._auth.send_recovery(email)
        return self._auth.sends_mail

    async def recover(
        self, email: str, code: str, password: str, place: Place, before: str | None = None
    ) -> BrowserSession:
        """Set a new password by a code, and sign in."""
        with self._attempts.trying("code", email, place.ip):
            session = await self._auth.recover(email, code, password)
        self._checked.clear()
        return await self._browser(session, place, before)

    async def resend_confirmation(self, email: str, place: Place) -> bool:
        """Send the confirmation of an address again; whether mail is sent here at all."""
        with self._attempts.trying("mail", email, place.ip, forgive=False):
            await self._auth.resend_confirmation(email)
        return self._auth.sends_mail

    async def confirm(
        self, email: str, code: str, place: Place, before: str | None = None, caller: Principal | None = None
    ) -> BrowserSession:
        """Prove an address by a code, and sign in.

        Args:
            caller: who is signed in. Where a new account is signed in at once, its address is proved from within it:
                else somebody could make an account with another's address, and have its owner prove it for them.

        Raises:
            Forbidden: ``sign_in_first``.
        """
        within = caller is not None and caller.in_person and caller.email == email.strip().lower()
        if not self.sends_mail and not within:
            raise Forbidden(
                "an address is proved by whoever is signed in to its account",
                hint="sign in and enter the code on your account's page; if the password is not yours, ask who runs"
                " this server for a code to set a new one: it proves the address too",
                code="sign_in_first",
            )
        with self._attempts.trying("code", email, place.ip):
            session = await self._auth.confirm(email, code)
        return await self._browser(session, place, before)

    # ---- who is asking

    async def authenticate(self, token: str) -> Principal:
        """The principal of an access token (JWT): by its signature, and by the account and sign-in still being there.

        A yes is good for a few seconds; a no is asked again.

        Raises:
            Unauthenticated: it is not valid.
        """
        principal = await self._auth.verify(token)
        key, now = digest(token), time.monotonic()
        if now - self._checked.get(key, -_CHECKED_SECONDS) < _CHECKED_SECONDS:
            return principal
        if await self._data.call(principal, "sessions_check") is None:
            self._checked.pop(key, None)
            raise Unauthenticated("this sign-in is over", hint="sign in again", code="session_expired")
        self._checked[key] = now
        self._checked.move_to_end(key)
        while len(self._checked) > _CHECKED_MOST:
            self._checked.popitem(last=False)
        return principal

    async def of_hub(self, username: str) -> Principal | None:
        """The account of somebody whom JupyterHub knows by a name; made when it first comes.

        Returns:
            None where accounts are not kept here: a Supabase project knows nothing of the Hub.
        """
        if not isinstance(self._auth, LocalAccounts):
            return None
        now = time.monotonic()
        known = self._hub.get(username)
        if known is not None and now - known[0] < _HUB_SECONDS:
            return known[1]
        email = hub_address(username)
        principal = Principal(await self._auth.ensure_account(email, username), email=email)
        self._hub[username] = now, principal
        self._hub.move_to_end(username)
        while len(self._hub) > _HUB_MOST:
            self._hub.popitem(last=False)
        return principal

    async def display_name(self, principal: Principal) -> str:
        """What the caller is called."""
        answer = await self._data.call(principal, "platform_status")
        return str(answer["display_name"] or "someone")

    # ---- the caller's account

    async def get(self, principal: Principal) -> Account:
        """The caller's account."""
        return self._account(principal, await self._data.call(principal, "accounts_get"))

    async def update(self, principal: Principal, display_name: str) -> Account:
        """Change the caller's name."""
        answer = await self._data.call(principal, "accounts_update", display_name=display_name)
        return self._account(principal, answer)

    async def change_password(self, principal: Principal, current: str, new: str, place: Place) -> None:
        """Set another password; the account's other sign-ins end."""
        account = await self.get(principal)
        with self._attempts.trying("sign-in", account.email, place.ip):
            try:
                await self._auth.change_password(principal, current, new)
            except Unauthenticated as error:
                if error.code != "invalid_credentials":
                    raise
                # The caller is signed in, and stays so.
                raise Invalid(
                    "the current password is wrong", hint="try again", code="wrong_password"
                ) from None
        self._checked.clear()

    async def sessions(self, principal: Principal, query: PageQuery) -> Page[SignInSession]:
        """The caller's sign-ins."""
        answer = await self._data.call(principal, "sessions_list", **query.model_dump())
        return Page[SignInSession].model_validate(answer)

    async def end_session(self, principal: Principal, session_id: UUID) -> None:
        """End one of them."""
        await self._end(principal, session_id)

    async def access_tokens(self, principal: Principal, query: PageQuery) -> Page[AccessToken]:
        """The caller's personal access tokens."""
        answer = await self._data.call(principal, "tokens_list", **query.model_dump())
        return Page[AccessToken].model_validate(answer)

    async def create_access_token(self, principal: Principal, body: AccessTokenCreate) -> NewAccessToken:
        """A new one; its secret is in this answer and nowhere else."""
        secret = new_secret(TOKEN_PREFIX)
        answer = await self._data.call(
            principal, "tokens_create", **body.model_dump(), secret_hash=digest(secret)
        )
        return NewAccessToken.model_validate({**answer, "secret": secret})

    async def revoke_access_token(self, principal: Principal, token_id: UUID) -> None:
        """Revoke one of them, at once."""
        await self._data.call(principal, "tokens_revoke", id=token_id)

    # ---- inside

    async def _invited(self, body: SignUp) -> str | None:
        """The code of the invitation that the account is made with, None where it takes none.

        Raises:
            Forbidden: accounts are made another way here.
            Invalid: the invitation is none for this address.
        """
        if self.sign_up_policy == "closed":
            raise Forbidden(
                "nobody makes an account here themselves",
                hint="ask who runs this server for one",
                code="sign_up_closed",
            )
        code = (body.invitation or "").strip()
        if not code:
            if self.sign_up_policy == "open":
                return None
            raise Forbidden(
                "an account here takes an invitation",
                hint="enter the code of the invitation you were sent, or ask an admin of a project for one",
                code="invitation_needed",
            )
        found = await self._data.call(None, "invitations_check", code_hash=digest(code))
        if found is None or str(found["email"]).strip().lower() != body.email.strip().lower():
            raise Invalid(
                "this invitation is not for this address, or not good any more",
                hint="use the address it was sent to, or ask for a new one",
                code="invitation_invalid",
            )
        return code

    async def _browser(self, session: Session, place: Place, before: str | None) -> BrowserSession:
        """A credential for the cookie of a browser. It is never the one that the browser came with."""
        principal = _principal(session)
        secret = new_secret(SESSION_PREFIX)
        await self._data.call(
            principal,
            "sessions_issue",
            secret_hash=digest(secret),
            seconds=BROWSER_SECONDS,
            user_agent=(place.user_agent or "").replace("\0", "")[:500] or None,
            ip=_ip(place.ip),
        )
        holder = await self._credentials.find(secret)
        if holder is None:
            raise Unauthenticated("this sign-in is over", hint="sign in again", code="session_expired")
        if before is not None:
            await self._end_quietly(before)
        return BrowserSession(holder, secret)

    async def _end_quietly(self, secret: str) -> None:
        """End a browser's session that another takes the place of."""
        try:
            old = await self._credentials.find(secret)
            if old is not None:
                await self.sign_out(old.principal)
        except InsighterError as error:
            log.info("the session before could not be ended: %s", error.message)

    async def _end(self, principal: Principal, session_id: UUID) -> None:
        await self._data.call(principal, "sessions_end", id=session_id)
        self._checked.clear()
        # As the sign-in that ends, whichever the caller's own is.
        ended = Principal(
            principal.user_id,
            email=principal.email,
            session_id=session_id,
            token=principal.token if principal.session_id == session_id else None,
        )
        await asyncio.shield(self._auth.sign_out(ended))

    def _account(self, principal: Principal, answer: Any) -> Account:
        if answer is None:  # deleted since its token was last looked up
            self._checked.clear()
            raise Unauthenticated("this sign-in is over", hint="sign in again", code="session_expired")
        local = self._local_owner is not None and self._local_owner.user_id == principal.user_id
        return Account.model_validate({**answer, "local": local})


def hub_address(username: str) -> str:
    """The address of the account of a JupyterHub user: one for each name, whatever characters and cases it has."""
    local = re.sub(
        r"[^a-z0-9_-]",
        lambda found: "".join(f"={byte:02x}" for byte in found[0].encode("utf-8", "surrogatepass")),
        username,
    )
    if len(local) > 64:
        local = f"=={digest(local)[:60]}"  # no name is spelled with "=="
    return f"{local}@{_HUB_DOMAIN}"


def _principal(session: Session) -> Principal:
    return Principal(
        session.account.user_id,
        email=session.account.email,
        session_id=session.id,
        token=session.access_token,
    )


def _ip(ip: str) -> str | None:
    try:
        return str(ipaddress.ip_address(ip.partition("%")[0]))
    except ValueError:
        return None
