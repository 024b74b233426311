"""Find the running Jupyter servers of this user, as ``jupyter server list`` does, without importing the server."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from insighter_ext.kernel.client import Client
from insighter_ext.kernel.errors import InsighterClientError, NotConnected

MARKER = ".insighter.json"


@dataclass(frozen=True, slots=True)
class Server:
    """A running Jupyter server."""

    url: str
    token: str
    root: Path
    started: float


def running() -> list[Server]:
    """The servers that wrote a file into Jupyter's runtime folder and still live, the last started first."""
    from jupyter_core.paths import jupyter_runtime_dir

    found = []
    for file in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(file.read_text(encoding="utf-8"))
            if _alive(int(said["pid"])) and not said.get("sock"):
                url = str(said["url"]).rstrip("/")
                found.append(Server(url, str(said["token"]), Path(said["root_dir"]), file.stat().st_mtime))
    return sorted(found, key=lambda server: -server.started)


def find(url: str | None = None, token: str | None = None) -> Client | None:
    """A client to the server that is meant: the one named, else the environment's, else the nearest that runs.

    The nearest is the one whose root folder holds the current folder most closely, else the one started last; only
    servers with Insighter count. None where there is none.

    Raises:
        NotConnected: an address without a token.
    """
    url, token = url or os.environ.get("INSIGHTER_URL"), token or os.environ.get("INSIGHTER_TOKEN")
    servers = running()
    if url:
        known = next((server.token for server in servers if server.url == url.rstrip("/")), None)
        if not (token or known):
            raise NotConnected(
                f"the token of {url} is not known",
                code="no_token",
                hint="give it with --token or as INSIGHTER_TOKEN",
            )
        return Client(url, token or known or "")
    here = Path.cwd()
    near = [server for server in servers if here.is_relative_to(server.root)]
    near.sort(key=lambda server: -len(server.root.parts))
    for server in [*near, *(server for server in servers if server not in near)]:
        client = Client(server.url, server.token)
        with contextlib.suppress(InsighterClientError):
            if "version" in client.get("status"):
                return client
    return None


def project_here() -> str | None:
    """The id in the nearest project folder's marker, at or above the current folder."""
    for folder in (here := Path.cwd(), *here.parents):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads((folder / MARKER).read_text(encoding="utf-8"))["project"])
    return os.environ.get("INSIGHTER_PROJECT")


def _alive(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
