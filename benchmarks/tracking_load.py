"""The load of ``benchmarks/tracking.py``, in a process of its own, which takes its task as JSON.

All requests are made before the clock starts, bytes on plain sockets, one thread for each connection: what is measured
is the server, and of the generator some fifty microseconds for each request.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

BATCH = 1000
TIMES = 1_700_000_000_000


@dataclass
class Task:
    """What to do to whom."""

    port: int
    prefix: str
    headers: dict[str, str]
    what: str
    seconds: float
    connections: int
    experiment: str
    run: str
    round: int
    body: dict[str, Any] | None = None

    def request(self, path: str, body: dict[str, Any]) -> bytes:
        """A whole request."""
        content = json.dumps(body).encode()
        lines = [f"POST {self.prefix}/api/2.0/mlflow/{path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(content)}", "Connection: keep-alive", "", ""]
        return "\r\n".join(lines).encode() + content


class Connection:
    """A connection that sends what is ready and reads an answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, request: bytes) -> bytes:
        """The body of the answer; anything but 200 is an error."""
        self._socket.sendall(request)
        answer = self._rest
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        head = answer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"answered {answer[:600]!r}")
        start = head.index(b"content-length:") + 15
        whole = end + 4 + int(head[start:].split(b"\r\n", 1)[0])
        while len(answer) < whole:
            answer += self._more()
        self._rest = answer[whole:]
        return answer[end + 4 : whole]

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise RuntimeError("the server hung up")
        return data


def prepared(task: Task, which: int) -> list[list[bytes]]:
    """For one connection: groups of requests that count as one. ``RUN`` in a request is the run made before it."""
    first = (task.round * task.connections + which) * 1_000_000
    if task.what == "metric":
        return [
            [
                task.request(
                    "runs/log-metric",
                    {
                        "run_id": task.run,
                        "key": f"m{i % 20}",
                        "value": i / 7,
                        "timestamp": TIMES,
                        "step": first + i,
                    },
                )
            ]
            for i in range(int(task.seconds * 2500))
        ]
    if task.what == "batch":
        # A hundred metrics at ten steps, which go on from batch to batch.
        metrics = [
            {"key": f"b{i % 100}", "value": i / 7, "timestamp": TIMES, "step": 99_999_990 + i // 100}
            for i in range(BATCH)
        ]
        template = task.request("runs/log-batch", {"run_id": task.run, "metrics": metrics})
        begin = 1_000_000 + (task.round * task.connections + which) * 10_000
        return [
            [template.replace(b"9999999", str(begin + i).encode())] for i in range(int(task.seconds * 300))
        ]
    if task.what == "run":
        tags = [{"key": f"mlflow.t{i}", "value": "x" * 20} for i in range(4)]
        create = {"experiment_id": task.experiment, "start_time": TIMES, "run_name": "r", "tags": tags}
        log = {
            "run_id": "RUN" + "0" * 29,
            "metrics": [{"key": f"m{i}", "value": i / 7, "timestamp": TIMES, "step": 0} for i in range(5)],
            "params": [{"key": f"p{i}", "value": str(i)} for i in range(5)],
            "tags": [{"key": f"t{i}", "value": str(i)} for i in range(3)],
        }
        return [[task.request("runs/create", create), task.request("runs/log-batch", log)]] * int(
            task.seconds * 1000
        )
    assert task.body is not None
    return [[task.request("runs/search", task.body)]] * int(task.seconds * 1000)


def main() -> None:
    """Do it and print ``{"count", "seconds", "p50", "p95"}``, times in milliseconds."""
    task = Task(**json.load(sys.stdin))
    work = [prepared(task, which) for which in range(task.connections)]
    connections = [Connection(task.port) for _ in work]
    taken: list[list[float]] = [[] for _ in work]
    failed: list[Exception] = []
    barrier = threading.Barrier(task.connections + 1)

    def send(which: int) -> None:
        connection, times = connections[which], taken[which]
        barrier.wait()
        begin = before = time.perf_counter()
        try:
            for group in work[which]:
                run = b""
                for request in group:
                    answer = connection.send(request.replace(b"RUN" + b"0" * 29, run) if run else request)
                    if len(group) > 1 and not run:
                        run = json.loads(answer)["run"]["info"]["run_id"].encode()
                now = time.perf_counter()
                times.append(now - before)
                before = now
                if now - begin > task.seconds:
                    break
        except Exception as error:  # noqa: BLE001 - raised below
            failed.append(error)

    threads = [threading.Thread(target=send, args=(which,)) for which in range(task.connections)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if failed:
        raise failed[0]
    times = sorted(one * 1000 for some in taken for one in some)
    print(
        json.dumps(
            {
                "count": len(times),
                "seconds": seconds,
                "p50": times[len(times) // 2],
                "p95": times[int(len(times) * 0.95)],
            }
        )
    )


if __name__ == "__main__":
    main()
