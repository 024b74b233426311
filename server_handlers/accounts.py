"""Routes of accounts: signing up and in, and what one's account is and has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tornado import web

from insighter_ext.accounts.models import (
    AccessToken,
    AccessTokenCreate,
    Account,
    AccountUpdate,
    AuthInfo,
    Confirmation,
    ConfirmationConfirm,
    NewAccessToken,
    PasswordChange,
    Recovery,
    RecoveryConfirm,
    Sent,
    SignedIn,
    SignIn,
    SignInSession,
    SignUp,
    TokenRequest,
    Tokens,
)
from insighter_ext.accounts.service import BROWSER_SECONDS, BrowserSession, Place
from insighter_ext.errors import NotFound
from insighter_ext.models import Page, PageQuery
from server_handlers.base import ApiHandler, operation
from server_handlers.principals import (
    clear_session_cookie,
    insighter_signs_in,
    session_secret,
    set_session_cookie,
)


class _Door(ApiHandler):
    """What one comes to without an account."""

    tag = "accounts"
    for_strangers = True

    @property
    def place(self) -> Place:
        """Where the request comes from."""
        return Place(self.request.remote_ip or "", self.request.headers.get("User-Agent"))

    def enter(self, session: BrowserSession) -> SignedIn:
        """Give the browser its cookie."""
        set_session_cookie(self, session.secret, BROWSER_SECONDS)
        return SignedIn(
            signed_in=True, me=self.platform.me(session.holder.principal, session.holder.display_name)
        )


class AuthHandler(_Door):
    """How people sign in here."""

    path = "/auth"

    @operation("How people sign in here, and who has", returns=AuthInfo)
    async def get(self) -> AuthInfo:
        accounts = self.platform.accounts
        me = None
        if self.visitor is not None:
            me = self.platform.me(self.visitor, await accounts.display_name(self.visitor))
        return AuthInfo(
            mode=self.platform.mode,
            accounts=self.platform.owner is None,
            login_page=insighter_signs_in(self.identity_provider),
            sign_up=accounts.sign_up_policy,
            sends_mail=accounts.sends_mail,
            me=me,
        )


class SignUpHandler(_Door):
    """New accounts."""

    path = "/auth/sign-up"

    @operation(
        "Make an account and sign in; 202 where its address has to be confirmed first",
        body=SignUp,
        returns=SignedIn,
        status=201,
        also=202,
        errors=(409, 429),
    )
    async def post(self, body: SignUp) -> SignedIn:
        session = await self.platform.accounts.sign_up(body, self.place, session_secret(self))
        if session is None:
            self.outcome = 202
            return SignedIn(signed_in=False, me=None)
        return self.enter(session)


class SignInHandler(_Door):
    """Sign-ins of browsers."""

    path = "/auth/sign-in"

    @operation("Sign in; the answer sets the cookie", body=SignIn, returns=SignedIn, errors=(429,))
    async def post(self, body: SignIn) -> SignedIn:
        return self.enter(
            await self.platform.accounts.sign_in(body.email, body.password, self.place, session_secret(self))
        )


class SignOutHandler(_Door):
    """Their end."""

    path = "/auth/sign-out"

    @operation("Sign out: the sign-in ends, with all that was given out for it", status=204)
    async def post(self) -> None:
        clear_session_cookie(self)
        if insighter_signs_in(self.identity_provider):
            self.identity_provider.clear_login_cookie(self)
        if self.visitor is not None:
            await self.platform.accounts.sign_out(self.visitor)
            await close_ended(self)


class RecoveryHandler(_Door):
    """Forgotten passwords."""

    path = "/auth/recovery"

    @operation(
        "Send a code to set a new password, if there is such an account",
        body=Recovery,
        returns=Sent,
        status=202,
        errors=(429,),
    )
    async def post(self, body: Recovery) -> Sent:
        return Sent(sent=await self.platform.accounts.send_recovery(body.email, self.place))


class RecoveryConfirmHandler(_Door):
    """New passwords."""

    path = "/auth/recovery/confirm"

    @operation(
        "Set a new password by a code, and sign in", body=RecoveryConfirm, returns=SignedIn, errors=(429,)
    )
    async def post(self, body: RecoveryConfirm) -> SignedIn:
        return self.enter(
            await self.platform.accounts.recover(
                body.email, body.code, body.password, self.place, session_secret(self)
            )
        )


class ConfirmationHandler(_Door):
    """Confirmations that did not come."""

    path = "/auth/confirmation"

    @operation(
        "Send the confirmation of an address again, if it waits for one",
        body=Confirmation,
        returns=Sent,
        status=202,
        errors=(429,),
    )
    async def post(self, body: Confirmation) -> Sent:
        return Sent(sent=await self.platform.accounts.resend_confirmation(body.email, self.place))


class ConfirmationConfirmHandler(_Door):
    """Addresses that are proved."""

    path = "/auth/confirmation/confirm"

    @operation(
        "Confirm an address by a code, and sign in. Where no mail is sent: from within the account",
        body=ConfirmationConfirm,
        returns=SignedIn,
        errors=(403, 429),
    )
    async def post(self, body: ConfirmationConfirm) -> SignedIn:
        return self.enter(
            await self.platform.accounts.confirm(
                body.email, body.code, self.place, session_secret(self), self.visitor
            )
        )


class TokenHandler(_Door):
    """Sign-ins of programs."""

    path = "/auth/token"

    @operation(
        "Sign a program in by a password, or exchange its refresh token; sets no cookie",
        body=TokenRequest,
        returns=Tokens,
        errors=(429,),
    )
    async def post(self, body: TokenRequest) -> Tokens:
        return await self.platform.accounts.tokens(body, self.place)

    def check_xsrf_cookie(self) -> None:
        """No cookie is read here nor set: there is nothing that another site's page could make use of."""
        if hasattr(self, "_jupyter_current_user") and not self.check_origin():
            raise web.HTTPError(404)


