"""What every kernel finds in its environment: where the platform is, its project, and a credential for it.

The credential is the kernel's own, confined to one project, and ends with the kernel. It acts for the account whose
request started the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from jupyter_server import CallContext
from jupyter_server.utils import to_os_path
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import PathMatches, Rule, RuleRouter

from insighter_ext.errors import InsighterError, Unauthenticated
from insighter_ext.tracking.endings import RESTARTED, SHUT_DOWN, Ending
from server_handlers.environment import without_secrets
from server_handlers.kernel_ends import KernelEnds
from server_handlers.principals import principal_of

if TYPE_CHECKING:
    from insighter_ext.credentials.service import IssuedCredential
    from insighter_ext.notebooks.models import Notebook
    from insighter_ext.platform import Platform
    from insighter_ext.principal import Principal

    Issued = tuple[Principal, IssuedCredential]

log = logging.getLogger("insighter.kernels")

_PATIENCE = 60.0
"""Seconds that the start of a kernel waits for the platform's."""

_SESSION = "JPY_SESSION_NAME"
"""where Jupyter says which document a kernel is for, by its place on the disk"""

_NOTEBOOK = "INSIGHTER_NOTEBOOK"

_NO_LINKS = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"

_EVERYWHERE = {"", "0.0.0.0", "::", "*", "localhost"}  # noqa: S104
_LOOPBACK = {*_EVERYWHERE, "127.0.0.1", "::1"}


