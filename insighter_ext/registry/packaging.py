"""What a model is packed with, read from its MLmodel file and its requirements. Nothing is unpickled or imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from insighter_ext.registry.models import ModelSignature
from insighter_ext.registry.version_models import Flavor, Packaging

_PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".pth", ".pt"}
_LONGEST = 300
_MOST = 200


def packaging(
    mlmodel: dict[str, Any], requirements: bytes | None, signature: ModelSignature, paths: Sequence[str]
) -> Packaging:
    """What a parsed MLmodel file says; empty where it says nothing, or nonsense.

    Args:
        mlmodel: from ``signature.parse``: mappings, lists and strings alone.
        requirements: the file ``requirements.txt``.
        paths: of all files, relative to the model's folder.
    """
    flavors = mlmodel.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    pyfunc = flavors.get("python_function")
    pyfunc = pyfunc if isinstance(pyfunc, dict) else {}
    return Packaging(
        flavors=[
            _flavor(str(name), said) for name, said in sorted(flavors.items(), key=lambda item: str(item[0]))
        ][:50],
        mlflow_version=_text(mlmodel.get("mlflow_version")),
        python_version=_text(pyfunc.get("python_version")),
        requirements=_requirements(requirements),
        runs_code=_runs_code(flavors, paths),
        inputs=signature.inputs,
        outputs=signature.outputs,
    )


def _flavor(name: str, said: Any) -> Flavor:
    details = said.items() if isinstance(said, dict) else ()
    return Flavor(
        name=_clean(name),
        details={
            _clean(str(key)): _clean(value)
            for key, value in list(details)[:50]
            if isinstance(value, str) and value
        },
    )


def _text(value: Any) -> str | None:
    return _clean(value) if isinstance(value, str) and value else None


def _clean(text: str) -> str:
    # Half a character, which YAML can say, is nothing that JSON can say again.
    return text.encode("utf-8", "replace").decode("utf-8")[:_LONGEST]


def _requirements(text: bytes | None) -> list[str]:
    lines = (line.split(" #")[0].strip() for line in (text or b"").decode("utf-8", "replace").splitlines())
    return [line[:_LONGEST] for line in lines if line and not line.startswith("#")][:_MOST]


def _runs_code(flavors: dict[Any, Any], paths: Sequence[str]) -> list[str]:
    """Pickles run what they like when they are loaded, and so does code that came along."""
    found = [f"{path} is a pickle" for path in paths if PurePosixPath(path).suffix.lower() in _PICKLES][:5]
    for name, said in flavors.items():
        if not isinstance(said, dict):
            continue
        form = said.get("serialization_format")
        if form in ("pickle", "cloudpickle", "joblib") and not found:
            found.append(f"the flavor {_clean(str(name))} is written with {form}")
        code = said.get("model_code_path") or said.get("code")
        if isinstance(code, str) and code:
            found.append(f"Python code comes along in {_clean(code)}")
    return list(dict.fromkeys(found))
