"""The folder that belongs to a project, known by a small marker file, so that it can be moved and renamed."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

from insighter_ext.errors import Unavailable

MARKER = ".insighter.json"


def make(root: Path, wanted: str, project_id: UUID) -> str:
    """Make and mark a folder below ``root``; where the wanted name is taken, a number is appended.

    Returns:
        The folder's path relative to ``root``, with forward slashes.
    """
    root = root.resolve()
    for number in range(1, 1000):
        folder = root / (wanted if number == 1 else f"{wanted}-{number}")
        if not folder.resolve().is_relative_to(root):
            folder = root / str(project_id)  # a stored path that leads out, by a link made since
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if _read(folder) != project_id and not (folder.is_dir() and not any(folder.iterdir())):
                continue
        except OSError as error:
            raise Unavailable(
                f"the project's folder could not be made: {error.strerror}",
                code="folder_failed",
                hint=f"check that the server may write to {root}",
            ) from error
        (folder / MARKER).write_text(json.dumps({"project": str(project_id)}) + "\n", encoding="utf-8")
        return folder.relative_to(root).as_posix()
    raise Unavailable(
        f'no free folder name like "{wanted}"', code="folder_failed", hint="remove some of those folders"
    )


def belongs(root: Path, folder: str, project_id: UUID) -> bool:
    """Whether the folder is there and marked as this project's."""
    return _read(root / folder) == project_id


def unmark(root: Path, folder: str, project_id: UUID) -> None:
    """Take the marker off; the files in the folder stay."""
    if folder and belongs(root, folder, project_id):
        (root / folder / MARKER).unlink(missing_ok=True)


def project_of(path: Path, root: Path) -> UUID | None:
    """The id in the nearest marker at or above a path, not looking above ``root``."""
    path, root = path.resolve(), root.resolve()
    if not path.is_relative_to(root):
        return None
    for folder in [path, *path.parents]:
        if (found := _read(folder)) is not None:
            return found
        if folder == root:
            break
    return None


def _read(folder: Path) -> UUID | None:
    try:
        with (folder / MARKER).open(encoding="utf-8") as file:
            return UUID(json.loads(file.read(4096))["project"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