class AccountHandler(ApiHandler):
    """The caller's account."""

    path, tag = "/account", "accounts"

    @operation("The caller's account", returns=Account)
    async def get(self) -> Account:
        return await self.platform.accounts.get(self.principal)

    @operation("Change the caller's name", body=AccountUpdate, returns=Account)
    async def patch(self, body: AccountUpdate) -> Account:
        return await self.platform.accounts.update(self.principal, body.display_name)


class PasswordHandler(ApiHandler):
    """The caller's password."""

    path, tag = "/account/password", "accounts"

    @operation(
        "Set another password; the account's other sign-ins end",
        body=PasswordChange,
        status=204,
        errors=(429,),
    )
    async def post(self, body: PasswordChange) -> None:
        place = Place(self.request.remote_ip or "")
        await self.platform.accounts.change_password(self.principal, body.current, body.new, place)
        await close_ended(self)


class SessionsHandler(ApiHandler):
    """The caller's sign-ins."""

    path, tag = "/account/sessions", "accounts"

    @operation("The caller's sign-ins, newest first", query=PageQuery, returns=Page[SignInSession])
    async def get(self, query: PageQuery) -> Page[SignInSession]:
        return await self.platform.accounts.sessions(self.principal, query)


class SessionHandler(ApiHandler):
    """One of them."""

    path, tag = "/account/sessions/{session_id:uuid}", "accounts"

    @operation("End a sign-in", status=204, errors=(404,))
    async def delete(self, session_id: UUID) -> None:
        await self.platform.accounts.end_session(self.principal, session_id)
        await close_ended(self)


class AccessTokensHandler(ApiHandler):
    """The caller's personal access tokens."""

    path, tag = "/account/tokens", "accounts"

    @operation("The caller's access tokens, newest first", query=PageQuery, returns=Page[AccessToken])
    async def get(self, query: PageQuery) -> Page[AccessToken]:
        return await self.platform.accounts.access_tokens(self.principal, query)

    @operation(
        "Make an access token for one project; its secret is in this answer and nowhere else",
        body=AccessTokenCreate,
        returns=NewAccessToken,
        status=201,
        errors=(404, 409),
    )
    async def post(self, body: AccessTokenCreate) -> NewAccessToken:
        return await self.platform.accounts.create_access_token(self.principal, body)


class AccessTokenHandler(ApiHandler):
    """One of them."""

    path, tag = "/account/tokens/{token_id:uuid}", "accounts"

    @operation("Revoke an access token, at once", status=204, errors=(404,))
    async def delete(self, token_id: UUID) -> None:
        await self.platform.accounts.revoke_access_token(self.principal, token_id)


async def close_ended(handler: ApiHandler) -> None:
    """Close what was let in by a sign-in that is over now."""
    if insighter_signs_in(handler.identity_provider):
        await handler.identity_provider.close_ended()  # type: ignore[attr-defined]


class UnknownHandler(ApiHandler):
    """Every other path below the API, for whoever may ask at all."""

    path, tag = "/(.*)", "status"

    async def get(self, *_: Any) -> None:
        """Nothing is here."""
        raise NotFound(
            f"nothing at {self.request.path}", hint="GET /insighter/api/openapi.json lists all routes"
        )

    async def post(self, *_: Any) -> None:
        """Nothing is here."""
        await self.get()

    async def put(self, *_: Any) -> None:
        """Nothing is here."""
        await self.get()

    async def patch(self, *_: Any) -> None:
        """Nothing is here."""
        await self.get()

    async def delete(self, *_: Any) -> None:
        """Nothing is here."""
        await self.get()


HANDLERS: list[type[ApiHandler]] = [
    AuthHandler,
    SignUpHandler,
    SignInHandler,
    SignOutHandler,
    RecoveryHandler,
    RecoveryConfirmHandler,
    ConfirmationHandler,
    ConfirmationConfirmHandler,
    TokenHandler,
    AccountHandler,
    PasswordHandler,
    SessionsHandler,
    SessionHandler,
    AccessTokensHandler,
    AccessTokenHandler,
]
