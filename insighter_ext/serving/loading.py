"""Checks and loads a model, and says in one sentence why it cannot be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insighter_ext.serving import requirements
from insighter_ext.serving.failure import StartFailed, brief
from insighter_ext.serving.protocol import EXIT_MODEL, EXIT_REQUIREMENTS

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

# What libraries that allocate natively say instead of raising MemoryError.
_OUT_OF_MEMORY = re.compile(
    r"not enough memory|out of memory|cannot allocate memory|can't allocate memory", re.I
)


def check_requirements(model_dir: Path) -> requirements.Findings:
    """Compare the model's requirements with what is installed; returns what may differ without harm.

    Raises:
        StartFailed: there is no MLflow model, or packages are missing; the reason names all of them.
    """
    findings = requirements.check(model_dir, _mlmodel(model_dir))
    if findings.missing:
        one = len(findings.missing) == 1
        raise StartFailed(
            f"The model needs {'a package' if one else 'packages'} that {'is' if one else 'are'} not "
            "installed: "
            f"{', '.join(findings.missing)}. Run `{requirements.install_command(findings.missing)}` "
            "and start the "
            "deployment again.",
            EXIT_REQUIREMENTS,
        )
    return findings


def load(model_dir: Path) -> PyFuncModel:
    """Load the model with ``mlflow.pyfunc.load_model``.

    Raises:
        StartFailed: it cannot be loaded; the reason says why and what to do.
    """
    try:
        from mlflow import pyfunc

        # Requirements were compared already, and told better.
        model: PyFuncModel = pyfunc.load_model(str(model_dir), suppress_warnings=True)
    except Exception as error:
        raise StartFailed(_reason(error), EXIT_MODEL) from error
    return model


def _mlmodel(model_dir: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    path = model_dir / "MLmodel"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StartFailed(
            f"There is no MLflow model in {model_dir}: its files are gone, or were never uploaded. "
            "Register the model "
            "again, or deploy another version.",
            EXIT_MODEL,
        ) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StartFailed(_reason(error), EXIT_MODEL) from error
    if not isinstance(content, dict):
        raise StartFailed(f"{path} holds no MLflow model: register the model again.", EXIT_MODEL)
    return content


def _reason(error: Exception) -> str:
    chain = _chain(error)
    for link in chain:
        if isinstance(link, ModuleNotFoundError) and link.name:
            module = link.name.partition(".")[0]
            return (
                f"The model needs the Python module {module!r}, which is not installed. Run "
                f"`{requirements.install_command((module,))}` (if it is code of your own, log the "
                "model again with "
                "code_paths) and start the deployment again."
            )
        # By name, because skops need not be installed.
        if type(link).__name__ == "UntrustedTypesFoundException":
            found = re.search(r"\[(.*?)\]", str(link))
            types = found.group(1).replace("'", "") if found else brief(link)
            return (
                f"The model's file holds types that skops does not trust: {types}. If you trust them, "
                "log the model "
                "again with these as skops_trusted_types, and deploy the new version."
            )
        if isinstance(link, MemoryError) or _OUT_OF_MEMORY.search(str(link)):
            return (
                f"The memory of this machine does not suffice to load the model ({_free_memory()}): "
                "stop other "
                "deployments or kernels, or serve it on a larger machine."
            )
    return (
        f"The model cannot be loaded ({brief(error)}). See the log of the deployment; then register "
        "the model again, or "
        "deploy another version."
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and what caused it, outermost first."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _free_memory() -> str:
    import psutil  # type: ignore[import-untyped, unused-ignore]

    memory = psutil.virtual_memory()
    return f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB are free"
