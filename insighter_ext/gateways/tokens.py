"""Access tokens (JWT): what makes one valid, and the keys that say so. Both adapters of accounts verify with this.

A token is believed for its signature, by a key that was chosen by its algorithm: HS256 is checked with the secret and
nothing else, ES256 and RS256 with the public key of that id *and* algorithm. So nobody signs with a public key as if it
were a secret. Of the claims nothing that people can write themselves (``user_metadata``) is ever read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args
from uuid import UUID

from insighter_ext.config import is_safe
from insighter_ext.errors import Unauthenticated, Unavailable
from insighter_ext.principal import Kind, Principal, Role

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("insighter.tokens")

AUDIENCE = "authenticated"
ROLE = "authenticated"
"""The one database role a caller's token may name: ``anon`` is nobody, and ``service_role`` would be everybody."""

LEEWAY_SECONDS = 30
MINTED_SECONDS = 300

_LONGEST_TOKEN = 16_384
_SHORTEST_SECRET = 32
_SMALLEST_RSA_BITS = 2048
_MOST_KEYS = 50
_REQUIRED = ["exp", "sub", "aud", "role", "iss"]
_OURS = {"kind", "project", "role", "credential"}


class Refused(Exception):
    """Why a token is not valid; for the log, not for whoever sent it."""


class KeySource(Protocol):
    """Keys that tokens are verified with."""

    algorithms: frozenset[str]
    """those it has keys for; the algorithms of two sources do not overlap"""

    async def find(self, algorithm: str, key_id: str | None) -> Any | None:
        """The key for a token's algorithm and key id, in the form that pyjwt takes; None where there is none.

        Raises:
            Unavailable: the keys could not be fetched.
        """
        ...


class SecretKey:
    """The shared secret of HS256.

    Args:
        secret: at least 32 characters.

    Raises:
        ValueError: it is shorter, and could be found by trying.
    """

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: str) -> None:
        if len(secret.encode()) < _SHORTEST_SECRET:
            raise ValueError(f"the secret that signs tokens has less than {_SHORTEST_SECRET} characters")
        self._secret = secret.encode()

    async def find(self, algorithm: str, key_id: str | None) -> Any | None:
        """See :class:`KeySource`. The key's id says nothing here: there is one secret."""
        return self._secret if algorithm in self.algorithms else None


class PublicKeys:
    """The public keys of a JWKS document that is at hand. Its entries of other kinds are left out.

    Args:
        document: as RFC 7517 lays it out, ``{"keys": […]}``.

    Raises:
        ValueError: it is no such document.
    """

    algorithms = frozenset({"ES256", "RS256"})

    def __init__(self, document: Any) -> None:
        if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
            raise ValueError('a JWKS document is {"keys": [...]}')
        self._keys: dict[tuple[str, str], Any] = {}
        for entry in document["keys"][:_MOST_KEYS]:
            algorithm = _algorithm_of(entry)
            if algorithm is not None and (key := _public_key(entry, algorithm)) is not None:
                self._keys.setdefault((entry["kid"], algorithm), key)

    async def find(self, algorithm: str, key_id: str | None) -> Any | None:
        """See :class:`KeySource`."""
        return None if key_id is None else self._keys.get((key_id, algorithm))


