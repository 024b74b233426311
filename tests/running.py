"""Run a real Jupyter server with Insighter, alone with its own folders."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

REPOSITORY = Path(__file__).parent.parent


def free_port() -> int:
    """A port of the loopback interface that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def isolated_environment(home: Path) -> dict[str, str]:
    """The environment of a user who has nothing: no configuration, no data, no kernels but those of this Python."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "MLFLOW", "INSIGHTER"))
    }
    return {
        **kept,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }


class JupyterServer:
    """A ``jupyter server`` or ``jupyter lab`` process with Insighter.

    Args:
        home: an empty folder for all it writes; ``home/root`` is Jupyter's root.
        lab: start JupyterLab instead of the bare server.
        port: a free one where omitted.
        arguments: more of the command line.
        variables: more of the environment.
    """

    def __init__(
        self,
        home: Path,
        *,
        lab: bool = False,
        port: int | None = None,
        arguments: tuple[str, ...] = (),
        variables: dict[str, str] | None = None,
    ) -> None:
        self.home = home
        self.root = home / "root"
        self.data_dir = home / "data" / "insighter"
        self.port = port or free_port()
        self.token = secrets.token_hex(16)
        self.lab = lab
        self.arguments = arguments
        self.variables = variables or {}
        self.log = home / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> None:
        """Start and do not wait."""
        self.root.mkdir(parents=True, exist_ok=True)
        if self.lab:
            self._no_news()
        command = [sys.executable, "-m", "jupyterlab" if self.lab else "jupyter_server"]
        command += [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.root}",
            f"--IdentityProvider.token={self.token}",
            "--ServerApp.jpserver_extensions={'insighter_ext': True}",
            "--ServerApp.allow_unauthenticated_access=False",
            # The page's application object, for tests to switch themes and run commands.
            *(["--LabApp.expose_app_in_browser=True"] if self.lab else []),
            *self.arguments,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.home,
                env={**isolated_environment(self.home), **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, timeout: float = 90) -> JupyterServer:
        """Start and wait until Insighter answers."""
        self.launch()
        assert self.process is not None
        deadline = time.monotonic() + timeout
        with self.client() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = client.get("/insighter/api/auth")
                    if answer.status_code == 200:
                        return self
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = self.log.read_text(errors="replace")[-4000:]
                    self.stop()
                    raise RuntimeError(f"the server did not start:\n{said}")
                time.sleep(0.1)

    def _no_news(self) -> None:
        """Keep JupyterLab from asking whether it may fetch its news."""
        folder = self.home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )

    def client(self) -> httpx.Client:
        """A client with the server's token."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer does it: nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server in an orderly way."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def destroy(self) -> None:
        """Stop the server and all it left behind: kernels, endpoints, PostgreSQL, files."""
        self.stop()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    words = [process.cwd(), *process.cmdline()]
                    if any(str(self.home) in word for word in words):
                        process.kill()
        shutil.rmtree(self.home, ignore_errors=True)
