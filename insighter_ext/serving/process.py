"""The life of a scoring process: bind, check, load, serve, stop.

The contract is told in :mod:`insighter_ext.serving`.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from insighter_ext.serving import protocol
from insighter_ext.serving.failure import StartFailed, brief
from insighter_ext.serving.protocol import Spec, State

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

_BACKLOG = 512
# Longer than a proxy keeps its idle connections: whoever reuses a connection should be the one to close it.
_KEEP_ALIVE_SECONDS = 75
_DETAIL_CHARACTERS = 4000
_logger = logging.getLogger("insighter_ext.serving")


def main(arguments: list[str]) -> int:
    """Serve the model of a run directory until SIGTERM; returns the exit code.

    Args:
        arguments: the run directory, and nothing else.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m insighter_ext.serving <run_dir>\n")
        return protocol.EXIT_SPEC
    run_dir = Path(arguments[0]).resolve()
    if not run_dir.is_dir():
        sys.stderr.write(f"{run_dir} is no directory\n")
        return protocol.EXIT_SPEC
    _prepare(run_dir)
    return ScoringProcess(run_dir).run()


def _prepare(run_dir: Path) -> None:
    os.chdir(run_dir)
    faulthandler.enable()  # a crash in a model's native code leaves its stack in the log
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Where the platform runs may have no way out, and what is served is nobody else's business.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")


class ScoringProcess:
    """Keeps the state file true while the process goes through its phases."""

    def __init__(self, run_dir: Path) -> None:
        import psutil  # type: ignore[import-untyped, unused-ignore]

        self._run_dir = run_dir
        self._state = State(phase="starting", pid=os.getpid(), process_started=psutil.Process().create_time())

    def run(self) -> int:
        """Go through all phases; returns the exit code."""
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop_before_ready)
        try:
            self._enter(phase="starting")
            spec = self._read_spec()
            listener = bind(spec.host, spec.port)
            self._enter(phase="loading", port=listener.getsockname()[1])
            model = self._load(spec)
            self._serve(spec, listener, model)
        except StartFailed as failure:
            return self._fail(str(failure), failure.exit_code)
        except Exception as error:  # noqa: BLE001 - whatever it is, the state file has to say so
            return self._fail(
                f"The model's server ended unexpectedly ({brief(error)}): start the deployment again, "
                "and see its log.",
                protocol.EXIT_UNEXPECTED,
            )
        self._enter(phase="stopped")
        _logger.info("Stopped")
        return protocol.EXIT_STOPPED

    def _enter(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes, updated_at=time.time())
        protocol.write_state(self._run_dir, self._state)

    def _fail(self, reason: str, exit_code: int) -> int:
        detail = traceback.format_exc()
        _logger.error("%s\n%s", reason, detail)
        self._enter(phase="failed", reason=reason, detail=detail[-_DETAIL_CHARACTERS:])
        return exit_code

    def _stop_before_ready(self, *_: object) -> NoReturn:
        # Nothing runs for anyone yet, and the code that loads could swallow an exception raised here.
        self._enter(phase="stopped")
        _logger.info("Stopped before the model was ready")
        os._exit(protocol.EXIT_STOPPED)

    def _read_spec(self) -> Spec:
        try:
            return protocol.read_spec(self._run_dir)
        except (OSError, ValueError) as error:
            raise StartFailed(
                f"The deployment's {protocol.SPEC_FILE} cannot be used ({brief(error)}): create the "
                "deployment again.",
                protocol.EXIT_SPEC,
            ) from error

    def _load(self, spec: Spec) -> PyFuncModel:
        from insighter_ext.serving import loading

        _logger.info("Loading %s version %s from %s", spec.model_name, spec.model_version, spec.model_dir)
        model_dir = Path(spec.model_dir)
        findings = loading.check_requirements(model_dir)
        for warning in findings.warnings:
            _logger.warning(warning)
        self._enter(warnings=findings.warnings)
        return loading.load(model_dir)

    def _serve(self, spec: Spec, listener: socket.socket, model: PyFuncModel) -> None:
        import asyncio

        import uvicorn

        from insighter_ext.serving.app import ScoringApp

        executor = ThreadPoolExecutor(thread_name_prefix="predict")
        process = self

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Generator[None, None, None]:
                # uvicorn would die of the signal again once it has served; here a stop is exit code 0.
                signal.signal(signal.SIGTERM, self.handle_exit)
                yield

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                process._enter(phase="ready")
                _logger.info("Ready on %s port %s", spec.host, process._state.port)

        config = uvicorn.Config(
            ScoringApp(model, spec.secret, executor, protocol.MAX_BODY_BYTES),
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=protocol.GRACE_SECONDS,
        )
        # What is here now stays: the garbage collector need not walk through it during requests.
        gc.collect()
        gc.freeze()
        try:
            # Two sockets may be bound to one port; the first to listen has it.
            listener.listen(_BACKLOG)
        except OSError as error:
            raise _port_failure(spec.host, listener.getsockname()[1], error) from error
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(Server(config).serve(sockets=[listener]))
        self._leave_predictions(executor)

    def _leave_predictions(self, executor: ThreadPoolExecutor) -> None:
        """End the process although a prediction outlasts the grace: Python would wait for its thread."""
        waiter = threading.Thread(target=executor.shutdown, kwargs={"cancel_futures": True}, daemon=True)
        waiter.start()
        waiter.join(timeout=0.5)
        if waiter.is_alive():
            self._enter(phase="stopped")
            _logger.warning("Stopped; a prediction was still running after %s s", protocol.GRACE_SECONDS)
            os._exit(protocol.EXIT_STOPPED)


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to host and port (0: any free one), not yet listening.

    Raises:
        StartFailed: the port cannot be had; the reason says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, each answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A restart must get its port back while connections of the last run linger in TIME_WAIT.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _port_failure(host, port, error) from error
    listener.set_inheritable(False)
    return listener


def _port_failure(host: str, port: int, error: OSError) -> StartFailed:
    if error.errno == errno.EADDRINUSE:
        reason = f"port {port} on {host} is in use by another program: choose another port or leave it out"
    elif error.errno == errno.EACCES:
        reason = f"port {port} on {host} is reserved for the system: choose one from 1024 on or leave it out"
    else:
        reason = f"port {port} on {host} cannot be used ({error.strerror}): choose another or leave it out"
    return StartFailed(reason, protocol.EXIT_PORT)
