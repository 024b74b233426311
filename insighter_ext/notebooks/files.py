"""Notebooks as files of a project's folder: where they are, and the id that their metadata carries."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from insighter_ext.errors import Invalid
from insighter_ext.projects import folders

SUFFIX = ".ipynb"
KEY = "insighter"
"""the name in a notebook's metadata, whose ``notebook`` is its id"""

_LONGEST_PATH = 1000
_LARGEST = 50 * 1024**2
"""bytes of a file that is looked into; a larger one is known by its path"""


@dataclass(frozen=True, slots=True)
class Located:
    """A notebook file in a project's folder."""

    project_id: UUID
    folder: Path
    """the project's, links resolved"""
    path: str
    """below it, with slashes"""
    place: str
    """below Jupyter's root"""

    @property
    def file(self) -> Path:
        """The file."""
        return self.folder / self.path


@dataclass(frozen=True, slots=True)
class Told:
    """What a notebook says of itself."""

    id: UUID | None = None
    kernel: str | None = None
    language: str | None = None


def locate(path: str, root: Path) -> Located | None:
    """The project and place of a notebook file; None for what is none, is hidden, or lies outside of every project.

    Args:
        path: below ``root``, as somebody says; links are followed first, and what they lead out to is not there.
    """
    root = root.resolve()
    try:
        file = (root / path.lstrip("/")).resolve()
        if not file.is_relative_to(root) or file.suffix != SUFFIX or not file.is_file():
            return None
        place = file.relative_to(root)
        place.as_posix().encode()
    except (OSError, ValueError, RuntimeError):
        return None
    if any(part.startswith(".") for part in place.parts):
        return None
    found = folders.nearest(file.parent, root)
    if found is None:
        return None
    project_id, folder = found
    below = file.relative_to(folder).as_posix()
    if len(below) > _LONGEST_PATH or not below.isprintable():
        return None
    return Located(project_id, folder, below, place.as_posix())


def read(file: Path) -> Told:
    """What a notebook file says of itself; nothing where it is too large to be looked into.

    Raises:
        Invalid: it is no notebook.
    """
    try:
        # Whoever may write the folder can put anything in its place meanwhile.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a regular file")
            if status.st_size > _LARGEST:
                return Told()
            content = json.loads(opened.read(_LARGEST + 1))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_notebook(file.name) from error
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise _no_notebook(file.name)
    return told(content)


def told(content: dict[str, Any]) -> Told:
    """The id, kernel and language in a notebook's metadata, whatever else may stand there."""
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return Told()
    try:
        found = UUID(metadata[KEY]["notebook"])
    except (KeyError, TypeError, ValueError, AttributeError):
        found = None
    spec, language = metadata.get("kernelspec"), metadata.get("language_info")
    spec, language = (each if isinstance(each, dict) else {} for each in (spec, language))
    return Told(found, _word(spec.get("name")), _word(language.get("name")) or _word(spec.get("language")))


def carries(folder: Path, path: str, notebook_id: UUID) -> bool:
    """Whether the file at a place of the folder is there and says that it is this notebook."""
    try:
        file = (folder / path).resolve()
        return file.is_relative_to(folder) and read(file).id == notebook_id
    except (Invalid, OSError, ValueError, RuntimeError):
        return False


def _word(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value if letter.isprintable()).strip()[:100] or None


def _no_notebook(name: str) -> Invalid:
    return Invalid(
        f"{name} is no notebook", code="not_a_notebook", hint="a notebook is JSON with nbformat and cells"
    )