class RemoteKeys:
    """The public keys that a project publishes, fetched when they are first needed and again when they are old.

    A token that names a key which is not known yet makes it look again, for keys rotate; but not more often than the
    cooldown says, for such tokens can be made up. Callers who wait for the same document share one request.

    Args:
        address: of the document; https, or http on this machine.
        client: sends the requests, and stays its owner's to close.
        ttl: seconds for which a document is good, at most 600: a withdrawn key is refused after that.
        cooldown: seconds between two requests.
        most_bytes: a larger document is refused.

    Raises:
        ValueError: the address is neither.
    """

    algorithms = PublicKeys.algorithms

    def __init__(
        self,
        address: str,
        client: httpx.AsyncClient,
        *,
        ttl: float = 600,
        cooldown: float = 30,
        most_bytes: int = 64 * 1024,
    ) -> None:
        if not is_safe(address):
            raise ValueError(f"keys are fetched over https, or over http from this machine only: {address}")
        self._address = address
        self._client = client
        self._ttl = min(ttl, 600)
        self._cooldown = cooldown
        self._most_bytes = most_bytes
        self._keys: PublicKeys | None = None
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, key_id: str | None) -> Any | None:
        """See :class:`KeySource`."""
        if key_id is None:
            return None
        if self._keys is None or time.monotonic() - self._fetched >= self._ttl:
            await self._fetch_once()
        assert self._keys is not None
        key = await self._keys.find(algorithm, key_id)
        if key is None and (self._fetching or time.monotonic() - self._tried >= self._cooldown):
            try:
                await self._fetch_once()
            except Unavailable:
                return None  # the keys at hand are still good, and this is none of them
            key = await self._keys.find(algorithm, key_id)
        return key

    async def _fetch_once(self) -> None:
        """Fetch the document; whoever comes meanwhile waits for the same request."""
        if self._fetching is None:
            # What just failed is not tried again for each of the requests that come in.
            if self._tried > self._fetched and time.monotonic() - self._tried < min(self._cooldown, 5):
                raise _unreachable()
            self._tried = time.monotonic()
            self._fetching = asyncio.ensure_future(self._fetch())
            self._fetching.add_done_callback(self._done)
        await asyncio.shield(self._fetching)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # whoever waited for it has seen it, or nobody is there any more

    async def _fetch(self) -> None:
        import httpx

        try:
            async with asyncio.timeout(10):
                document = await self._read()
            keys = PublicKeys(json.loads(document))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
            log.warning(
                "the keys at %s could not be fetched: %s", self._address, str(error) or type(error).__name__
            )
            raise _unreachable() from error
        self._keys = keys
        self._fetched = self._tried = time.monotonic()

    async def _read(self) -> bytes:
        # No redirects: they could lead to a place that nobody chose to trust.
        async with self._client.stream(
            "GET",
            self._address,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
        ) as answer:
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > self._most_bytes:
                    raise ValueError(f"more than {self._most_bytes} bytes")
        return bytes(content)


class TokenVerifier:
    """Verifies access tokens of one issuer.

    Args:
        issuer: what ``iss`` has to be; of a Supabase project it is ``<url>/auth/v1``.
        sources: keys, at most one source for an algorithm.
    """

    def __init__(self, issuer: str, *sources: KeySource) -> None:
        self._issuer = issuer
        self._sources: dict[str, KeySource] = {}
        for source in sources:
            for algorithm in source.algorithms:
                if algorithm in self._sources:
                    raise ValueError(f"two sources of keys for {algorithm}")
                self._sources[algorithm] = source

    async def verify(self, token: str) -> Principal:
        """The principal of a token, with the token in it.

        Raises:
            Unauthenticated: ``session_expired``, whatever the reason; the log has it.
            Unavailable: the keys could not be fetched.
        """
        try:
            return principal_of(await self._claims(token), token)
        except Refused as error:
            log.info("an access token was refused: %s", error)
            raise session_expired() from None

    async def _claims(self, token: str) -> dict[str, Any]:
        import jwt

        if not token.isascii() or len(token) > _LONGEST_TOKEN:
            raise Refused(f"it is no text of at most {_LONGEST_TOKEN} ASCII characters")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Refused(f"malformed ({type(error).__name__})") from error
        algorithm = header.get("alg")
        source = self._sources.get(algorithm) if isinstance(algorithm, str) else None
        if source is None or not isinstance(algorithm, str):
            raise Refused(f"algorithm {str(algorithm)[:20]!r}")
        if "crit" in header or "b64" in header or str(header.get("typ", "JWT")).upper() != "JWT":
            raise Refused("its header asks for what is not understood")
        key = await source.find(algorithm, header.get("kid"))
        if key is None:
            raise Refused(f"no {algorithm} key {str(header.get('kid'))[:60]!r}")
        try:
            return jwt.decode(
                token,
                key=key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED, "strict_aud": True},
            )
        # A signed claim of a wrong type makes the library stumble in its own ways.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            reason = str(error) if isinstance(error, jwt.PyJWTError) else "a claim of a wrong type"
            raise Refused(f"{type(error).__name__}: {reason[:100]}") from error