class KernelEnvironment:
    """Gives kernels their environment by wrapping a few methods of the server's kernel manager, whatever its class.

    Args:
        serverapp: its ``kernel_manager`` is wrapped by :meth:`install`.
        platform: opens the platform, or answers the open one.
    """

    def __init__(self, serverapp: Any, platform: Callable[[], Awaitable[Platform]]) -> None:
        self._serverapp = serverapp
        self._open = platform
        self._credentials: dict[str, Issued] = {}
        self._revoking: set[asyncio.Task[None]] = set()
        self._wrapped: list[str] = []
        self._ends: KernelEnds | None = None
        self._door: HTTPServer | None = None
        self._door_url: str | None = None
        self._told = False

    def install(self) -> None:
        """Wrap the kernel manager. Without effect where kernels run elsewhere, behind a gateway."""
        manager = self._serverapp.kernel_manager
        if (
            getattr(self._serverapp, "gateway_config", None) is not None
            and self._serverapp.gateway_config.gateway_enabled
        ):
            log.info("kernels run behind a gateway: they get no environment from Insighter")
            return
        start, shutdown, remove = manager.start_kernel, manager.shutdown_kernel, manager.remove_kernel
        restart = manager.restart_kernel
        ends = self._ends = KernelEnds(manager, self._process_ended)

        async def start_kernel(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("kernel_id") in manager:
                return await start(*args, **kwargs)
            issued = notebook = None
            session = (kwargs.get("env") or {}).get(_SESSION)
            kwargs["env"] = without_secrets(kwargs.get("env") or os.environ)
            try:
                async with asyncio.timeout(_PATIENCE):
                    issued, ours = await self._prepare(kwargs)
                    notebook = await self._notebook(issued, session)
                kwargs["env"] |= ours
                if notebook is not None:
                    kwargs["env"][_NOTEBOOK] = str(notebook.id)
            except Exception as error:  # noqa: BLE001 - a kernel without a project is better than no kernel
                log.warning("a kernel starts without its project: %s", str(error) or "no answer in time")
            try:
                kernel_id = await start(*args, **kwargs)
            except BaseException:
                self._revoke(issued)
                raise
            if issued is not None:
                if kernel_id in manager:
                    self._credentials[kernel_id] = issued
                    ends.watch(kernel_id)
                    await self._attach(issued, notebook, kernel_id)
                else:
                    self._revoke(issued)
            return kernel_id

        async def shutdown_kernel(kernel_id: str, *args: Any, **kwargs: Any) -> Any:
            with ends.asked(kernel_id):
                answer = await shutdown(kernel_id, *args, **kwargs)
            # Whoever ended the kernel may rely on it that the credential has ended too.
            await self._settled()
            return answer

        async def restart_kernel(kernel_id: str, *args: Any, **kwargs: Any) -> Any:
            with ends.asked(kernel_id, RESTARTED):
                answer = await restart(kernel_id, *args, **kwargs)
            # The next process has the same credential: what this one left is told before a cell of that one runs.
            ends.restarted(kernel_id)
            await self._settled()
            return answer

        def remove_kernel(kernel_id: str, *args: Any, **kwargs: Any) -> Any:
            # All ends meet here: shut down, culled, died, failed to start.
            self._revoke(self._credentials.pop(kernel_id, None), ends.forget(kernel_id))
            return remove(kernel_id, *args, **kwargs)

        for wrapper in (start_kernel, shutdown_kernel, restart_kernel, remove_kernel):
            setattr(manager, wrapper.__name__, wrapper)
            self._wrapped.append(wrapper.__name__)

    async def remove(self) -> None:
        """Give the kernel manager back as it was; the platform, which closes next, ends all credentials at once."""
        for name in self._wrapped:
            with contextlib.suppress(AttributeError):
                delattr(self._serverapp.kernel_manager, name)
        self._wrapped.clear()
        self._credentials.clear()
        if self._ends is not None:
            await self._ends.close()
        if self._revoking:
            await asyncio.wait(set(self._revoking), timeout=5)
        if self._door is not None:
            self._door.stop()
            self._door = None

    async def _prepare(self, kwargs: Mapping[str, Any]) -> tuple[Issued, dict[str, str]]:
        """A credential for the project of the folder that a kernel starts in, and the variables that carry it."""
        # Shielded: others may wait for the same start of the platform.
        platform = await asyncio.shield(asyncio.ensure_future(self._open()))
        handler = CallContext.get(CallContext.JUPYTER_HANDLER)
        principal = platform.owner if handler is None else await principal_of(handler, platform)
        if principal is None:
            raise Unauthenticated("nobody has signed in to an account", code="sign_in_required")
        folder = self._folder(kwargs)
        project = await platform.projects.of_path(principal, folder, Path(self._serverapp.root_dir))
        url = self._url()
        issued = await platform.credentials.issue(principal, project.id, f"kernel in {folder.name or '/'}")
        inherited = kwargs["env"]
        ours = variables(url, issued, inherited)
        if "MLFLOW_TRACKING_URI" not in ours and not self._told:
            self._told = True
            log.info("kernels log to %s (MLFLOW_TRACKING_URI), not here", inherited["MLFLOW_TRACKING_URI"])
        return (principal, issued), ours

    async def _notebook(self, issued: Issued, session: str | None) -> Notebook | None:
        """The notebook that the kernel is for, where it is one of the kernel's project."""
        if session is None:
            return None
        principal, credential = issued
        root = Path(self._serverapp.root_dir)
        try:
            place = Path(session).relative_to(root)
            platform = await self._open()
            found = await platform.notebooks.bind(principal, place.as_posix(), root)
        except (ValueError, InsighterError) as error:
            log.info("the notebook of a kernel is not known: %s", error)
            return None
        return found if found is not None and found.project_id == credential.project_id else None

    async def _attach(self, issued: Issued, notebook: Notebook | None, kernel_id: str) -> None:
        """Have the runs that the kernel begins know their notebook."""
        if notebook is None:
            return
        principal, credential = issued
        try:
            platform = await self._open()
            await platform.notebooks.attach(principal, notebook, UUID(kernel_id), credential.id)
        except (ValueError, InsighterError) as error:
            log.warning("runs of a kernel will not know their notebook: %s", error)

    def _folder(self, kwargs: Mapping[str, Any]) -> Path:
        if kwargs.get("path") is not None:
            root = Path(self._serverapp.root_dir)
            folder = Path(to_os_path(kwargs["path"], str(root)))
            while not folder.is_dir() and folder != root and folder != folder.parent:
                folder = folder.parent
            return folder
        return Path(kwargs.get("cwd") or Path.cwd())

    def _url(self) -> str:
        """The server's base address as its kernels reach it, without a slash at its end."""
        app = self._serverapp
        base: str = app.base_url.rstrip("/")
        if app.sock or app.certfile:
            return self._open_door() + base
        ip = app.ip if app.ip not in _LOOPBACK else "127.0.0.1"
        if app.ip in {"::1", "::"}:
            ip = "::1"
        return f"http://{f'[{ip}]' if ':' in ip else ip}:{app.port}{base}"

    def _open_door(self) -> str:
        """A plain HTTP door on the loopback interface, for a server that listens on a Unix socket or by TLS.

        A certificate names the server's public name, not the loopback interface, and MLflow's client speaks no Unix
        sockets; loosening its checks would loosen them for every other server that a notebook talks to. Only
        Insighter's own routes are behind the door.
        """
        if self._door_url is None:
            behind = PathMatches(re.escape(self._serverapp.base_url.rstrip("/")) + "/insighter/.*")
            sockets = bind_sockets(0, "127.0.0.1")
            self._door = HTTPServer(RuleRouter([Rule(behind, self._serverapp.web_app)]))
            self._door.add_sockets(sockets)
            self._door_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        return self._door_url

    def _process_ended(self, kernel_id: str, ending: Ending) -> None:
        """A process of a kernel is gone, the kernel is not."""
        if kernel_id in self._credentials:
            self._do(self._abandon(*self._credentials[kernel_id], ending))

    def _revoke(self, issued: Issued | None, ending: Ending = SHUT_DOWN) -> None:
        if issued is not None:
            self._do(self._end(*issued, ending))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._revoking.add(task)
        task.add_done_callback(self._revoking.discard)

    async def _settled(self) -> None:
        if self._revoking:
            await asyncio.wait(set(self._revoking))

    async def _abandon(self, principal: Principal, credential: IssuedCredential, ending: Ending) -> None:
        try:
            platform = await self._open()
            runs = await platform.tracking.abandon(principal, credential.id, ending)
        except Exception as error:  # noqa: BLE001 - the kernel goes on
            log.warning("runs of a kernel that ended may seem to go on: %s", error)
        else:
            if runs:
                log.info("ended with their kernel (%s): runs %s", ending.reason, ", ".join(runs))

    async def _end(self, principal: Principal, credential: IssuedCredential, ending: Ending) -> None:
        await self._abandon(principal, credential, ending)
        try:
            platform = await self._open()
            await platform.credentials.revoke(principal, credential.id)
        except Exception as error:  # noqa: BLE001 - it ends with this server at the latest
            log.warning("the credential of a kernel that ended could not be revoked yet: %s", error)


def variables(url: str, issued: IssuedCredential, inherited: Mapping[str, str]) -> dict[str, str]:
    """What a kernel's environment gets.

    Args:
        url: the server's base address, without a slash at its end.
        inherited: the environment it has otherwise. A tracking server that the user has chosen stays chosen, and then
            gets no credential of ours.
    """
    ours = {
        "INSIGHTER_URL": url,
        "INSIGHTER_TOKEN": issued.secret,
        "INSIGHTER_PROJECT": str(issued.project_id),
    }
    # A server that was started from a kernel inherits that kernel's address: it is no choice of the user.
    if inherited.get("MLFLOW_TRACKING_URI", "") in {"", _mlflow(inherited.get("INSIGHTER_URL", ""))}:
        ours["MLFLOW_TRACKING_URI"] = _mlflow(url)
        ours["MLFLOW_TRACKING_TOKEN"] = issued.secret
        # MLflow prints links to its own pages after each run; runs are shown by panels here.
        ours[_NO_LINKS] = inherited.get(_NO_LINKS, "true")
    # A proxy that leads out of the house does not lead back in.
    if any(name.lower() in {"http_proxy", "https_proxy", "all_proxy"} for name in inherited):
        host = str(urlsplit(url).hostname)
        for name in ("NO_PROXY", "no_proxy"):
            direct = [item for item in inherited.get(name, "").split(",") if item]
            ours[name] = ",".join([*direct, *({host} - set(direct))])
    return ours


def _mlflow(url: str) -> str:
    return f"{url}/insighter/mlflow"
