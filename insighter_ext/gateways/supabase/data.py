"""The data gateway on a Supabase project: the same SQL functions, called through PostgREST."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from insighter_ext import errors, schema
from insighter_ext.gateways.database_errors import domain_error
from insighter_ext.gateways.supabase.clients import Project
from insighter_ext.gateways.tokens import session_expired
from insighter_ext.principal import PLATFORM, Principal

log = logging.getLogger("insighter.data")

_ATTEMPTS = 3
_CHECK = "run `insighter supabase check`, which says what is missing and how to mend it"


class SupabaseDataGateway:
    """See :class:`insighter_ext.gateways.data.DataGateway`.

    A principal with a JWT of the project speaks by it. For all others (kernels, access tokens, browsers' sessions) a
    token is made with the principal's claims, good for a few minutes, so that row-level security sees the same caller
    as in embedded mode.
    """

    def __init__(self, project: Project) -> None:
        self._project = project

    async def call(self, principal: Principal | None, function: str, **arguments: Any) -> Any:
        """See :class:`insighter_ext.gateways.data.DataGateway`."""
        try:
            body = json.loads(
                json.dumps(
                    {f"p_{name}": value for name, value in arguments.items()}, default=_plain, allow_nan=False
                )
            )
            json.dumps(body, ensure_ascii=False).encode()
        except ValueError as error:  # NaN, or half a character: nothing could store them
            raise errors.Invalid(f"a value cannot be stored: {error}", hint="change it") from error
        answer = await self._send(principal, function, body)
        if (
            isinstance(answer, errors.Unauthenticated)
            and principal is not None
            and self._project.forget(principal)
        ):
            answer = await self._send(principal, function, body)
        if isinstance(answer, errors.InsighterError):
            raise answer
        return answer

    async def call_text(self, principal: Principal | None, function: str, **arguments: Any) -> str:
        """See :class:`insighter_ext.gateways.data.DataGateway`. PostgREST's client has taken it apart already."""
        return json.dumps(
            await self.call(principal, function, **arguments), ensure_ascii=False, separators=(",", ":")
        )

    async def check_schema(self) -> None:
        """Whether the project has the tables and functions of this release.

        Raises:
            Unavailable: it does not answer, or has others.
        """
        wanted = schema.migrations()[-1]
        try:
            found = await self.call(PLATFORM, "platform_schema")
        except errors.Unauthenticated as error:
            raise errors.Unavailable(
                "SUPABASE_JWT_SECRET is not what signs the Supabase project's tokens",
                code="secret_refused",
                hint="copy the legacy JWT secret from the project's settings (JWT Keys), and see whether this machine's"
                " clock is right; `insighter supabase check` tells more",
            ) from error
        newest = found["version"] if isinstance(found, dict) else None
        if newest != wanted.version:
            raise errors.Unavailable(
                f"the Supabase project has migration {newest}, this release of Insighter takes {wanted.version}",
                code="migrations_missing",
                hint="`insighter supabase init` writes the migrations and `supabase db push` applies them"
                if str(newest) < wanted.version
                else "update Insighter",
            )

    async def _send(self, principal: Principal | None, function: str, body: dict[str, Any]) -> Any:
        """The answer, or the error that is one."""
        import httpx
        from postgrest.exceptions import APIError

        client = self._project.client(None if principal is None else self._project.token(principal))
        for attempt in range(_ATTEMPTS):
            try:
                return (await client.rpc(function, body).execute()).data
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                # Nothing was sent: doing it again is safe.
                log.warning("the Supabase project does not answer (%s): %s", function, type(error).__name__)
                if attempt + 1 < _ATTEMPTS:
                    await asyncio.sleep(0.2 * 2**attempt)
            except httpx.TimeoutException:
                return errors.Timeout(
                    "the Supabase project took too long; a change may be saved or not",
                    hint="look whether it is there before you repeat it",
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                log.warning("the connection to the Supabase project was lost in %s: %s", function, error)
                return errors.Unavailable(
                    "the Supabase project was lost in the middle of a call; a change may be saved or not",
                    hint="look whether it is there before you repeat it",
                )
            except APIError as error:
                return postgrest_error(
                    error.code, error.message, error.details, error.hint, anonymous=principal is None
                )
        return errors.Unavailable("the Supabase project does not answer", hint="try again in a moment")


def postgrest_error(
    code: str | None, message: str | None, details: Any, hint: str | None, *, anonymous: bool
) -> errors.InsighterError:
    """The domain error for an error of PostgREST, or of what stands before it.

    Args:
        code: a SQLSTATE, PostgREST's own ``PGRST…``, or, where the answer was not PostgREST's, the HTTP status.
        message: what it says.
        details: of an error that our functions raise, its code word.
        hint: what it advises.
        anonymous: nobody is signed in.
    """
    code, message, hint = code or "", message or "the Supabase project refused the call", hint or None
    if code == "42501":
        if anonymous:
            return errors.Unauthenticated(
                "sign in first", code="sign_in_required", hint="sign in, then repeat it"
            )
        if message.startswith("permission denied"):
            # Row-level security says otherwise: a grant is missing, which is a defect of a migration.
            log.error("a grant is missing in the Supabase project: %s", message)
        return errors.Forbidden(message, hint=hint)
    if code.startswith("PGRST"):
        return _postgrest(code, message)
    if len(code) == 5:
        return domain_error(code, message, details if isinstance(details, str) else None, hint)
    if "api key" in message.lower():
        return errors.Unavailable(
            "the Supabase project does not take SUPABASE_KEY", code="key_refused", hint=_CHECK
        )
    if code.isdigit() and int(code) in {401, 413, 429, 504}:
        return errors.from_status(int(code), message, hint="try again in a moment")
    return errors.Unavailable("the Supabase project does not answer as it should", hint=_CHECK)


def _postgrest(code: str, message: str) -> errors.InsighterError:
    if code in {"PGRST301", "PGRST302", "PGRST303"}:
        return session_expired()
    if code == "PGRST116":
        return errors.NotFound("there is no such thing, or it is not shared with you")
    if code in {"PGRST202", "PGRST203", "PGRST204", "PGRST205", "PGRST106"}:
        log.error("the Supabase project lacks what this release needs: %s", message)
        return errors.Unavailable(
            "the Supabase project lacks migrations of this release", code="migrations_missing", hint=_CHECK
        )
    if code in {"PGRST000", "PGRST001", "PGRST002", "PGRST003"}:
        return errors.Unavailable(
            "the Supabase project's database does not answer", hint="try again in a moment"
        )
    if code == "PGRST300":
        return errors.Unavailable("the Supabase project has no JWT secret", hint=_CHECK)
    if code.startswith("PGRST1"):
        return errors.Invalid(message)
    return errors.InsighterError(f"the Supabase project refused the call ({code}): {message}")


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
