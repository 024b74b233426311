"""What of MLflow's requests is understood, and what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from insighter_ext.errors import Invalid, NotFound
from insighter_ext.registry import signature
from insighter_ext.tracking import protocol
from insighter_ext.tracking.artifacts import Location
from insighter_ext.tracking.names import random_name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (1, 1.0),
        (0.1, 0.1),
        ("0.5", 0.5),
        ("NaN", "NaN"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        ("-Infinity", "-Infinity"),
    ],
)
def test_metric_values_in_all_their_spellings(sent: Any, kept: Any) -> None:
    assert protocol.real(sent, "value") == kept


@pytest.mark.parametrize("sent", [None, True, "much", [], {}, 10**400])
def test_what_is_no_number_is_refused(sent: Any) -> None:
    with pytest.raises(Invalid):
        protocol.real(sent, "value")


@pytest.mark.parametrize(("sent", "kept"), [(5, 5), ("7", 7), (3.0, 3), ("-1", -1)])
def test_integers_may_be_strings(sent: Any, kept: int) -> None:
    assert protocol.integer(sent, "step") == kept


@pytest.mark.parametrize("sent", [True, "x", 2**63, math.inf, math.nan, None, [1]])
def test_what_is_no_integer_is_refused(sent: Any) -> None:
    with pytest.raises(Invalid):
        protocol.integer(sent, "step")


@pytest.mark.parametrize("key", ["loss", "train/loss", "a.b-c d_e:f", "ä", "x" * 250])
def test_good_keys(key: str) -> None:
    assert protocol.key(key) == key


@pytest.mark.parametrize("key", ["", None, 1, "../a", "/a", "a//b", "a/", ".", "a\nb", "a%", "x" * 251])
def test_bad_keys(key: Any) -> None:
    with pytest.raises(Invalid):
        protocol.key(key)


def test_locations_of_artifacts() -> None:
    run = "runs/" + "a" * 32
    assert Location.parse(f"{run}/artifacts") == Location(run, "")
    assert Location.parse(f"/{run}/artifacts/a/b.txt/") == Location(run, "a/b.txt")
    for bad in (
        f"{run}/artifacts/../x",
        f"{run}/artifacts/a\\b",
        f"{run}/artifacts/a//b",
        f"{run}/artifacts/\x00",
    ):
        with pytest.raises(Invalid):
            Location.parse(bad)
    for unknown in ("", "runs", run, "runs/x/artifacts/a", "models/m-1/artifacts/a", f"{run}/artifactsx"):
        with pytest.raises(NotFound):
            Location.parse(unknown)


def test_names_are_made_up() -> None:
    assert len({random_name() for _ in range(20)}) > 15
    assert all(len(random_name().split("-")) == 3 for _ in range(20))


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ({"columns": ["a"], "data": [[1], [2]]}, {"columns": ["a"], "data": [[1], [2]]}),
        ({"inputs": [[1, 2]]}, {"columns": ["column_0", "column_1"], "data": [[1, 2]]}),
        ({"x": [1, 2], "y": [3, 4]}, {"columns": ["x", "y"], "data": [[1, 3], [2, 4]]}),
        ({"x": "text"}, {"columns": ["x"], "data": [["text"]]}),
        (["a", "b"], {"columns": ["column_0"], "data": [["a"], ["b"]]}),
        ("text", {"columns": ["column_0"], "data": [["text"]]}),
    ],
)
def test_input_examples_of_every_kind(example: Any, shown: Any) -> None:
    assert signature.signature({}, json.dumps(example).encode()).example == shown


def test_signatures_of_columns_and_tensors() -> None:
    columns = json.dumps(
        [{"name": "x", "type": "double"}, {"name": "y", "type": "string", "required": False}]
    )
    tensors = json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28]}}])
    text = f"flavors:\n  sklearn: {{}}\nsignature:\n  inputs: '{columns}'\n  outputs: '{tensors}'\n"
    found = signature.signature(signature.parse(text.encode()), None)
    assert [(field.name, field.type, field.required) for field in found.inputs] == [
        ("x", "double", True),
        ("y", "string", False),
    ]
    assert [(field.name, field.type, field.shape) for field in found.outputs] == [
        (None, "float32", [-1, 28, 28])
    ]
    assert found.flavors == ["sklearn"] and found.example is None


@pytest.mark.parametrize(
    "text", [b"", b"[1]", b"a: [", b"!!python/object/apply:os.system ['true']", b"signature: {inputs: 1}"]
)
def test_a_damaged_mlmodel_file_shows_nothing_and_runs_nothing(text: bytes) -> None:
    found = signature.signature(signature.parse(text), b"\xff")
    assert (found.inputs, found.outputs, found.flavors, found.example) == ([], [], [], None)
