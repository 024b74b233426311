"""The server's log tells what an answer with a request id does not."""

from __future__ import annotations

import time

from tests.running import JupyterServer


def test_the_platform_logs_with_the_server(own_server: JupyterServer) -> None:
    own_server.start()
    with own_server.client() as client:
        refused = client.post("/insighter/api/projects", json={"name": "../up"})
        client.get("/insighter/api/status", params={"token": own_server.token})
    deadline = time.monotonic() + 10
    while (wanted := refused.headers["X-Request-Id"]) not in own_server.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    text = own_server.log.read_text()
    assert "PostgreSQL 18 ready" in text
    line = next(line for line in text.splitlines() if wanted in line)
    assert "422" in line and line.startswith("[I "), line
    # Jupyter prints its address with the token at its start; no request is logged with it.
    assert [line for line in text.splitlines() if own_server.token in line and "/insighter/" in line] == []
