"""MLflow's own web pages, from the installed package, against this server: ``/insighter/mlflow/``.

The pages are MLflow's, unchanged, but for one script before theirs (``mlflow_ui.js``), which does what a page on a
Jupyter server has to do: send Jupyter's XSRF token with what it changes, and keep to the project and the theme it was
opened with.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jupyter_server.utils import url_path_join
from tornado import web

from insighter_ext.errors import InsighterError, NotFound
from server_handlers.base import PlatformHandler
from server_handlers.mlflow import MLFLOW, Protocol

_OURS = Path(__file__).with_suffix(".js")
_BEFORE = "<script"


@functools.cache
def built_pages() -> Path:
    """The folder of MLflow's built pages, found without importing MLflow.

    Raises:
        NotFound: this installation of MLflow has none (``mlflow-skinny``, or a checkout that was not built).
    """
    spec = importlib.util.find_spec("mlflow")
    for place in spec.submodule_search_locations or () if spec else ():
        folder = Path(place) / "server" / "js" / "build"
        if (folder / "index.html").is_file():
            return folder
    raise NotFound(
        "the installed MLflow has no web pages",
        code="pages_not_found",
        hint="install the package mlflow in the server's environment; Insighter's own panels need nothing",
    )


class PageHandler(PlatformHandler):
    """The page that all of MLflow's views are parts of."""

    async def prepare(self, *, _redirect_to_login: bool = False) -> None:
        """A person who is not signed in is shown where to; a program is refused as everywhere."""
        try:
            await super().prepare(_redirect_to_login=_redirect_to_login)
        except (InsighterError, web.HTTPError) as error:
            status = error.status if isinstance(error, InsighterError) else error.status_code
            if status not in {401, 403} or "text/html" not in self.request.headers.get("Accept", ""):
                raise
            login = self.settings.get("login_url") or url_path_join(self.base_url, "login")
            self.redirect(f"{login}?{urlencode({'next': self.request.uri or ''})}")

    @property
    def content_security_policy(self) -> str:
        """Jupyter's, and: it asks this server and no other."""
        return super().content_security_policy + "; connect-src 'self'; form-action 'self'; object-src 'none'"

    async def get(self) -> None:
        """MLflow's page with the script before its own."""
        self.xsrf_token  # noqa: B018 - sets the cookie that the script reads
        page = (built_pages() / "index.html").read_text("utf-8")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(page.replace(_BEFORE, f'<script src="insighter.js"></script>{_BEFORE}', 1))


class WithoutSlash(PageHandler):
    """The same address without its last slash, which the page's relative addresses need."""

    async def get(self) -> None:
        """Go there."""
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(url_path_join(self.base_url, MLFLOW) + "/" + query)


class ScriptHandler(PlatformHandler):
    """The script of ours."""

    async def get(self) -> None:
        """Small, and asked for again with each page."""
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(_OURS.read_bytes())


class StaticHandler(Protocol, web.StaticFileHandler):
    """MLflow's scripts, styles and pictures; their names change with their content."""

    @property
    def root(self) -> Path:  # type: ignore[override]
        """Where tornado's file handler looks."""
        return built_pages()

    def initialize(self, name: str) -> None:  # type: ignore[override]
        """No folder and no default file to be told."""
        Protocol.initialize(self, name)
        self.default_filename = None

    async def get(self, path: str, include_body: bool = True) -> None:
        """A file."""
        await web.StaticFileHandler.get(self, path, include_body)

    async def head(self, path: str) -> None:
        """What is known of a file."""
        await web.StaticFileHandler.get(self, path, include_body=False)

    def get_cache_time(self, path: str, modified: Any, mime_type: str) -> int:
        """A month, as MLflow's server says."""
        return 2_419_200


def routes() -> list[tuple[str, type[PlatformHandler]]]:
    """The pages' routes; they stand before MLflow's others."""
    return [
        (MLFLOW, WithoutSlash),
        (MLFLOW + "/", PageHandler),
        (MLFLOW + r"/insighter\.js", ScriptHandler),
        (MLFLOW + r"/static-files/(.*)", StaticHandler),
    ]
