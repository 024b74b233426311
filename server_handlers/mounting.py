"""Mount the routes when the first of them is asked for: a server that nobody asks for Insighter starts without it."""

from __future__ import annotations

import re
from typing import Any

from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import PathMatches, Router, Rule


class RoutesOnDemand(Router):
    """Stands for all routes of Insighter until one is asked for, then puts them in its place.

    Importing the handlers with their types takes a quarter of a second, which the server's first answer need not wait
    for.

    Args:
        webapp: Jupyter's web application.
        name: the extension's, which its handlers ask for.
    """

    def __init__(self, webapp: Any, name: str) -> None:
        self._webapp = webapp
        self._name = name
        base = re.escape(url_path_join(webapp.settings["base_url"], "insighter"))
        self._rule = Rule(PathMatches(base + "/.*"), self)
        # Before the server's last rule, which is its own page for what is not found.
        webapp.wildcard_router.rules.insert(0, self._rule)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """Mount the routes, and let the application look again."""
        from server_handlers.routes import routes

        self._webapp.wildcard_router.rules.remove(self._rule)
        base = self._webapp.settings["base_url"]
        self._webapp.add_handlers(
            ".*$", [(url_path_join(base, path), handler, {"name": self._name}) for path, handler in routes()]
        )
        found: HTTPMessageDelegate | None = self._webapp.find_handler(request)
        return found
