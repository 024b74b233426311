"""One Supabase project: its addresses, its tokens, and supabase-py's clients on one pool of connections."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from insighter_ext.config import key_kind
from insighter_ext.gateways import tokens
from insighter_ext.principal import Principal

if TYPE_CHECKING:
    import httpx
    from supabase import AsyncClient

_KEPT_TOKENS = 1000
_RENEW_SECONDS = 60


class Project:
    """What the three adapters share.

    Args:
        url: the project's address, without a slash at its end.
        key: its publishable (anon) key.
        jwt_secret: what signs its tokens.
    """

    def __init__(self, url: str, key: str, jwt_secret: str) -> None:
        import httpx

        self.url = url
        self.key = key
        self.issuer = f"{url}/auth/v1"
        self._jwt_secret = jwt_secret
        self._minted: dict[Principal, tuple[str, float]] = {}
        self.http: httpx.AsyncClient = httpx.AsyncClient(
            # HTTP/1.1: a lost HTTP/2 connection takes all its calls with it, and nobody knows which of them were done.
            timeout=httpx.Timeout(60, connect=10),
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=30),
            event_hooks={"response": [_is_of_the_project]},
        )
        _hide_tokens()

    async def close(self) -> None:
        """Give the connections back."""
        await self.http.aclose()

    def client(self, token: str | None = None) -> AsyncClient:
        """A client for one caller: cheap, to be used once and forgotten.

        A client that is shared would, at the first sign-in, speak for whoever signed in.

        Args:
            token: the caller's JWT; without one it asks as ``anon``, with the project's key alone.
        """
        from supabase import AsyncClient, AsyncClientOptions

        if token is None and key_kind(self.key) == "service":
            token = self._nobody()
        options = AsyncClientOptions(
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            auto_refresh_token=False,
            persist_session=False,
            httpx_client=self.http,
            # Codes of mails are typed in here: nobody comes back by a link to redeem another one.
            flow_type="implicit",
        )
        return AsyncClient(self.url, self.key, options)

    def token(self, principal: Principal) -> str:
        """What proves a principal to the project: the JWT it came with, or a short-lived one of our own."""
        if principal.token is not None:
            return principal.token
        now = time.monotonic()
        token, good_until = self._minted.get(principal, ("", 0.0))
        if now >= good_until:
            token = tokens.mint(principal, self._jwt_secret, self.issuer)
            if len(self._minted) >= _KEPT_TOKENS:
                self._minted.clear()
            self._minted[principal] = (token, now + tokens.MINTED_SECONDS - _RENEW_SECONDS)
        return token

    def _nobody(self) -> str:
        """What makes ``anon`` of a service key that was allowed: nothing is ever asked with its rights."""
        import jwt

        claims = {"role": "anon", "iss": self.issuer, "exp": int(time.time()) + tokens.MINTED_SECONDS}
        return jwt.encode(claims, self._jwt_secret, algorithm="HS256")

    def forget(self, principal: Principal) -> bool:
        """Make a new token for a principal next time; whether that is in our hands."""
        return self._minted.pop(principal, None) is not None

    def verifier(self) -> tokens.TokenVerifier:
        """Verifies the tokens that the project signs, by its secret or by the keys that it publishes."""
        return tokens.TokenVerifier(
            self.issuer,
            tokens.SecretKey(self._jwt_secret),
            tokens.RemoteKeys(f"{self.issuer}/.well-known/jwks.json", self.http),
        )


async def _is_of_the_project(answer: httpx.Response) -> None:
    """postgrest-py takes any page for a text; a proxy that answers in the project's place must not pass for it."""
    import httpx

    json = answer.headers.get("Content-Type", "").startswith("application/json")
    if answer.is_success and not json and answer.request.url.path.startswith("/rest/v1/"):
        raise httpx.DecodingError("the answer is no JSON", request=answer.request)


class _HideTokens(logging.Filter):
    """httpx logs every address; that of a signed download has a token in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                text.partition("token=")[0] + "token=…" if "token=" in (text := str(argument)) else argument
                for argument in record.args
            )
        return True


def _hide_tokens() -> None:
    log = logging.getLogger("httpx")
    if not any(isinstance(one, _HideTokens) for one in log.filters):
        log.addFilter(_HideTokens())
