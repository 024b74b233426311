"""What a model takes and gives, read from the files it was logged with. Nothing is unpickled or imported."""

from __future__ import annotations

import json
from typing import Any

from insighter_ext.registry.models import ModelSignature, SignatureField

_EXAMPLE_ROWS = 5


def parse(mlmodel: bytes) -> dict[str, Any]:
    """An MLmodel file, which is YAML; an empty mapping where it is damaged. All values are strings.

    It comes from whoever logged the model: nothing is constructed but mappings, lists and strings, and no mapping is
    merged into others, which a few lines could blow up without end.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        found = yaml.load(mlmodel, yaml.BaseLoader)  # noqa: S506 - the safest there is: it knows no tags at all
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def example_path(mlmodel: dict[str, Any]) -> str | None:
    """The path of the saved input example, relative to the model's folder."""
    info = mlmodel.get("saved_input_example_info")
    path = info.get("artifact_path") if isinstance(info, dict) else None
    return path if isinstance(path, str) else None


def signature(mlmodel: dict[str, Any], example: bytes | None) -> ModelSignature:
    """The signature of a parsed MLmodel file, with the first rows of its example; empty where it makes no sense."""
    try:
        found = _signature(mlmodel, example)
        found.model_dump_json()  # not all that JSON can say can be said again: halves of characters, endless nesting
    except (ValueError, TypeError, OverflowError, RecursionError):
        return ModelSignature(inputs=[], outputs=[], flavors=[], example=None)
    return found


def _signature(mlmodel: dict[str, Any], example: bytes | None) -> ModelSignature:
    declared = mlmodel.get("signature")
    declared = declared if isinstance(declared, dict) else {}
    flavors = mlmodel.get("flavors")
    inputs = _fields(declared.get("inputs"))
    return ModelSignature(
        inputs=inputs,
        outputs=_fields(declared.get("outputs")),
        flavors=sorted(map(str, flavors)) if isinstance(flavors, dict) else [],
        example=_example(example, inputs) if example is not None else None,
    )


def _fields(text: Any) -> list[SignatureField]:
    try:
        columns = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return []
    return (
        [_field(column) for column in columns if isinstance(column, dict)]
        if isinstance(columns, list)
        else []
    )


def _field(column: dict[str, Any]) -> SignatureField:
    name = column.get("name")
    tensor = column.get("tensor-spec")
    tensor = tensor if isinstance(tensor, dict) else {}
    shape = tensor.get("shape")
    return SignatureField(
        name=None if name is None else str(name),
        type=str(tensor.get("dtype") or column.get("type") or "any"),
        required=bool(column.get("required", True)),
        shape=[int(size) for size in shape] if isinstance(shape, list) else None,
    )


def _example(text: bytes, inputs: list[SignatureField]) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    names = [field.name or f"column_{index}" for index, field in enumerate(inputs)]
    if isinstance(value, dict) and isinstance(value.get("data"), list):  # a data frame, split
        columns = value.get("columns")
        rows = value["data"]
        names = [str(column) for column in columns] if isinstance(columns, list) else names
    elif isinstance(value, dict) and isinstance(value.get("inputs"), list):  # an array
        rows = value["inputs"]
    elif isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        names = [str(name) for name in value]
        rows = [list(row) for row in zip(*value.values(), strict=False)]
    elif isinstance(value, dict):
        return {"columns": [str(name) for name in value], "data": [list(value.values())]}
    elif isinstance(value, list):
        rows = value
    else:
        rows = [value]
    rows = [row if isinstance(row, list) else [row] for row in rows[:_EXAMPLE_ROWS]]
    width = max((len(row) for row in rows), default=0)
    if len(names) != width:
        names = [f"column_{index}" for index in range(width)]
    return {"columns": names, "data": rows}
