"""The one base handler: who asks, JSON in and out, one error body."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import quote
from uuid import UUID

from jupyter_server.auth import User
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from pydantic import BaseModel, ValidationError
from tornado import web

from insighter_ext.credentials.service import PREFIX, TOKEN_PREFIX
from insighter_ext.errors import (
    BadRequest,
    Forbidden,
    InsighterError,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    from_status,
)
from insighter_ext.models import Ready
from insighter_ext.principal import Principal
from server_handlers.principals import insighter_signs_in, principal_of

if TYPE_CHECKING:
    from insighter_ext.platform import Platform

log = logging.getLogger("insighter.http")

API = "/insighter/api"

_BEARER = re.compile(r"(?:bearer|token)\s+(\S+)", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the OpenAPI document says of a method."""

    summary: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    returns: type[BaseModel] | None
    status: int
    also: int | None
    media_in: str | None
    media_out: str | None
    errors: tuple[int, ...]


def operation(
    summary: str,
    *,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    returns: type[BaseModel] | None = None,
    status: int = 200,
    also: int | None = None,
    media_in: str | None = None,
    media_out: str | None = None,
    errors: tuple[int, ...] = (),
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[None]]]:
    """Declare a method: what it takes and gives, for the parser and for the OpenAPI document.

    The method gets its path arguments by name, and ``query`` and ``body`` where they are declared. It returns what
    ``returns`` says; None with status 204. It may set ``self.outcome`` to the status ``also``. With ``media_out`` it
    has written its answer itself; ``media_in`` declares a body that is not JSON, which it reads itself.
    """

    def decorate(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(method)
        async def run(self: ApiHandler, **path: str) -> None:
            arguments = self.path_arguments(path)
            if query is not None:
                arguments["query"] = self.parse_query(query)
            if body is not None:
                arguments["body"] = self.parse_body(body)
            result = await method(self, **arguments)
            if media_out is None:
                self.answer(result, self.outcome or status)

        told = Operation(summary, query, body, returns, status, also, media_in, media_out, errors)
        run.__operation__ = told  # type: ignore[attr-defined]
        return run

    return decorate


class PlatformHandler(ExtensionHandlerMixin, JupyterHandler):
    """Authentication and the platform, for every route of Insighter, whatever its protocol.

    A request comes with a credential of Insighter's in its header (of a kernel, an access token, or a JWT), which is
    good for these routes and no others; or Jupyter's own sign-in lets it in, and it acts for the account signed in
    there.
    """

    principal: Principal
    platform: Platform

    visitor: Principal | None
    """the same as the principal; None where a route is for strangers too and one has come"""

    auth_resource: ClassVar[str] = "insighter"

    for_strangers: ClassVar[bool] = False
    """whether it takes no account: what one signs in with. Where the accounts are the server's own sign-in it is open
    to everybody, elsewhere to whoever Jupyter lets in."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Guard every verb once more, in the way that Jupyter Server's own check of routes looks for."""
        super().__init_subclass__(**kwargs)
        guard = allow_unauthenticated if cls.for_strangers else web.authenticated
        for verb in ("get", "head", "post", "put", "patch", "delete", "options"):
            method = cls.__dict__.get(verb)
            if method is not None:
                setattr(cls, verb, guard(method))

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """Find out who asks, before the body is read. Refuses everybody else."""
        self.request_id = secrets.token_hex(8)
        self.set_header("X-Request-Id", self.request_id)
        credential = self._credential()
        if credential is not None:
            if not self.check_host():
                raise web.HTTPError(403)
            self.platform = await self.settings["insighter_platform"]()
            self.principal = self.visitor = await self._resolve(credential)
            self.current_user = self._jupyter_current_user = User(username=str(self.principal.user_id))
            self._token_authenticated = True  # neither cookie nor origin is involved
            return
        await super().prepare(_redirect_to_login=False)
        if self.current_user is None and not (
            self.for_strangers and insighter_signs_in(self.identity_provider)
        ):
            raise web.HTTPError(403)
        if self.current_user is not None:
            action = "read" if self.request.method in {"GET", "HEAD", "OPTIONS"} else "write"
            allowed = self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)
            if not (await allowed if inspect.isawaitable(allowed) else allowed):
                raise Forbidden("Jupyter's authorizer does not allow this")
        self.platform = await self.settings["insighter_platform"]()
        self.visitor = await principal_of(self, self.platform)
        if self.visitor is not None:
            self.principal = self.visitor
        elif not self.for_strangers:
            raise self._sign_in_required()

    def _credential(self) -> str | None:
        """A credential of Insighter's in the header; everything else there is for Jupyter to judge."""
        match = _BEARER.fullmatch(self.request.headers.get("Authorization", "").strip())
        if match is None or match[1] == self.identity_provider.token:
            return None
        return match[1] if match[1].startswith((PREFIX, TOKEN_PREFIX)) or _JWT.fullmatch(match[1]) else None

    async def _resolve(self, credential: str) -> Principal:
        if credential.startswith((PREFIX, TOKEN_PREFIX)):
            return await self.platform.credentials.resolve(credential)
        return await self.platform.accounts.authenticate(credential)

    def _sign_in_required(self) -> Unauthenticated:
        if insighter_signs_in(self.identity_provider):
            hint = "sign in at /login, or send an access token as the header Authorization: Bearer <token>"
        elif getattr(self, "current_user", None) is not None:
            hint = (
                "sign in to your account in the Insighter sidebar, or with POST /insighter/api/auth/sign-in"
            )
        else:
            hint = "send Jupyter's token as the header Authorization: Bearer <token>"
        return Unauthenticated("sign in first", hint=hint, code="sign_in_required")

    @property
    def root(self) -> Path:
        """Jupyter's root folder."""
        return Path(self.serverapp.root_dir)

    def get_login_url(self) -> str:
        """Nobody is redirected to a page: programs ask here."""
        raise web.HTTPError(403)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What was raised on purpose is one line; a defect keeps its traceback. Both carry the request's id."""
        where = f"{self.request.method} {self.request.path} [{getattr(self, 'request_id', '-')}]"
        if isinstance(value, InsighterError) and value.status < 500:
            log.info("%s: %d %s", where, value.status, value.message)
        elif isinstance(value, InsighterError):
            log.error("%s: %d %s", where, value.status, value.message, exc_info=value.__cause__)
        elif isinstance(value, web.HTTPError):
            log.info("%s: %s", where, value)
        else:
            log.error("%s", where, exc_info=(typ, value, tb))

    def domain_error(self, status_code: int, kwargs: dict[str, Any]) -> InsighterError:
        """Whatever was raised, as a domain error that may be shown."""
        error = kwargs["exc_info"][1] if kwargs.get("exc_info") else None
        if isinstance(error, InsighterError):
            return error
        if (
            isinstance(error, web.HTTPError)
            and status_code in {401, 403}
            and getattr(self, "current_user", None) is None
            and not (self.for_strangers and insighter_signs_in(self.identity_provider))
        ):
            return self._sign_in_required()
        if isinstance(error, web.HTTPError):
            message = (
                error.log_message % error.args if error.log_message and error.args else error.log_message
            )
            return from_status(status_code, message or error.reason or self._reason)
        request_id = getattr(self, "request_id", "-")
        return InsighterError(
            "something went wrong inside the server",
            hint=f"the server's log tells more: look for {request_id}",
            details={"request_id": request_id},
        )

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give a domain error its own status."""
        error = kwargs["exc_info"][1] if kwargs.get("exc_info") else None
        super().send_error(error.status if isinstance(error, InsighterError) else status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The one error body."""
        error = self.domain_error(status_code, kwargs)
        if isinstance(error, Unauthenticated):
            self.set_status(401)
        if error.status == 503:
            self.set_header("Retry-After", "2")
        if isinstance(error, TooMany) and isinstance(error.details, dict):
            self.set_header("Retry-After", str(error.details.get("retry_after", 5)))
        self.set_header("X-Request-Id", getattr(self, "request_id", "-"))
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(error.as_dict()))


