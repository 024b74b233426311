"""``insighter doctor``: is everything in place, and if not, what to do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from insighter_ext import __version__
from insighter_ext.config import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        hint: what to do; empty where it is in order.
    """

    check: str
    ok: bool
    said: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def examine() -> list[Finding]:
    """All checks, in the order in which one would mend them. None of them changes anything but the database's state."""
    findings = []
    for name, check in _CHECKS.items():
        try:
            findings.append(check(name))
        except Exception as error:  # noqa: BLE001 - a check that fails is a finding
            hint = getattr(error, "hint", None) or "this is not expected: please report it"
            findings.append(Finding(name, False, str(error) or type(error).__name__, hint))
    return findings


def _python(check: str) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(check, True, f"{version} at {sys.executable}")


def _packages(check: str) -> Finding:
    from packaging.requirements import Requirement

    try:
        needed = metadata.requires("insighter") or []
    except metadata.PackageNotFoundError:
        return Finding(check, False, "insighter is not installed as a package", "pip install insighter")
    wrong = []
    count = 0
    for line in needed:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, it takes {requirement.specifier}")
    if wrong:
        return Finding(check, False, "; ".join(wrong), "pip install --upgrade insighter")
    return Finding(check, True, f"insighter {__version__} and the {count} it needs")


def _server_extension(check: str) -> Finding:
    from jupyter_core.paths import jupyter_config_path

    enabled: bool | None = None
    for folder in reversed(jupyter_config_path()):
        base = Path(folder)
        names = [*sorted(base.glob("jupyter_server_config.d/*.json")), base / "jupyter_server_config.json"]
        for file in names:
            try:
                said = json.loads(file.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"][
                    "insighter_ext"
                ]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            enabled = bool(said)
    if enabled:
        return Finding(check, True, "enabled")
    said = "not installed" if enabled is None else "switched off"
    return Finding(check, False, said, "jupyter server extension enable insighter_ext")


def _lab_extension(check: str) -> Finding:
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        file = Path(folder) / "@insighter" / "labextension" / "package.json"
        if file.is_file():
            version = json.loads(file.read_text(encoding="utf-8"))["version"]
            if version != __version__:
                hint = "reinstall insighter: pip install --force-reinstall insighter"
                return Finding(check, False, f"{version}, but the server's part is {__version__}", hint)
            return Finding(check, True, f"{version} in {file.parent}")
    return Finding(
        check, False, "not installed", "reinstall insighter: pip install --force-reinstall insighter"
    )


def _storage(check: str) -> Finding:
    folder = Settings.load().storage_dir
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        hint = "give yourself the right to write there, or set INSIGHTER_STORAGE_DIR to another folder"
        return Finding(check, False, f"{nearest} cannot be written to", hint)
    size = sum(
        (Path(base) / name).lstat().st_size
        for base, _, names in os.walk(folder)
        for name in names
        if (Path(base) / name).exists()
    )
    free = shutil.disk_usage(nearest).free
    said = f"{folder}, {size / 1e6:,.0f} MB used, {free / 1e9:,.1f} GB free"
    if free < 1e9:
        return Finding(
            check, False, said, "make room on the disk, or set INSIGHTER_STORAGE_DIR to another one"
        )
    return Finding(check, True, said)


def _server(check: str) -> Finding:
    from insighter_ext.kernel import servers

    client = servers.find()
    if client is None:
        return Finding(check, True, "none runs; insighter starts one")
    status = client.get("status")
    if status["version"] != __version__:
        return Finding(
            check,
            False,
            f"{client.url} runs Insighter {status['version']}, installed is {__version__}",
            "restart it",
        )
    return Finding(check, True, f"{client.url} answers, with {status['database']}")


def _database(check: str) -> Finding:
    from insighter_ext.kernel import servers
    from insighter_ext.platform import Platform

    if servers.find() is not None:
        return Finding(check, True, "answers the running server")

    settings = Settings.load()
    if settings.mode == "supabase":
        return _supabase(check, settings)

    async def ask() -> str:
        platform = await Platform.open(settings)
        try:
            answer = await platform.data.call(platform.local_owner, "platform_status")
            return str(answer["database"])
        finally:
            await platform.close()

    return Finding(check, True, f"{asyncio.run(ask())} starts and answers")


def _supabase(check: str, settings: Settings) -> Finding:
    from insighter_ext.gateways.supabase import check as project

    wrong = [one for one in asyncio.run(project.examine(settings)) if one.state == "problem"]
    if wrong:
        said = "; ".join(f"{one.check}: {one.said}" for one in wrong)
        return Finding(check, False, said, "insighter supabase check")
    return Finding(check, True, f"the Supabase project at {settings.supabase_url} is in order")


_CHECKS: dict[str, Callable[[str], Finding]] = {
    "Python": _python,
    "packages": _packages,
    "server extension": _server_extension,
    "lab extension": _lab_extension,
    "storage": _storage,
    "running server": _server,
    "database": _database,
}
