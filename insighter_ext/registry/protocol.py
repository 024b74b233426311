"""MLflow's JSON of registered models and their versions."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from insighter_ext.errors import Invalid
from insighter_ext.tracking.artifacts import leads_upwards
from insighter_ext.tracking.protocol import Fields, Json, key_values

STAGES = {"none": "None", "staging": "Staging", "production": "Production", "archived": "Archived"}

IS_PROMPT = "mlflow.prompt.is_prompt"

_ALIAS = re.compile(r"[\w\-]+")
_NAME_HINT = "use letters, digits, spaces and dashes"
_VERSION_ALIAS = re.compile(r"[vV]\d+")


def model_name(name: str) -> str:
    """A name that a registered model can have.

    Raises:
        Invalid: it is empty, too long, or would not be one part of a path or URI.
    """
    if name.strip() == "":
        raise Invalid("Missing value for required parameter 'name'.")
    if "/" in name or ":" in name or any(ord(character) < 32 for character in name):
        raise Invalid(
            f"Invalid model name '{name}'. Names cannot contain '/' or ':'.",
            hint=_NAME_HINT,
        )
    if posixpath.normpath(name) in {".", ".."}:
        raise Invalid(f"Invalid model name '{name}'.", hint=_NAME_HINT)
    if len(name) > 250:
        raise Invalid("'name' exceeds the maximum length of 250 characters")
    return name


def alias_name(alias: str) -> str:
    """A name that an alias can have.

    Raises:
        Invalid: it has other characters than letters, digits, "_" and "-", or a meaning of its own.
    """
    if not _ALIAS.fullmatch(alias) or len(alias) > 255:
        raise Invalid(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
            hint="use at most 255 of these characters",
        )
    if alias.lower() == "latest":
        raise Invalid("'latest' alias name (case insensitive) is reserved.", hint="choose another alias")
    if _VERSION_ALIAS.fullmatch(alias):
        raise Invalid(f"Version alias name '{alias}' is reserved.", hint="choose another alias")
    return alias


def version_number(fields: Fields) -> str:
    """The number of a version, which the protocol has as a text."""
    value = fields.required("version")
    if not value.isdecimal():
        raise Invalid(f"Parameter 'version' must be an integer, got '{value[:100]}'.")
    return value


def model_source(fields: Fields) -> str:
    """Where the files of a new version are said to be.

    Raises:
        Invalid: it is missing, or leads out of the place that it names.
    """
    value = fields.required("source")
    if leads_upwards(value):
        raise Invalid(f"Invalid model version source: '{value[:200]}'", hint="leave out what leads upwards")
    return value


def stage(value: str) -> str:
    """One of MLflow's stages, whatever its case."""
    try:
        return STAGES[value.lower()]
    except KeyError:
        raise Invalid(
            f"Invalid Model Version stage: {value}. Value must be one of {', '.join(STAGES.values())}."
        ) from None


def download_uri(row: dict[str, Any]) -> str:
    """Where MLflow's clients find a version's files; of a prompt, which has none, what was said of its source."""
    if row["tags"].get(IS_PROMPT, "").lower() == "true":
        return str(row["source"])
    return f"mlflow-artifacts:/{row['root']}/artifacts" + (f"/{row['root_path']}" if row["root_path"] else "")


def model_version(row: dict[str, Any]) -> Json:
    """A model version."""
    return {
        "name": row["name"],
        "version": str(row["version"]),
        "creation_timestamp": row["created"],
        "last_updated_timestamp": row["updated"],
        "user_id": row["created_by"],
        "current_stage": row["stage"],
        "description": row["description"],
        "source": row["source"],
        "run_id": row["run_id"] or "",
        "run_link": row["run_link"],
        "status": "READY",
        "tags": key_values(row["tags"]),
        "aliases": row["aliases"],
        **({"model_id": row["model_id"]} if row["model_id"] else {}),
    }


def registered_model(row: dict[str, Any]) -> Json:
    """A registered model."""
    return {
        "name": row["name"],
        "creation_timestamp": row["created"],
        "last_updated_timestamp": row["updated"],
        "description": row["description"],
        "latest_versions": [model_version(item) for item in row["latest_versions"]],
        "tags": key_values(row["tags"]),
        "aliases": [{"alias": alias, "version": str(version)} for alias, version in row["aliases"].items()],
    }
