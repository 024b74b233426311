"""Insighter's accounts as the server's own sign-in, for a team on one server.

``c.ServerApp.identity_provider_class = "server_handlers.identity.InsighterIdentityProvider"``
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from html import escape
from importlib import resources
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from jupyter_server.auth import IdentityProvider, User
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from tornado.websocket import WebSocketHandler
from traitlets import default

from insighter_ext.errors import InsighterError
from server_handlers.principals import clear_session_cookie, session_secret

log = logging.getLogger("insighter.identity")

_ASSETS = {"insighter.css": "text/css", "insighter.js": "text/javascript"}
_OPERATOR = "operator"

_WATCH_SECONDS = 10.0


class InsighterIdentityProvider(IdentityProvider):
    """People sign in with their Insighter account, on a page of Insighter's.

    Jupyter's token, if one is configured, goes on signing in whoever holds it, as the operator: on an embedded database
    that is the local account, the owner of the machine. It is told to nobody: not to the page, not to kernels, not to
    the file in which servers are found.
    """

    insighter_accounts = True

    # No token is made up: without one there is no operator.
    need_token = False

    @default("updatable_fields")
    def _no_updatable_fields(self) -> list[str]:
        return []

    @default("login_handler_class")
    def _login_page(self) -> type[web.RequestHandler]:
        return LoginHandler

    @default("logout_handler_class")
    def _logout_page(self) -> type[web.RequestHandler]:
        return LogoutHandler

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # JupyterLab puts the provider's token into the page of everybody who is signed in, and Jupyter Server into a
        # file that kernels can read. It is kept where neither looks.
        self._operator_token = str(self.token or "")
        self.token = ""
        os.environ.pop("JUPYTER_TOKEN", None)
        self._sockets: WeakSet[Any] = WeakSet()
        self._watching: asyncio.Task[None] | None = None

    def get_handlers(self) -> list[tuple[str, object]]:
        """The pages, and what they are made of."""
        return [*super().get_handlers(), (r"/login/(insighter\.(?:css|js))", AssetHandler)]

    def cookie_secret_hook(self, h: hmac.HMAC) -> hmac.HMAC:
        """With another token the operator's cookies are no good any more."""
        h.update(self._operator_token.encode())
        return h

    async def get_user(self, handler: web.RequestHandler) -> User | None:
        """Whoever holds the token, else whoever the cookie stands for."""
        known: User | None = getattr(handler, "_jupyter_current_user", None)
        if known is not None:
            return known
        if self._operator_token and hmac.compare_digest(
            (self.get_token(handler) or "").encode(), self._operator_token.encode()
        ):
            user = self._operator()
            handler._token_authenticated = True  # type: ignore[attr-defined]
            if self.get_user_cookie(handler) is None:
                self.set_login_cookie(handler, user)
            return user
        secret = session_secret(handler)
        if secret is not None:
            holder = await self._holder(handler, secret)
            if holder is not None:
                handler.insighter_holder = holder  # type: ignore[attr-defined]
                if isinstance(handler, WebSocketHandler):
                    self._watch(handler, secret)
                return User(
                    username=str(holder.principal.user_id),
                    name=holder.display_name,
                    display_name=holder.display_name,
                    initials="".join(word[0] for word in holder.display_name.split()[:2]).upper() or None,
                )
        if self._operator_token and self.get_user_cookie(handler) is not None:
            return self._operator()
        return None

    def clear_login_cookie(self, handler: web.RequestHandler) -> None:
        """Sign this browser out, the operator's too."""
        clear_session_cookie(handler)
        super().clear_login_cookie(handler)

    async def close_ended(self) -> None:
        """Close the connections of kernels and terminals whose sign-in is over: they were let in by it."""
        for handler in list(self._sockets):
            if handler.ws_connection is None:
                continue
            try:
                ended = await self._holder(handler, handler.insighter_secret) is None
            except web.HTTPError:
                return  # the database does not answer: nobody is thrown out for that
            if ended:
                handler.close(4001, "signed out")

    def _operator(self) -> User:
        return User(username=_OPERATOR, name="Operator", display_name="Operator", initials="O")

    def user_from_cookie(self, cookie_value: str) -> User | None:
        """Jupyter's own cookie is the operator's and nobody else's."""
        return self._operator() if cookie_value == _OPERATOR else None

    def user_to_cookie(self, user: User) -> str:
        """See :meth:`user_from_cookie`."""
        return user.username

    async def _holder(self, handler: Any, secret: str) -> Any:
        try:
            platform = await handler.settings["insighter_platform"]()
            return await platform.credentials.find(secret)
        except InsighterError as error:
            log.warning("who is signed in cannot be said now: %s", error.message)
            raise web.HTTPError(503, "Insighter's database does not answer; try again in a moment") from error

    def _watch(self, handler: Any, secret: str) -> None:
        handler.insighter_secret = secret
        self._sockets.add(handler)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.ensure_future(self._watch_sockets())

    async def _watch_sockets(self) -> None:
        """A sign-in may be ended in another process. Ends itself when no connection is left."""
        while self._sockets:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                await self.close_ended()
            except Exception:
                log.warning("connections could not be checked", exc_info=True)


class _PageHandler(JupyterHandler):
    """A page for strangers: nothing on it comes from elsewhere, and nothing runs that is not a file of ours."""

    @property
    def content_security_policy(self) -> str:
        """Strict."""
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
            " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def set_default_headers(self) -> None:
        """What the page is asked with stays with it."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "same-origin")


class LoginHandler(_PageHandler):
    """The page to sign in."""

    @allow_unauthenticated
    def get(self) -> None:
        """The page; whoever is signed in goes on to where they wanted."""
        if self.current_user is not None:
            self.redirect(local_path(self.get_argument("next", ""), self.base_url))
            return
        page = _asset("page.html")
        values = {"base": self.base_url, "xsrf": self.xsrf_token.decode()}
        for name, value in values.items():
            page = page.replace(f"{{{{{name}}}}}", escape(value))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(page)


class LogoutHandler(_PageHandler):
    """The way out."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Sign out, and lead to the page to sign in. A link of another site does not sign out."""
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
            self.redirect(self.base_url)
            return
        holder = getattr(self, "insighter_holder", None)
        self.identity_provider.clear_login_cookie(self)
        if holder is not None:
            platform = await self.settings["insighter_platform"]()
            try:
                await platform.accounts.sign_out(holder.principal)
            except InsighterError as error:
                raise web.HTTPError(error.status if error.status != 500 else 503, error.message) from error
            await self.identity_provider.close_ended()  # type: ignore[attr-defined]
        self.redirect(self.base_url.rstrip("/") + "/login")


class AssetHandler(_PageHandler):
    """The page's script and style."""

    @allow_unauthenticated
    def get(self, name: str) -> None:
        """One of them."""
        self.set_header("Content-Type", f"{_ASSETS[name]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(_asset(name))


def local_path(url: str, base_url: str) -> str:
    """Where to go on: a path of this server, or its start."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return base_url
    odd = any(character in "\\" or not character.isprintable() for character in url)
    if odd or parts.scheme or parts.netloc or url.startswith("//") or not parts.path.startswith(base_url):
        return base_url
    return url


def _asset(name: str) -> str:
    return resources.files("server_handlers").joinpath("login", name).read_text(encoding="utf-8")
