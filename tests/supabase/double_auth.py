"""The double's GoTrue: accounts, over those of the embedded mode."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jwt
from psycopg.rows import dict_row

from insighter_ext import errors
from insighter_ext.gateways.auth import Session
from tests.supabase.double import Answer, Handler

_VERSION = {"X-Supabase-Api-Version": "2024-01-01"}


def refusal(status: int, code: str, message: str, **more: Any) -> Answer:
    """An error as GoTrue writes it."""
    return Answer(status, {"code": code, "message": message, **more}, _VERSION)


class AuthHandler(Handler):
    """What the accounts' routes share."""

    async def user(self, where: str, value: Any) -> dict[str, Any] | None:
        """A row of ``auth.users``."""
        async with self.double.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(f"select * from auth.users where {where} = %s", [value])
            return await cursor.fetchone()

    def as_json(self, user: dict[str, Any]) -> dict[str, Any]:
        """An account as GoTrue writes it."""
        stamp = user["created_at"].isoformat()
        confirmed = user["email_confirmed_at"].isoformat() if user["email_confirmed_at"] else None
        return {
            "id": str(user["id"]),
            "aud": "authenticated",
            "role": "authenticated",
            "email": user["email"],
            "email_confirmed_at": confirmed,
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": user["raw_user_meta_data"],
            "identities": [],
            "created_at": stamp,
            "updated_at": stamp,
            "is_anonymous": False,
        }

    async def answer_session(self, session: Session) -> None:
        """A sign-in as GoTrue writes it, with a token that the project's secret signs."""
        user = await self.user("id", session.account.user_id)
        assert user is not None
        now = int(time.time())
        claims = {
            "iss": f"{self.double.url}/auth/v1",
            "sub": str(user["id"]),
            "aud": "authenticated",
            "role": "authenticated",
            "email": user["email"],
            "session_id": str(session.id),
            "app_metadata": {"provider": "email"},
            "user_metadata": user["raw_user_meta_data"],
            "aal": "aal1",
            "is_anonymous": False,
            "iat": now,
            "exp": now + 3600,
        }
        body = {
            "access_token": jwt.encode(claims, self.double.secret, algorithm="HS256"),
            "token_type": "bearer",
            "expires_in": 3600,
            "expires_at": now + 3600,
            "refresh_token": session.refresh_token,
            "user": self.as_json(user),
        }
        self.reply(200, body)

    async def signed_in(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The account and the claims of a request's token, whose session must still be."""
        claims = self.double.claims(self)
        if claims.get("role") != "authenticated":
            raise refusal(401, "bad_jwt", "invalid claim: missing sub claim")
        async with self.double.pool.connection() as connection:
            cursor = await connection.execute(
                "select 1 from auth.sessions where id = %s and user_id = %s",
                [claims.get("session_id"), claims["sub"]],
            )
            if await cursor.fetchone() is None:
                raise refusal(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        user = await self.user("id", UUID(claims["sub"]))
        assert user is not None
        return user, claims

    async def mail(self, address: str, kind: Any) -> None:
        """Send a code, if there is such an account; not twice within a minute."""
        if address in self.double.rationed:
            message = "For security purposes, you can only request this after 51 seconds."
            raise refusal(429, "over_email_send_rate_limit", message)
        with contextlib.suppress(errors.NotFound):
            self.double.mails.append((address, kind, await self.double.accounts.issue_code(address, kind)))


def _banned(user: dict[str, Any] | None) -> bool:
    return bool(user and user["banned_until"] and user["banned_until"] > datetime.now(UTC))


class SignUp(AuthHandler):
    async def post(self) -> None:
        self.double.claims(self)
        body = self.json()
        address, password = body["email"].lower(), body["password"]
        if len(password) < 6:
            message = "Password should be at least 6 characters."
            raise refusal(422, "weak_password", message, weak_password={"reasons": ["length"]})
        try:
            session = await self.double.accounts.sign_up(
                address,
                password,
                display_name=(body.get("data") or {}).get("display_name"),
                confirmed=self.double.autoconfirm,
            )
        except errors.Conflict:
            if self.double.autoconfirm:
                raise refusal(422, "user_already_exists", "User already registered") from None
            # Nobody learns that there is one: an account that does not exist, and no mail.
            now = datetime.now(UTC)
            made_up = {"id": uuid4(), "email": address, "created_at": now, "email_confirmed_at": None}
            self.reply(200, self.as_json({**made_up, "raw_user_meta_data": {}}))
            return
        assert session is not None
        if self.double.autoconfirm:
            await self.answer_session(session)
            return
        async with self.double.pool.connection() as connection:
            await connection.execute("delete from auth.sessions where id = %s", [session.id])
        await self.mail(address, "confirmation")
        user = await self.user("id", session.account.user_id)
        assert user is not None
        self.reply(200, self.as_json(user))


class Token(AuthHandler):
    async def post(self) -> None:
        self.double.claims(self)
        body = self.json()
        if self.get_query_argument("grant_type") == "password":
            try:
                session = await self.double.accounts.sign_in(body["email"], body["password"])
            except errors.Unauthenticated:
                if _banned(await self.user("email", body["email"].lower())):
                    raise refusal(400, "user_banned", "User is banned") from None
                raise refusal(400, "invalid_credentials", "Invalid login credentials") from None
            if not session.account.confirmed:
                raise refusal(400, "email_not_confirmed", "Email not confirmed")
        else:
            try:
                session = await self.double.accounts.refresh(body["refresh_token"])
            except errors.Unauthenticated:
                message = "Invalid Refresh Token: Refresh Token Not Found"
                raise refusal(400, "refresh_token_not_found", message) from None
        await self.answer_session(session)


class Logout(AuthHandler):
    async def post(self) -> None:
        user, claims = await self.signed_in()
        which = {
            "local": "id = %s",
            "others": "id <> %s",
            "global": "id is not distinct from coalesce(%s, id)",
        }
        scope = self.get_query_argument("scope", "global")
        async with self.double.pool.connection() as connection:
            await connection.execute(
                f"delete from auth.sessions where user_id = %s and {which[scope]}",
                [user["id"], None if scope == "global" else claims["session_id"]],
            )
        self.set_status(204)


class Me(AuthHandler):
    async def get(self) -> None:
        user, _ = await self.signed_in()
        self.reply(200, self.as_json(user))

    async def put(self) -> None:
        user, claims = await self.signed_in()
        password = self.json()["password"]
        if len(password) < 6:
            message = "Password should be at least 6 characters."
            raise refusal(422, "weak_password", message, weak_password={"reasons": ["length"]})
        hashed = await self.double.accounts._passwords.hash(password)
        async with self.double.pool.connection() as connection:
            await connection.execute(
                "update auth.users set encrypted_password = %s where id = %s", [hashed, user["id"]]
            )
            await connection.execute(
                "delete from auth.sessions where user_id = %s and id <> %s",
                [user["id"], claims["session_id"]],
            )
        self.reply(200, self.as_json(user))


class Recover(AuthHandler):
    async def post(self) -> None:
        self.double.claims(self)
        await self.mail(self.json()["email"], "recovery")
        self.reply(200, {})


class Resend(AuthHandler):
    async def post(self) -> None:
        self.double.claims(self)
        user = await self.user("email", self.json()["email"])
        if user and not user["email_confirmed_at"]:
            await self.mail(user["email"], "confirmation")
        self.reply(200, {})


class Verify(AuthHandler):
    async def post(self) -> None:
        self.double.claims(self)
        body = self.json()
        expired = refusal(403, "otp_expired", "Token has expired or is invalid")
        user = await self.user("email", body["email"])
        if _banned(user):
            raise refusal(403, "user_banned", "User is banned")
        if body["type"] == "signup":
            try:
                await self.answer_session(await self.double.accounts.confirm(body["email"], body["token"]))
            except errors.Invalid:
                raise expired from None
            return
        # GoTrue signs in by the code and leaves the password as it is until another request sets it.
        try:
            session = await self.double.accounts.recover(body["email"], body["token"], uuid4().hex)
        except errors.Invalid:
            raise expired from None
        assert user is not None
        async with self.double.pool.connection() as connection:
            await connection.execute(
                "update auth.users set encrypted_password = %s where id = %s",
                [user["encrypted_password"], user["id"]],
            )
        await self.answer_session(session)


class AuthSettings(AuthHandler):
    def get(self) -> None:
        if self.request.headers.get("apikey") not in {self.double.key, self.double.api_key("service_role")}:
            raise Answer(401, {"message": "Invalid API key", "hint": "Double check your Supabase API key."})
        body = {
            "external": {"email": True},
            "disable_signup": False,
            "mailer_autoconfirm": self.double.autoconfirm,
        }
        self.reply(200, body)


class Jwks(AuthHandler):
    async def get(self) -> None:
        self.reply(200, await self.double.accounts.jwks())


def auth_routes() -> list[tuple[str, type[Handler]]]:
    """Paths and handlers."""
    return [
        (r"/auth/v1/signup", SignUp),
        (r"/auth/v1/token", Token),
        (r"/auth/v1/logout", Logout),
        (r"/auth/v1/user", Me),
        (r"/auth/v1/recover", Recover),
        (r"/auth/v1/resend", Resend),
        (r"/auth/v1/verify", Verify),
        (r"/auth/v1/settings", AuthSettings),
        (r"/auth/v1/.well-known/jwks.json", Jwks),
    ]
