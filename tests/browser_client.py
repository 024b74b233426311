"""A browser as the server sees one: it keeps cookies and sends Jupyter's XSRF header, and runs no script."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.running import JupyterServer

TEAM = "--ServerApp.identity_provider_class=server_handlers.identity.InsighterIdentityProvider"
"""Insighter's accounts as the server's own sign-in."""

PASSWORD = "correct horse battery staple"


class Browser(httpx.Client):
    """To be entered with ``with``. Paths are below ``/insighter/api`` with :meth:`ask`, else of the whole server."""

    def __init__(self, server: JupyterServer, **kwargs: Any) -> None:
        super().__init__(base_url=server.url, timeout=60, **kwargs)
        self.xsrf = ""

    def __enter__(self) -> Browser:
        """Open the page to sign in."""
        super().__enter__()
        found = re.search(r'data-xsrf="([^"]+)"', self.get("/login").text)
        assert found is not None
        self.xsrf = found[1]
        return self

    def ask(self, method: str, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        """A request of the front end."""
        headers = {"X-XSRFToken": self.xsrf, **kwargs.pop("headers", {})}
        return self.request(method, f"/insighter/api{path}", json=body, headers=headers, **kwargs)

    def sign_up(self, email: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
        """Make an account."""
        return self.ask("POST", "/auth/sign-up", {"email": email, "password": password, **more})

    def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Sign in."""
        return self.ask("POST", "/auth/sign-in", {"email": email, "password": password})

    @property
    def session(self) -> str | None:
        """What the browser keeps for its sign-in."""
        return next(
            (value for name, value in self.cookies.items() if name.startswith("insighter-session")), None
        )


def hang_up(connection: Any) -> None:
    """End a WebSocket connection of tornado's client at once, without waiting for the other side."""
    protocol = connection.protocol
    connection.close()
    if protocol is not None and protocol.stream is not None:
        protocol.stream.close()