class ApiHandler(PlatformHandler):
    """A route of the JSON API.

    ``path`` is below ``/insighter/api``; its arguments are ``{name}``, ``{name:int}`` or ``{name:uuid}``.
    """

    path: ClassVar[str]
    tag: ClassVar[str]

    outcome: int | None = None
    """the status of the answer, where it is not the one that the operation is declared with"""

    _CONVERT: ClassVar[dict[str, Callable[[str], Any]]] = {
        "uuid": UUID,
        "int": lambda text: _numbered(int(text)),
        "str": str,
    }
    _ARGUMENT: ClassVar[re.Pattern[str]] = re.compile(r"{(\w+)(?::(\w+))?}")

    @classmethod
    def parameters(cls) -> dict[str, str]:
        """The path's arguments and their types."""
        return {name: kind or "str" for name, kind in cls._ARGUMENT.findall(cls.path)}

    @classmethod
    def route(cls) -> tuple[str, type[ApiHandler]]:
        """The path as tornado wants it."""
        return API + cls._ARGUMENT.sub(r"(?P<\1>[^/]+)", cls.path), cls

    def path_arguments(self, raw: dict[str, str]) -> dict[str, Any]:
        """The path's arguments in their types; what does not fit its type names nothing that exists."""
        kinds = self.parameters()
        try:
            return {name: self._CONVERT[kinds[name]](value) for name, value in raw.items()}
        except ValueError:
            raise NotFound(f"nothing at {self.request.path}") from None

    def parse_query(self, model: type[BaseModel]) -> BaseModel:
        """The query string as a model; Jupyter's own ``token`` argument is not ours."""
        values = {
            name: self.get_query_argument(name) for name in self.request.query_arguments if name != "token"
        }
        return _validated(model, values)

    def parse_body(self, model: type[BaseModel]) -> BaseModel:
        """The JSON body as a model."""
        return _validated(model, json_object(self.request.body))

    def answer(self, result: BaseModel | Ready | None, status: int = 200) -> None:
        """Write a model as JSON, or what is JSON already."""
        self.set_status(status)
        if result is None:
            self.finish()
            return
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(result if isinstance(result, Ready) else result.model_dump_json())

    def created(self, *parts: object) -> None:
        """Set ``Location`` to a path below the API."""
        tail = "/".join(quote(str(part), safe="") for part in parts)
        self.set_header("Location", f"{self.base_url.rstrip('/')}{API}/{tail}")

    async def options(self, *args: str, **kwargs: str) -> None:
        """Which methods there are."""
        self.set_header("Allow", ", ".join(sorted(declared(type(self)))).upper())
        self.set_status(204)


def _numbered(number: int) -> int:
    # Nothing that the database numbers has a number it cannot hold.
    if not -(2**63) <= number < 2**63:
        raise ValueError(number)
    return number


def declared(handler: type[ApiHandler]) -> dict[str, Operation]:
    """The operations of a handler by their lower-case method."""
    found = {}
    for method in ("get", "post", "put", "patch", "delete"):
        operation = getattr(getattr(handler, method), "__operation__", None)
        if operation is not None:
            found[method] = cast(Operation, operation)
    return found


def json_object(body: bytes) -> dict[str, Any]:
    """A request's body as a JSON object; empty where there is none.

    Raises:
        BadRequest: it is no JSON, no object, nested too deeply, or holds halves of characters, which nothing can store.
    """
    try:
        values = json.loads(body or b"{}")
        if b"\\u" in body:
            json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}", code="not_json") from None
    if not isinstance(values, dict):
        raise BadRequest("the body is not a JSON object", code="not_json")
    return values


def _validated(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = [
            {"field": ".".join(map(str, item["loc"])), "problem": item["msg"]}
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = details[0]
        raise Invalid(f"{first['field']}: {first['problem']}", details=details) from None
