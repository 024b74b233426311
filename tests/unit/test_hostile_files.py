"""Files that came with a folder or a model from somewhere, and mean no good."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from uuid import uuid4

import pytest

from insighter_ext.gateways.database_errors import domain_error
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.projects import folders
from insighter_ext.registry import signature

_MERGES = "\n".join(
    ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))]
)
_ALIASES = "\n".join(
    ["b0: &b0 [x]", *(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]" for n in range(1, 12))]
)


@pytest.mark.parametrize(
    "text",
    [
        _MERGES,
        _ALIASES,
        "[" * 50_000,
        "a: " + "{a: " * 5_000,
        "flavors: &a [*a]",
        "flavors: 2001-99-99",
        "a: !!python/object/apply:os.system ['exit 1']",
        "flavors: " + "9" * 10_000,
        "\x00",
        "? [a, b]\n: c",
    ],
)
def test_an_mlmodel_file_of_a_stranger_is_an_empty_one_at_worst(text: str) -> None:
    found = signature.signature(signature.parse(text.encode()), None)
    assert (found.inputs, found.flavors) == ([], [])


@pytest.mark.parametrize(
    ("inputs", "example"),
    [
        ('[{"name": "\\ud800", "type": "double"}]', "[]"),
        ('[{"name": "a", "type": "tensor", "tensor-spec": {"shape": ["x"]}}]', "[]"),
        ("[" * 5_000, "[]"),
        ('[{"name": "a", "type": "double"}]', '{"\\ud800": 1}'),
        ('[{"name": "a", "type": "double"}]', "[" * 600 + "]" * 600),
        ('[{"name": "a", "type": "double"}]', '{"columns": ["a"], "data": [["\\udfff"]]}'),
    ],
)
def test_a_signature_of_a_stranger_can_always_be_answered(inputs: str, example: str) -> None:
    described = signature.parse(json.dumps({"signature": {"inputs": inputs}}).encode())
    assert signature.signature(described, example.encode()).model_dump_json()


def test_a_marker_that_is_a_pipe_or_a_link_is_none(tmp_path: Path) -> None:
    project = uuid4()
    named, piped, linked = (tmp_path / name for name in ("named", "piped", "linked"))
    for folder in (named, piped, linked):
        folder.mkdir()
    (named / folders.MARKER).write_text(json.dumps({"project": str(project)}))
    os.mkfifo(piped / folders.MARKER)
    (linked / folders.MARKER).symlink_to(named / folders.MARKER)
    assert folders.project_of(named, tmp_path) == project
    assert folders.project_of(piped, tmp_path) is None  # and it was not waited for
    assert folders.project_of(linked, tmp_path) is None


def test_marking_a_folder_writes_through_no_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    root = tmp_path / "root"
    (root / "wine").mkdir(parents=True)
    (root / "wine" / folders.MARKER).symlink_to(target)
    project = uuid4()
    assert folders.make(root, "wine", project) == "wine-2"
    assert folders.belongs(root, "wine-2", project)
    assert target.read_text() == "mine"


@pytest.mark.parametrize("sqlstate", ["22007", "22008", "22023", "22P02", "22P03", "2201W", "54000", "54001"])
def test_a_value_that_the_database_refuses_is_the_callers_fault(sqlstate: str) -> None:
    assert domain_error(sqlstate, "no", None, None).status == 422


def test_the_database_s_password_is_told_to_nobody_who_does_not_know_it(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    assert postgres.conninfo()["require_auth"] == "scram-sha-256"
    assert stat.S_IMODE((tmp_path / "postgres.secret").stat().st_mode) == 0o600
