"""The files of a model version, from the object store into a folder of a deployment's own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from insighter_ext.deployments.run_dir import to_end
from insighter_ext.errors import Invalid, Unavailable
from insighter_ext.gateways import ObjectStore
from insighter_ext.principal import Principal

ModelFile = tuple[str, str, int]
"""Path relative to the model's folder, object key, size in bytes."""

_SPARE_BYTES = 64 * 1024 * 1024


async def materialise(
    objects: ObjectStore, principal: Principal, files: Sequence[ModelFile], target: Path
) -> None:
    """Copy all files below ``target``, which is there afterwards as a whole or not at all.

    Args:
        principal: has to be allowed to read each of them.

    Raises:
        Invalid: there are none, or a path leads out of the folder.
        NotFound: an object is missing, or hidden from the principal.
        Unavailable: the disk does not take them.
    """
    if not files:
        raise Invalid(
            "the model version has no files", code="model_empty", hint="log and register the model again"
        )
    partial = target.with_name(target.name + ".partial")
    wanted = [(partial / _inside(path), key) for path, key, _ in files]
    try:
        await to_end(_fresh, partial, sum(size for _, _, size in files))
        for destination, key in wanted:
            await to_end(_copy, await objects.local_path(principal, key), destination)
        partial.rename(target)
    except OSError as error:
        await to_end(shutil.rmtree, partial, ignore_errors=True)
        raise Unavailable(
            f"the model's files could not be copied: {error.strerror or error}",
            code="storage_failed",
            hint="free some space on the disk of the data folder, then start it again",
        ) from error


def _inside(path: str) -> PurePosixPath:
    relative = PurePosixPath(path)
    if (
        not path
        or "\0" in path
        or "\\" in path
        or relative.is_absolute()
        or ".." in relative.parts
        or not relative.parts
    ):
        raise Invalid(f"the model has a file with an unusable path: {path!r}", code="model_broken")
    return relative


def _fresh(folder: Path, size: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(mode=0o700)
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE_BYTES:
        raise OSError(f"they take {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free")


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)
