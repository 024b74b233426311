"""Run cells in real kernels, through the server's own API, as a notebook does."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import websocket

from tests.running import JupyterServer


@dataclass
class Outputs:
    """What a cell answered.

    Attributes:
        text: all it printed, standard output and error in order.
        data: the MIME bundles it showed, its value last.
        error: "name: value" of what it raised.
    """

    text: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None

    @property
    def value(self) -> str:
        """The plain text of the last thing shown."""
        return str(self.data[-1].get("text/plain", ""))


class Kernel:
    """A running kernel of a server."""

    def __init__(self, server: JupyterServer, kernel_id: str, timeout: float = 90) -> None:
        self.id = kernel_id
        self.server = server
        self._session = uuid4().hex
        url = f"{server.url.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels?session_id={self._session}"
        self._socket = websocket.create_connection(
            url,
            header=[f"Authorization: Bearer {server.token}"],
            timeout=timeout,
            sslopt={"cert_reqs": ssl.CERT_NONE},  # a test's server signs its certificate itself
        )

    def send(self, code: str) -> str:
        """Have a cell run and do not wait; the id of the request."""
        wanted = uuid4().hex
        header = {"msg_id": wanted, "msg_type": "execute_request", "username": "", "session": self._session}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self._socket.send(json.dumps({**message, "buffers": []}))
        return wanted

    def timeout(self, seconds: float) -> None:
        """How long to wait for a message."""
        self._socket.settimeout(seconds)

    def receive(self) -> dict[str, Any]:
        """The next message, whatever it is about.

        Raises:
            TimeoutError: there is none.
        """
        while True:
            try:
                received = self._socket.recv()
            except websocket.WebSocketTimeoutException:
                raise TimeoutError from None
            if isinstance(received, str) and received:
                answer: dict[str, Any] = json.loads(received)
                return answer

    def try_run(self, code: str) -> Outputs:
        """Run a cell to its end."""
        wanted = self.send(code)
        outputs, idle, replied = Outputs(), False, False
        shown: dict[str | None, int] = {}
        while not (idle and replied):
            received = self._socket.recv()
            if not isinstance(received, str) or not received:
                continue
            answer = json.loads(received)
            if answer["parent_header"].get("msg_id") != wanted:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream":
                outputs.text += content["text"]
            elif kind in {"execute_result", "display_data"}:
                shown[content.get("transient", {}).get("display_id")] = len(outputs.data)
                outputs.data.append(content["data"])
            elif kind == "update_display_data":
                at = shown.get(content["transient"]["display_id"])
                if at is not None:
                    outputs.data[at] = content["data"]
            elif kind == "error":
                outputs.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                idle = True
            elif kind == "execute_reply":
                replied = True
        return outputs

    def run(self, code: str) -> Outputs:
        """Run a cell that must not fail."""
        outputs = self.try_run(code)
        assert outputs.error is None, f"{outputs.error}\n{outputs.text}"
        return outputs

    def environment(self) -> dict[str, str]:
        """The environment of a Python kernel."""
        found: dict[str, str] = json.loads(
            self.run("import json, os; print(json.dumps(dict(os.environ)))").text
        )
        return found

    def close(self) -> None:
        """Let go of the connection; the kernel stays."""
        self._socket.close()


@contextmanager
def kernel(
    server: JupyterServer,
    path: str = "",
    name: str = "python3",
    *,
    session: bool = False,
    file: str | None = None,
) -> Iterator[Kernel]:
    """A kernel in a folder (relative to Jupyter's root), bare or with a notebook's session; ended afterwards.

    With ``file`` the session is that notebook's, as JupyterLab makes it.
    """
    with server.client() as client:
        if session or file:
            called = file or f"{uuid4().hex}.ipynb"
            notebook = {"path": f"{path}/{called}".lstrip("/"), "name": file or "", "type": "notebook"}
            answer = client.post("/api/sessions", json={**notebook, "kernel": {"name": name}})
            assert answer.status_code == 201, answer.text
            kernel_id = answer.json()["kernel"]["id"]
        else:
            answer = client.post("/api/kernels", json={"name": name, "path": path})
            assert answer.status_code == 201, answer.text
            kernel_id = answer.json()["id"]
        running = Kernel(server, kernel_id)
        try:
            yield running
        finally:
            running.close()
            if server.process is not None and server.process.poll() is None:
                client.delete(f"/api/kernels/{kernel_id}")
