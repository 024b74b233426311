"""Two versions of a model side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from insighter_ext.registry.models import SignatureField
from insighter_ext.registry.version_models import (
    Compared,
    ComparedGroup,
    Value,
    VersionComparison,
    VersionDetail,
)

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Key = tuple[str, str | None]


def compare(
    left: VersionDetail, right: VersionDetail, left_keys: Mapping[str, str], right_keys: Mapping[str, str]
) -> VersionComparison:
    """What the two have, what only one has, and what differs.

    Args:
        left_keys: path → a key of the file's content, for the left version; right_keys for the right one.
    """
    files = _rows(_sizes(left), _sizes(right))
    files = [
        row.model_copy(update={"differs": left_keys.get(row.key) != right_keys.get(row.key)}) for row in files
    ]
    groups = {
        "facts": _rows(_facts(left), _facts(right), ordered=True),
        "metrics": _rows(_metrics(left), _metrics(right)),
        "params": _rows(_plain(left.params), _plain(right.params)),
        "inputs": _rows(_fields(left.packaging.inputs), _fields(right.packaging.inputs), ordered=True),
        "outputs": _rows(_fields(left.packaging.outputs), _fields(right.packaging.outputs), ordered=True),
        "datasets": _rows(_datasets(left), _datasets(right)),
        "requirements": _rows(_packages(left), _packages(right)),
        "files": files,
    }
    return VersionComparison(
        name=left.name,
        left=left.version,
        right=right.version,
        groups=[
            ComparedGroup(name=name, rows=rows, differing=sum(row.differs for row in rows))  # type: ignore[arg-type]
            for name, rows in groups.items()
        ],
    )


def _rows(left: Mapping[Key, Value], right: Mapping[Key, Value], ordered: bool = False) -> list[Compared]:
    keys = list(dict.fromkeys([*left, *right]))
    if not ordered:
        keys.sort(key=lambda key: (key[0], key[1] or ""))
    return [
        Compared(
            key=key,
            dataset=dataset,
            left=left.get((key, dataset)),
            right=right.get((key, dataset)),
            differs=left.get((key, dataset)) != right.get((key, dataset)),
        )
        for key, dataset in keys
    ]


def _plain(values: Mapping[str, Value]) -> dict[Key, Value]:
    return {(key, None): value for key, value in values.items()}


def _facts(version: VersionDetail) -> dict[Key, Value]:
    packed = version.packaging
    return _plain(
        {
            "flavors": ", ".join(flavor.name for flavor in packed.flavors) or None,
            "model type": version.model_type or None,
            "MLflow": packed.mlflow_version,
            "Python": packed.python_version,
            "size": version.size,
            "files": version.file_count,
            "run": f"{version.run.name} ({version.run.id[:8]})" if version.run else None,
            "commit": version.run.commit if version.run else None,
        }
    )


def _metrics(version: VersionDetail) -> dict[Key, Value]:
    return {(item.key, item.dataset): item.value for item in version.measured}


def _fields(fields: Sequence[SignatureField]) -> dict[Key, Value]:
    return _plain({field.name or f"#{number}": spell(field) for number, field in enumerate(fields)})


def spell(field: SignatureField) -> str:
    """A column's type in a word or two."""
    shape = f" ({', '.join(map(str, field.shape))})" if field.shape else ""
    return f"{field.type}{shape}{'' if field.required else ', optional'}"


def _datasets(version: VersionDetail) -> dict[Key, Value]:
    found: dict[Key, Value] = {}
    for item in version.datasets:
        said = f"v{item.version}" if item.version is not None else item.digest
        before = found.get((item.name, None))
        found[(item.name, None)] = f"{before}, {said}" if before else said
    return found


def _packages(version: VersionDetail) -> dict[Key, Value]:
    found: dict[str, Value] = {}
    for line in version.packaging.requirements:
        name = _PACKAGE.match(line)
        if name:
            found[name[0].lower()] = line[name.end() :].strip() or "any"
    return _plain(found)


def _sizes(version: VersionDetail) -> dict[Key, Value]:
    return _plain({file.path: file.size for file in version.files})
