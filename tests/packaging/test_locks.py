"""The lock files name versions, never the place that one machine took them from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["run", "dev", "test"])
def test_python_lock_is_pins_only(name: str) -> None:
    lines = (ROOT / "locks" / f"{name}.txt").read_text().splitlines()
    assert lines
    assert [
        line for line in lines if not re.fullmatch(r"[\w.\-]+(\[[\w,\-]+\])?==[\w.+!]+( ; .+)?", line)
    ] == []


NODE = [ROOT, ROOT / "tests" / "supabase" / "emulator"]


@pytest.mark.parametrize("folder", NODE, ids=["front-end", "emulator"])
def test_node_lock_names_no_registry(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry and not entry.get("link")] == []


@pytest.mark.parametrize("folder", NODE, ids=["front-end", "emulator"])
def test_node_lock_belongs_to_package_json(folder: Path) -> None:
    wanted = json.loads((folder / "package.json").read_text())
    locked = json.loads((folder / "package-lock.json").read_text())["packages"][""]
    assert locked["dependencies"] == wanted["dependencies"]
    assert locked.get("devDependencies") == wanted.get("devDependencies")
