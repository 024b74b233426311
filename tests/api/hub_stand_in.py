"""Stands in for JupyterHub, which does not run here: an identity provider like the Hub's, as far as Insighter looks.

The Hub's own is a class of the package ``jupyterhub``; its users are known by their names, and carry what the Hub said
of them as ``hub_user``. Whom a request is from the real one asks the Hub by a cookie or a token; this one believes a
header.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jupyter_server.auth import IdentityProvider, User
from tornado import web


@dataclass
class JupyterHubUser(User):
    """A user with what the Hub told of it."""

    hub_user: dict[str, Any] = field(default_factory=dict)


class JupyterHubIdentityProvider(IdentityProvider):
    """Believes ``X-Hub-User`` and ``X-Hub-Kind``."""

    __module__ = "jupyterhub.singleuser.extension"

    def get_user(self, handler: web.RequestHandler) -> User | None:
        """Whom the header names."""
        name = handler.request.headers.get("X-Hub-User")
        if name is None:
            return None
        handler._token_authenticated = True  # type: ignore[attr-defined]
        kind = handler.request.headers.get("X-Hub-Kind", "user")
        return JupyterHubUser(username=name, hub_user={"name": name, "kind": kind})
