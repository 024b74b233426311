"""Accounts of a Supabase project: GoTrue, through supabase-py, with a client of its own for every call."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from insighter_ext import errors
from insighter_ext.gateways.account_rules import check_email, check_password
from insighter_ext.gateways.auth import Account, Session
from insighter_ext.gateways.supabase.clients import Project
from insighter_ext.gateways.tokens import session_expired
from insighter_ext.principal import Principal

if TYPE_CHECKING:
    from supabase import AsyncClient
    from supabase_auth.types import AuthResponse

T = TypeVar("T")

log = logging.getLogger("insighter.auth")


class SupabaseAuthGateway:
    """See :class:`insighter_ext.gateways.auth.AuthGateway`."""

    sends_mail = True

    def __init__(self, project: Project) -> None:
        self._project = project
        self._verifier = project.verifier()
        self._exchanges: dict[str, asyncio.Task[Session]] = {}

    async def sign_up(
        self, email: str, password: str, *, display_name: str | None = None, confirmed: bool = False
    ) -> Session | None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`. The project says what is confirmed."""
        address = check_email(email)
        check_password(password, address)
        about = {"display_name": display_name} if display_name else {}

        async def ask(client: AsyncClient) -> AuthResponse:
            return await client.auth.sign_up(
                {"email": address, "password": password, "options": {"data": about}}
            )

        try:
            answer = await self._ask(ask)
        except errors.TooMany as error:
            if not _rationed(error):
                raise
            return None  # there is an account that waits for its confirmation: nobody learns of it
        return None if answer.session is None else _session(answer)

    async def sign_in(self, email: str, password: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""

        async def ask(client: AsyncClient) -> AuthResponse:
            return await client.auth.sign_in_with_password({"email": _address(email), "password": password})

        if not email.strip() or not password:
            raise _invalid_credentials()
        return _session(await self._ask(ask, _invalid_credentials))

    async def refresh(self, refresh_token: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        if not refresh_token:
            raise session_expired()
        exchange = self._exchanges.get(refresh_token)
        if exchange is None:
            exchange = asyncio.ensure_future(self._exchange(refresh_token))
            self._exchanges[refresh_token] = exchange
            exchange.add_done_callback(lambda _: self._exchanges.pop(refresh_token, None))
        # Whoever gives up waiting does not take the answer from the others.
        return await asyncio.shield(exchange)

    async def _exchange(self, refresh_token: str) -> Session:
        async def ask(client: AsyncClient) -> AuthResponse:
            return await client.auth.refresh_session(refresh_token)

        try:
            return _session(await self._ask(ask))
        except errors.Invalid as error:  # it is not even written like a refresh token
            raise session_expired() from error

    async def sign_out(self, principal: Principal) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        if principal.session_id is None:
            return
        token = self._project.token(principal)

        async def ask(client: AsyncClient) -> None:
            await client.auth.admin.sign_out(token, "local")

        try:
            await self._ask(ask)
        except errors.Unauthenticated:
            log.debug("a session that is signed out was over before")

    async def send_recovery(self, email: str) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""

        async def ask(client: AsyncClient) -> None:
            await client.auth.reset_password_for_email(_address(email))

        await self._tell_nothing(ask)

    async def recover(self, email: str, code: str, password: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        address = _address(email)
        # Before the code is used up for nothing.
        check_password(password, address)

        async def ask(client: AsyncClient) -> AuthResponse:
            answer = await client.auth.verify_otp(
                {"type": "recovery", "email": address, "token": code.strip()}
            )
            if answer.session is not None:
                await _set_password(client, {"password": password})
                await client.auth.sign_out({"scope": "others"})
            return answer

        return _session(await self._by_code(ask))

    async def resend_confirmation(self, email: str) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""

        async def ask(client: AsyncClient) -> None:
            await client.auth.resend({"type": "signup", "email": _address(email)})

        await self._tell_nothing(ask)

    async def confirm(self, email: str, code: str) -> Session:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""

        async def ask(client: AsyncClient) -> AuthResponse:
            return await client.auth.verify_otp(
                {"type": "signup", "email": _address(email), "token": code.strip()}
            )

        return _session(await self._by_code(ask))

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        if not principal.in_person:
            raise errors.Forbidden("only the person changes the password", hint="sign in yourself")
        token = self._project.token(principal)

        async def ask(client: AsyncClient) -> None:
            answer = await client.auth.set_session(token, "")
            address = answer.user.email if answer.user else None
            check_password(new, address or "")
            # Whether the current one is right is asked of a sign-in that ends at once: the project itself does not ask.
            proof = self._project.client()
            proved = await proof.auth.sign_in_with_password({"email": address or "", "password": current})
            if proved.session is not None:
                await proof.auth.admin.sign_out(proved.session.access_token, "local")
            await _set_password(client, {"password": new, "current_password": current})
            await client.auth.sign_out({"scope": "others"})

        await self._ask(ask)

    async def verify(self, token: str) -> Principal:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`."""
        return await self._verifier.verify(token)

    async def close(self) -> None:
        """See :class:`insighter_ext.gateways.auth.AuthGateway`. The connections are the project's."""

    # ---- inside

    async def _ask(
        self,
        ask: Callable[[AsyncClient], Awaitable[T]],
        closed: Callable[[], errors.InsighterError] = session_expired,
    ) -> T:
        """Ask GoTrue; ``closed`` is what is said of a closed account, which is as good as none."""
        from supabase_auth.errors import AuthError

        try:
            return await ask(self._project.client())
        except AuthError as error:
            if error.code == "user_banned":
                raise closed() from error
            raise auth_error(error.code, error.message, getattr(error, "status", None)) from error
        except (
            ValueError
        ) as error:  # an answer that is none of GoTrue's (pydantic's and JSON's errors are such)
            raise errors.Unavailable(
                "the Supabase project does not answer as it should",
                hint="run `insighter supabase check`, which says what is missing",
            ) from error

    async def _by_code(self, ask: Callable[[AsyncClient], Awaitable[T]]) -> T:
        """Ask with a code. What is wrong with it, or with the account it would be for, is nobody's business."""
        try:
            return await self._ask(ask, _code_invalid)
        except (errors.Unauthenticated, errors.NotFound) as error:
            raise _code_invalid() from error
        except errors.Invalid as error:
            if error.code == "invalid":
                raise _code_invalid() from error
            raise

    async def _tell_nothing(self, ask: Callable[[AsyncClient], Awaitable[None]]) -> None:
        """Send a mail, or not, and answer alike."""
        try:
            await self._ask(ask)
        except errors.TooMany as error:
            if not _rationed(error):
                raise
            log.info("a mail that was asked for again too soon was not sent")
        except (errors.Invalid, errors.NotFound, errors.Forbidden, errors.Conflict) as error:
            log.info("a mail that was asked for was not sent: %s", error.message)


def auth_error(code: str | None, message: str, status: int | None) -> errors.InsighterError:
    """The domain error for an error of GoTrue.

    Args:
        code: its code word, where it says one.
        message: what it says.
        status: of HTTP; 0 where there was no answer.
    """
    made = _BY_CODE.get(code or "")
    if made is not None:
        return made()
    if code == "weak_password" or (code == "validation_failed" and "assword" in message):
        return errors.Invalid(message, code="weak_password", hint="choose a longer one, of several words")
    if (
        code in {"over_request_rate_limit", "over_email_send_rate_limit", "over_sms_send_rate_limit"}
        or status == 429
    ):
        found = re.search(r"(\d+) seconds", message)
        seconds = int(found[1]) if found else 60
        return errors.TooMany(
            "asked too often", hint=f"try again in {seconds} seconds", details={"retry_after": seconds}
        )
    if message.startswith("Auth session missing"):  # supabase-py's own word for a token that is about to end
        return session_expired()
    if not status or status >= 500:
        return errors.Unavailable(
            "the Supabase project's accounts do not answer", hint="try again in a moment"
        )
    if "api key" in message.lower():
        return errors.Unavailable(
            "the Supabase project does not take SUPABASE_KEY",
            code="key_refused",
            hint="run `insighter supabase check`, which says what is missing",
        )
    if status in {401, 403}:
        return session_expired()
    return errors.Invalid(message, hint="see the Supabase project's sign-in settings")


def _invalid_credentials() -> errors.InsighterError:
    return errors.Unauthenticated(
        "the address or the password is wrong",
        code="invalid_credentials",
        hint="try again, or ask for a code to set a new password",
    )


def _code_invalid() -> errors.InsighterError:
    return errors.Invalid(
        "this code is wrong, used or too old", code="code_invalid", hint="ask for a new one and use it soon"
    )


def _invalid_email() -> errors.InsighterError:
    return errors.Invalid(
        "this is no e-mail address", code="invalid_email", hint="write it like name@example.org"
    )


def _account_exists() -> errors.InsighterError:
    return errors.Conflict(
        "there is an account with this address", code="account_exists", hint="sign in, or set a new password"
    )


def _closed(hint: str) -> Callable[[], errors.InsighterError]:
    return lambda: errors.Forbidden("no account can be made here", code="sign_up_closed", hint=hint)


_BY_CODE: dict[str, Callable[[], errors.InsighterError]] = {
    "invalid_credentials": _invalid_credentials,
    "email_not_confirmed": lambda: errors.Forbidden(
        "the address is not confirmed yet",
        code="email_not_confirmed",
        hint="enter the code of the mail, or have it sent again (POST /insighter/api/auth/confirmation)",
        details={"resend": True},
    ),
    "user_already_exists": _account_exists,
    "email_exists": _account_exists,
    "email_address_invalid": _invalid_email,
    "email_address_not_authorized": lambda: errors.Forbidden(
        "the Supabase project sends mail to its own team only",
        code="sign_up_closed",
        hint="who runs it sets up an SMTP server under Authentication, Emails",
    ),
    "signup_disabled": _closed("who runs the Supabase project allows sign-ups under Authentication, Sign In"),
    "email_provider_disabled": _closed("who runs the Supabase project switches e-mail sign-in on"),
    "captcha_failed": _closed("who runs the Supabase project switches its CAPTCHA off: there is none here"),
    "otp_expired": _code_invalid,
    "otp_disabled": _code_invalid,
    "flow_state_expired": _code_invalid,
    "reauthentication_needed": lambda: errors.Forbidden(
        "this takes a fresh sign-in", code="sign_in_again", hint="sign out and in, then change the password"
    ),
    **dict.fromkeys(
        (
            "refresh_token_not_found", "refresh_token_already_used", "session_not_found", "session_expired", "bad_jwt",
            "invalid_jwt", "no_authorization", "user_not_found",
        ),
        session_expired,
    ),
}  # fmt: skip


def _rationed(error: errors.TooMany) -> bool:
    """Whether GoTrue rations the mails to one account: of an address that has none it would never say so."""
    return "security purposes" in str(error.__cause__)


async def _set_password(client: AsyncClient, attributes: Any) -> None:
    from supabase_auth.errors import AuthError

    try:
        await client.auth.update_user(attributes)
    except AuthError as error:
        if error.code != "same_password":  # then it is what they want it to be
            raise


def _address(email: str) -> str:
    return email.strip().lower()


def _session(answer: AuthResponse) -> Session:
    """The port's session from supabase-py's."""
    import jwt

    session = answer.session
    if session is None:
        raise errors.Unavailable(
            "the Supabase project answered without a session", hint="try again in a moment"
        )
    try:
        # It comes from the project itself; whoever shows it again is asked for its signature.
        claims: dict[str, Any] = jwt.decode(session.access_token, options={"verify_signature": False})
        user = session.user
        return Session(
            UUID(str(claims["session_id"])),
            Account(UUID(user.id), user.email or "", user.email_confirmed_at is not None),
            session.access_token,
            session.refresh_token,
            datetime.fromtimestamp(int(claims["exp"]), tz=UTC),
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise errors.Unavailable(
            "the Supabase project answered with a token that is none of its own", hint="try again in a moment"
        ) from error
