"""Compares what a model was made with (``requirements.txt``, ``MLmodel``) with what is installed here."""

from __future__ import annotations

import platform
import shlex
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

# One of these is installed where mlflow.pyfunc can be imported, whichever of them the model names.
_MLFLOW = frozenset({"mlflow", "mlflow-skinny"})


@dataclass(frozen=True)
class Findings:
    """What differs: ``missing`` are requirements of which no version is installed, ``warnings`` sentences."""

    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def check(model_dir: Path, mlmodel: dict[str, Any]) -> Findings:
    """Compare a model's requirements with this interpreter.

    Lines that name no package (options, files, wheels) cannot be compared and are passed over, as are
    requirements whose environment marker does not hold here. A model without ``requirements.txt`` has nothing
    to compare.

    Args:
        model_dir: the directory with ``requirements.txt``.
        mlmodel: the parsed ``MLmodel`` file, for the Python version.
    """
    missing: list[str] = []
    warnings: list[str] = []
    python = _python_warning(mlmodel)
    if python:
        warnings.append(python)
    path = model_dir / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        requirement = _parse(line)
        if requirement is None or (requirement.marker is not None and not requirement.marker.evaluate()):
            continue
        installed = _installed(requirement.name)
        if installed is None:
            missing.append(_plain(requirement))
        elif not requirement.specifier.contains(installed, prereleases=True):
            warnings.append(
                f"The model was made with {requirement.name}{requirement.specifier}, and {installed} "
                "is installed."
            )
    return Findings(tuple(missing), tuple(warnings))


def install_command(packages: tuple[str, ...]) -> str:
    """The shell command that installs packages for this very interpreter."""
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])


def _parse(line: str) -> Requirement | None:
    text = line.split(" #", 1)[0].strip()
    if not text or text.startswith(("#", "-", ".", "/")):
        return None
    try:
        return Requirement(text.split(" --", 1)[0])
    except InvalidRequirement:
        return None


def _plain(requirement: Requirement) -> str:
    return str(requirement).split(";", 1)[0].strip()


def _installed(name: str) -> str | None:
    names = _MLFLOW if name.lower().replace("_", "-") in _MLFLOW else {name}
    for candidate in sorted(names):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def _python_warning(mlmodel: dict[str, Any]) -> str | None:
    flavors = mlmodel.get("flavors")
    pyfunc = flavors.get("python_function") if isinstance(flavors, dict) else None
    made_with = str(pyfunc.get("python_version") or "") if isinstance(pyfunc, dict) else ""
    here = platform.python_version()
    if not made_with or made_with.split(".")[:2] == here.split(".")[:2]:
        return None
    return f"The model was made with Python {made_with}, and it is served by Python {here}."
