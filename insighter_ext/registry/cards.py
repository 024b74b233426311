"""A model's card: Markdown that people write, and in its places what is known. What is known is never stored in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from insighter_ext.registry.comparing import spell
from insighter_ext.registry.models import RegisteredModelDetail, SignatureField
from insighter_ext.registry.version_models import VersionDetail

# A line of its own; others stay as they are.
_PLACE = re.compile(r"^[ \t]*\{\{[ \t]*([a-z]+)[ \t]*\}\}[ \t]*$", re.MULTILINE)

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~>$^=-])")

_MOST = 100

_GENERATED = """\
{{facts}}

## Metrics

{{metrics}}

## Made from

{{datasets}}

## Parameters

{{params}}

## Inputs and outputs

{{signature}}

## Requirements

{{requirements}}
"""

_BEGINNING = """\
## Intended use

Say whom it is for, and what it must not be used for.

## Limitations

Say where it is wrong, and for whom.

"""


def generated(description: str = "") -> str:
    """The card that nobody has written yet."""
    return f"{description.strip()}\n\n{_GENERATED}" if description.strip() else _GENERATED


def beginning(description: str = "") -> str:
    """What somebody who begins to write one finds: places for people's words before what is known."""
    return (
        f"{description.strip()}\n\n{_BEGINNING}{_GENERATED}"
        if description.strip()
        else _BEGINNING + _GENERATED
    )


def render(body: str, model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    """The body with what is known in its places. What it does not know as a place stays as it is."""

    def fill(found: re.Match[str]) -> str:
        part = _PARTS.get(found[1])
        return found[0] if part is None else part(model, version)

    return _PLACE.sub(fill, body)


def _cell(text: object) -> str:
    """Somebody's text in a cell of a table: no Markdown, no HTML, one line."""
    plain = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\1", plain[:500]).replace("&", "&amp;").replace("<", "&lt;")


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows[:_MOST]]
    if len(rows) > _MOST:
        lines.append(f"| … and {len(rows) - _MOST} more |{' |' * (len(head) - 1)}")
    return "\n".join(lines)


def _size(count: int) -> str:
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _facts(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    aliases = ", ".join(f"@{alias} → v{number}" for alias, number in model.aliases.items())
    rows: list[tuple[str, object]] = [("Model", model.name)]
    if version is not None:
        packed = version.packaging
        made_with = (("MLflow", packed.mlflow_version), ("Python", packed.python_version))
        rows += [
            ("Version", f"v{version.version}, {version.created_at:%Y-%m-%d} by {version.created_by}"),
            ("Aliases", aliases),
            ("Type", version.model_type),
            ("Flavors", ", ".join(flavor.name for flavor in packed.flavors)),
            ("Made with", " · ".join(f"{name} {said}" for name, said in made_with if said)),
            ("Size", f"{_size(version.size)} in {version.file_count} files" if version.file_count else ""),
            ("Run", f"{version.run.name} in {version.run.experiment}" if version.run else ""),
            ("Commit", version.run.commit if version.run else ""),
            ("Loading it", f"runs code of whoever made it: {'; '.join(packed.runs_code)}" if packed.runs_code else ""),
        ]  # fmt: skip
    return _table(("", ""), [row for row in rows if row[1]])


def _metrics(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    if version is None or not version.measured:
        return "*None was logged.*"
    return _table(
        ("Metric", "On", "Value"),
        [
            (item.key, item.dataset or ("its run" if item.source == "run" else ""), _number(item.value))
            for item in version.measured
        ],
    )


def _datasets(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    if version is None or not version.datasets:
        return "*Its run noted no dataset.*"
    return _table(
        ("Dataset", "Version", "Used for"),
        [
            (item.name, f"v{item.version}" if item.version is not None else item.digest, item.context)
            for item in version.datasets
        ],
    )


def _params(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    if version is None or not version.params:
        return "*None was logged.*"
    return _table(("Parameter", "Value"), sorted(version.params.items()))


def _signature(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    if version is None or not (version.packaging.inputs or version.packaging.outputs):
        return "*It was logged without a signature.*"

    def rows(kind: str, fields: Sequence[SignatureField]) -> list[tuple[str, str, str]]:
        return [(kind, field.name or f"#{number}", spell(field)) for number, field in enumerate(fields)]

    return _table(
        ("", "Name", "Type"),
        rows("input", version.packaging.inputs) + rows("output", version.packaging.outputs),
    )


def _requirements(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    if version is None or not version.packaging.requirements:
        return "*Not told.*"
    return "\n".join(f"- {_cell(line)}" for line in version.packaging.requirements[:_MOST])


def _versions(model: RegisteredModelDetail, version: VersionDetail | None) -> str:
    return _table(
        ("Version", "Aliases", "By", "When"),
        [
            (f"v{item.version}", " ".join(f"@{alias}" for alias in item.aliases), item.created_by,
             f"{item.created_at:%Y-%m-%d}")
            for item in model.history
        ],
    )  # fmt: skip


_PARTS: Mapping[str, Callable[[RegisteredModelDetail, VersionDetail | None], str]] = {
    "facts": _facts,
    "metrics": _metrics,
    "datasets": _datasets,
    "params": _params,
    "signature": _signature,
    "requirements": _requirements,
    "versions": _versions,
}

PARTS = list(_PARTS)
"""What can stand between {{ and }}."""
