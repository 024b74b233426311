"""What ``pip install insighter`` gives: one wheel, built without a Node, that has everything in place."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.timeout(900)

NOT_SOURCES = shutil.ignore_patterns(
    ".*_cache",
    ".git",
    ".make",
    ".venv",
    "__pycache__",
    "*.egg-info",
    "build",
    "dist",
    "node_modules",
    "tests",
)


def _copy_sources(target: Path) -> None:
    """A clean checkout: none of this tree's build products, which the browser tests use at the same time."""
    shutil.copytree(ROOT, target, ignore=NOT_SOURCES)
    shutil.rmtree(target / "labextension" / "lib", ignore_errors=True)
    shutil.rmtree(target / "insighter_ext" / "labextension", ignore_errors=True)


def _path_without_node(folder: Path) -> str:
    """A PATH with the few programs that a build may expect of any machine, and no Node among them."""
    folder.mkdir()
    for program in ("sh", "env", "uname"):
        found = shutil.which(program)
        assert found
        (folder / program).symlink_to(found)
    return str(folder)


def _environment(**changes: str) -> dict[str, str]:
    """This process's environment, less what would let its own installation shine through."""
    hidden = (
        "JUPYTER",
        "JPY",
        "PYTHON",
        "PYTEST",
        "VIRTUAL_ENV",
        "INSIGHTER",
        "SUPABASE",
        "MLFLOW",
        "NODE_PATH",
        "npm_",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return {**kept, **changes}


def _run(*command: str | Path, env: dict[str, str], cwd: Path) -> str:
    """Run a program to its end; its output (both streams), which also is the reason when it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}"
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a clean copy of the sources in an isolated environment."""
    folder = tmp_path_factory.mktemp("wheel")
    env = _environment(PATH=_path_without_node(folder / "bin"))
    assert shutil.which("node", path=env["PATH"]) is None
    try:
        _copy_sources(folder / "sources")
        _run(
            UV, "build", "--wheel", "--python", sys.executable, "--build-constraints", ROOT / "locks" / "test.txt",
            "--out-dir", folder / "dist", folder / "sources",
            env=env, cwd=folder,
        )  # fmt: skip
    finally:  # half a gigabyte of npm packages
        shutil.rmtree(folder / "sources", ignore_errors=True)
    [built] = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A virtual environment that holds the wheel and its locked dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    env = _environment()
    install = (UV, "pip", "install", "--python", folder / "bin" / "python")
    try:
        _run(UV, "venv", "--python", sys.executable, folder, env=env, cwd=folder.parent)
        _run(*install, "-r", ROOT / "locks" / "run.txt", env=env, cwd=folder.parent)
        _run(*install, "--no-deps", wheel, env=env, cwd=folder.parent)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _jupyter_environment(environment: Path, folder: Path) -> dict[str, str]:
    """As a user who has only this environment and no settings."""
    return _environment(
        PATH=os.pathsep.join([str(environment / "bin"), os.environ["PATH"]]),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        JUPYTER_DATA_DIR=str(folder / "data"),
        JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
        IPYTHONDIR=str(folder / "ipython"),
    )


def test_wheel_carries_both_packages_and_the_front_end_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    data = next(name for name in names if ".data/data/" in name).split("/")[0] + "/data/"
    bundle = data + "share/jupyter/labextensions/@insighter/labextension/"

    assert data + "etc/jupyter/jupyter_server_config.d/insighter.json" in names
    assert data + "etc/jupyter/jupyter_server_config.d/nbdime_off.json" in names
    assert bundle + "install.json" in names
    assert any(re.fullmatch(re.escape(bundle) + r"static/remoteEntry\.\w+\.js", name) for name in names)
    assert sum("/static/remoteEntry." in name for name in names) == 1

    assert "insighter_ext/py.typed" in names
    assert "insighter_ext/schema/bootstrap.sql" in names
    assert "server_handlers/app.py" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if ".d" not in top} == {"insighter_ext", "server_handlers"}


def test_wheel_leaves_out_nothing_that_the_packages_hold(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = _run("git", "ls-files", "insighter_ext", "server_handlers", env=_environment(), cwd=ROOT).split(
        "\n"
    )
    assert sorted(set(filter(None, tracked)) - packed) == []


def test_both_extensions_are_found_and_ok(environment: Path, tmp_path: Path) -> None:
    env = _jupyter_environment(environment, tmp_path)
    jupyter = environment / "bin" / "jupyter"

    front_end = _run(jupyter, "labextension", "list", env=env, cwd=tmp_path)
    assert re.search(r"@insighter/labextension v\S+ enabled +OK \(python, insighter\)", front_end), front_end

    server = _run(jupyter, "server", "extension", "list", env=env, cwd=tmp_path)
    assert re.search(
        r"insighter_ext enabled\n\s+- Validating insighter_ext\.\.\.\n\s+insighter_ext \S* *OK", server
    ), server


def test_installed_package_answers(environment: Path, tmp_path: Path) -> None:
    """The server of the fresh environment starts Insighter by itself and answers its status."""
    work = tmp_path / "work"
    work.mkdir()
    token = secrets.token_hex(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "server.log"
    command = [
        environment / "bin" / "jupyter", "server", "--allow-root", "--no-browser", "--ip=127.0.0.1",
        f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}",
    ]  # fmt: skip
    env = _jupyter_environment(environment, tmp_path) | {"JUPYTER_TOKEN": token}
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=work, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        response = _ask(server, f"http://127.0.0.1:{port}/insighter/api/status", token)
        assert response is not None, f"no answer; the server said:\n{log.read_text()}"
        assert response.status_code == 200, f"{response.text}\n{log.read_text()}"
    finally:
        _end(server, tmp_path)


def _ask(server: subprocess.Popen[bytes], url: str, token: str) -> httpx.Response | None:
    """The first answer within two minutes, or None when the server ends or stays silent."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, headers={"Authorization": f"token {token}"}, timeout=60)
        time.sleep(0.2)
    return None


def _end(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Stop the server and whatever it left running on `folder` (its database, when it died badly)."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in argument for argument in process.info["cmdline"] or []):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
