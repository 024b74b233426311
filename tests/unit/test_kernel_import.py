"""``import insighter_ext``: cheap, and its names are always the SDK's."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("httpx", "IPython", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "sklearn", "tornado")


def python(code: str) -> str:
    """What a Python of its own prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, insighter_ext; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert python(code) == "[]"
    code = f"import sys, insighter_ext as ix; ix.datasets; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert python(code) == "[]"


def test_its_names_are_the_sdk_s_whatever_else_is_imported() -> None:
    code = (
        "import insighter_ext.models, insighter_ext.projects.models, insighter_ext.deployments.models\n"
        "import insighter_ext as ix\n"
        "print(type(ix.models).__name__, type(ix.projects).__name__, type(ix.deployments).__name__)"
    )
    assert python(code) == "Models Projects Deployments"
    assert "datasets" in python("import insighter_ext as ix; print(dir(ix))")