def principal_of(claims: Mapping[str, Any], token: str) -> Principal:
    """The principal that verified claims name.

    Claims of our own narrow what a token may do and nothing else; one that is not understood must not be passed over.

    Raises:
        Refused: they name nobody, or another role than a signed-in person's.
    """
    if claims.get("role") != ROLE:
        raise Refused(f"role {str(claims.get('role'))[:30]!r}")
    if claims.get("is_anonymous") is True:
        raise Refused("an anonymous sign-in has no account")
    email = claims.get("email")
    session = claims.get("session_id")
    kind, project_id, ceiling = _narrowing(claims.get("insighter", {}))
    return Principal(
        _uuid("sub", claims.get("sub")),
        kind=kind,
        project_id=project_id,
        ceiling=ceiling,
        email=email if isinstance(email, str) and email else None,
        session_id=None if session is None else _uuid("session_id", session),
        token=token,
    )


def mint(principal: Principal, secret: str, issuer: str, seconds: float = MINTED_SECONDS) -> str:
    """A short-lived HS256 token with a principal's claims, for a Supabase project that shares the secret.

    Args:
        principal: whom it acts for, confined as the principal is.
        secret: the project's.
        issuer: ``<url>/auth/v1``.
        seconds: until it expires, at most 5 minutes.

    Raises:
        ValueError: the principal's role is not a signed-in person's; no such token is ever made.
    """
    import jwt

    if principal.role != ROLE:
        raise ValueError(f"no token is made for the role {principal.role}")
    now = int(time.time())
    lifetime = int(min(seconds, MINTED_SECONDS))
    claims = {**principal.claims, "iss": issuer, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, secret, algorithm="HS256")


def session_expired() -> Unauthenticated:
    """The one answer to a token that is not valid, whatever the reason."""
    return Unauthenticated("your sign-in is not valid any more", hint="sign in again", code="session_expired")


def _narrowing(ours: Any) -> tuple[Kind, UUID | None, Role | None]:
    if not isinstance(ours, Mapping) or not ours.keys() <= _OURS:
        raise Refused("claims of the platform that are not understood")
    ceiling = ours.get("role")
    if ceiling is not None and ceiling not in get_args(Role):
        raise Refused("a ceiling that is no role")
    project = ours.get("project")
    project_id = None if project is None else _uuid("project", project)
    kind = ours.get("kind", "person")
    # The platform itself never comes with a token from outside.
    if kind not in get_args(Kind) or kind == "service":
        raise Refused("a kind of caller that no token makes")
    if kind == "person" and (project_id is not None or ceiling is not None):
        kind = "token"
    return kind, project_id, ceiling


def _uuid(name: str, value: Any) -> UUID:
    # Strictly as it is written everywhere else: UUID() takes braces, a prefix and missing hyphens too.
    try:
        found = UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        found = None
    if found is None or str(found) != str(value).lower():
        raise Refused(f"{name} is no UUID")
    return found


def _algorithm_of(entry: Any) -> str | None:
    """What an entry of a JWKS document verifies; None where that is not for us."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("kid"), str):
        return None
    operations = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    kind = [entry.get("kty"), entry.get("crv")]
    algorithm = "ES256" if kind == ["EC", "P-256"] else "RS256" if kind == ["RSA", None] else None
    return algorithm if entry.get("alg", algorithm) == algorithm else None


def _public_key(entry: Mapping[str, Any], algorithm: str) -> Any | None:
    import jwt

    # The public part alone, should somebody have published more.
    public = {name: entry[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in entry}
    try:
        key: Any = jwt.get_algorithm_by_name(algorithm).from_jwk(cast(Any, public))
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        log.warning("key %.60r is left out: %s", entry["kid"], type(error).__name__)
        return None
    if algorithm == "RS256" and key.key_size < _SMALLEST_RSA_BITS:
        log.warning("key %.60r is left out: it is too short", entry["kid"])
        return None
    return key


def _unreachable() -> Unavailable:
    return Unavailable(
        "sign-ins cannot be checked now: the project's keys cannot be fetched", hint="try again in a moment"
    )
