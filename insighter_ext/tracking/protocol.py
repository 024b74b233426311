"""MLflow's JSON: reading what its clients send, with MLflow's limits, and writing what they expect.

Field names and limits are those of MLflow 3.17 (``mlflow/protos/service.proto``, ``mlflow/utils/validation.py``).
"""

from __future__ import annotations

import contextlib
import math
import posixpath
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from insighter_ext.errors import Invalid

Json = dict[str, Any]

MAX_METRICS = 1000
MAX_PARAMS_AND_TAGS = 100
MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_REGISTRY_TAG_VALUE = 100_000
MAX_PAGE = 50_000
_CUT = {MAX_PARAM_VALUE, MAX_TAG_VALUE}

VIEWS = {
    "ACTIVE_ONLY": "active",
    "DELETED_ONLY": "deleted",
    "ALL": "all",
    1: "active",
    2: "deleted",
    3: "all",
}
RUN_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}

MODEL_STATUSES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}

_KEY = re.compile(r"[/\w.\- :]*")
_INT64 = range(-(2**63), 2**63)


class Fields:
    """The fields of one request: a JSON body or a query string.

    Args:
        values: field → value; in a query string a field that repeats is a list.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return self.raw(name) is not None

    def raw(self, name: str) -> Any:
        """The field as it came; nothing is what MLflow's client for R says with an empty object."""
        value = self._values.get(name)
        return None if value == {} else value

    def text(self, name: str, default: str = "") -> str:
        """A string, or the default."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise Invalid(f"Invalid value {value!r} for parameter '{name}' supplied: it must be a string")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid(f"Invalid value for parameter '{name}' supplied: it is not valid Unicode") from None
        return value

    def required(self, name: str, *others: str) -> str:
        """A string that is not empty, under the first of the names that is there."""
        for candidate in (name, *others):
            if value := self.text(candidate):
                return value
        raise Invalid(f"Missing value for required parameter '{name}'.")

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A 64-bit integer; JSON of protocol buffers writes it as a string."""
        value = self.raw(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return default if value is None else integer(value, name)

    def limit(self, default: int, maximum: int = MAX_PAGE, name: str = "max_results") -> int:
        """How many items to answer at most."""
        value = self.integer(name, default)
        assert value is not None
        if not 1 <= value <= maximum:
            raise Invalid(
                f"Invalid value {value} for parameter '{name}' supplied: it must be from 1 to {maximum}"
            )
        return value

    def items(self, name: str) -> list[Any]:
        """A list, empty where the field is missing."""
        value = self.raw(name)
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list):
            raise Invalid(f"Invalid value for parameter '{name}' supplied: it must be a list")
        return value

    def objects(self, name: str) -> list[Json]:
        """A list of objects."""
        found = self.items(name)
        if not all(isinstance(item, dict) for item in found):
            raise Invalid(f"Invalid value for parameter '{name}' supplied: it must be a list of objects")
        return found

    def object(self, name: str) -> Json:
        """An object, empty where the field is missing."""
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Invalid(f"Invalid value for parameter '{name}' supplied: it must be an object")
        return value

    def flag(self, name: str) -> bool:
        """A boolean."""
        return self.raw(name) in (True, "true", "True", "1")

    def strings(self, name: str) -> list[str]:
        """A list of strings."""
        return [str(item) for item in self.items(name)]

    def view(self, name: str) -> str:
        """A view type: active, deleted or all."""
        value = self.raw(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is None:
            return "active"
        if isinstance(value, str) and value in {"1", "2", "3"}:
            value = int(value)
        if not isinstance(value, str | int) or value not in VIEWS:
            raise Invalid(
                f"Invalid value {value!r} for parameter '{name}' supplied: one of ACTIVE_ONLY, DELETED_ONLY, ALL"
            )
        return VIEWS[value]


# ---- reading --------------------------------------------------------------------------------------------------------


def integer(value: Any, name: str) -> int:
    """A 64-bit integer from JSON."""
    if isinstance(value, str) and "e" in value.lower():  # how R writes a large round number
        with contextlib.suppress(ValueError):
            value = float(value)
    try:
        number = (
            value if type(value) is int else int(str(value)) if not isinstance(value, float) else int(value)
        )
    except (ValueError, OverflowError):
        raise Invalid(f"Parameter '{name}' must be an integer, got '{value}'.") from None
    if isinstance(value, bool) or number not in _INT64 or (isinstance(value, float) and number != value):
        raise Invalid(f"Parameter '{name}' must be a 64-bit integer, got '{value}'.")
    return number


def real(value: Any, name: str) -> float | str:
    """A number, or NaN, Infinity or -Infinity as the string that both PostgreSQL and MLflow's JSON know."""
    if type(value) is float and math.isfinite(value):
        return value
    if value is None:
        raise Invalid(f"Missing value for required parameter '{name}'.")
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(
            f"Invalid value {value!r} for parameter '{name}' supplied: Please specify value as a valid double "
            "(64-bit floating point)"
        ) from None
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def key(value: Any, name: str = "key") -> str:
    """A name of a metric, parameter or tag."""
    if not isinstance(value, str) or value == "":
        raise Invalid(f"Missing value for required parameter '{name}'.", hint="A key name must be provided.")
    if not _KEY.fullmatch(value):
        raise Invalid(
            f"Invalid value {value!r} for parameter '{name}' supplied: Names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    if len(value) > MAX_KEY:
        raise Invalid(f"'{name}' exceeds the maximum length of {MAX_KEY} characters")
    if posixpath.normpath(value) != value or value == "." or value.startswith(("..", "/")):
        raise Invalid(
            f"Invalid value {value!r} for parameter '{name}' supplied: Names may be treated as files in certain cases, "
            "and must not resolve to other names when treated as such. "
            f"This name would resolve to {posixpath.normpath(value)!r}"
        )
    return value


def identifier(value: Any, name: str = "model_id") -> str:
    """The id of a model."""
    if not isinstance(value, str) or value == "":
        raise Invalid(f"Missing value for required parameter '{name}'.")
    return value


def experiment_id(fields: Fields) -> str:
    """The id of an experiment: digits."""
    value = fields.required("experiment_id")
    if not value.removeprefix("-").isdecimal():
        raise Invalid(f"Invalid experiment ID: {value[:100]!r}", hint="the id of an experiment is a number")
    return value


def run_status(fields: Fields) -> str | None:
    """A run's status, by its name or by its number in the protocol; None where it is left out."""
    value = fields.raw("status")
    if value is None or value == "":
        return None
    found = RUN_STATUSES.get(value) if isinstance(value, int) else value
    if found not in list(RUN_STATUSES.values()):
        raise Invalid(
            f"Invalid value {value!r} for parameter 'status' supplied: one of {sorted(RUN_STATUSES.values())}"
        )
    return str(found)


def model_status(fields: Fields) -> str:
    """The state of a logged model's files, by its name or by its number in the protocol."""
    value = fields.raw("status")
    if value is None:
        raise Invalid("Missing value for required parameter 'status'.")
    found = MODEL_STATUSES.get(value) if isinstance(value, int) else value
    if found not in list(MODEL_STATUSES.values()):
        raise Invalid(f"Invalid model status: {value!r}", hint=f"one of {', '.join(MODEL_STATUSES.values())}")
    return str(found)


def text_value(value: Any, name: str, limit: int) -> str:
    """A parameter's or tag's value. A long one of a run is cut, as MLflow's server cuts it: no training fails by it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(f"Invalid value {value!r} for parameter '{name}' supplied: it must be a string")
    if len(value) > limit:
        if limit in _CUT:
            return value[:limit]
        raise Invalid(f"'{name}' exceeds the maximum length of {limit} characters")
    return value


def pairs(items: list[Json], what: str, limit: int) -> dict[str, str]:
    """``[{key, value}]`` as a mapping; the last of a repeated key counts."""
    found: dict[str, str] = {}
    for index, item in enumerate(items):
        found[key(item.get("key"), f"{what}[{index}].key")] = text_value(
            item.get("value"), f"{what}[{index}].value", limit
        )
    return found


def params(items: list[Json], name: str = "params") -> dict[str, str]:
    """Parameters, each key once."""
    found = pairs(items, name, MAX_PARAM_VALUE)
    if len(found) != len(items):
        keys = [item.get("key") for item in items]
        twice = sorted({str(item) for item in keys if keys.count(item) > 1})
        raise Invalid(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one param "
            "value per param key."
        )
    return found


def metrics(items: list[Json]) -> tuple[list[Json], list[Json]]:
    """Metrics for the run, and those of them that also belong to a logged model."""
    known: set[str] = set()
    found: list[Json] = []
    of_models: list[Json] = []
    for index, item in enumerate(items):
        name, value = item.get("key"), item.get("value")
        time, step = item.get("timestamp"), item.get("step") or 0
        if type(name) is not str or name not in known:
            known.add(key(name, f"metrics[{index}].name"))
        # Of a thousand metrics nearly all are plain numbers already: they take the short way.
        if type(value) is not float or not math.isfinite(value):
            value = real(value, f"metrics[{index}].value")
        if type(time) is not int or time not in _INT64:
            time = integer(time, f"metrics[{index}].timestamp")
        if type(step) is not int or step not in _INT64:
            step = integer(step, f"metrics[{index}].step")
        if time < 0:
            raise Invalid(
                f"Invalid value {time} for parameter 'metrics[{index}].timestamp' supplied: metric '{name}': "
                "Timestamp must be a nonnegative long (64-bit integer)"
            )
        metric = {"key": name, "value": value, "step": step, "time": time}
        found.append(metric)
        if item.get("model_id"):
            dataset = {name: str(item[name]) for name in ("dataset_name", "dataset_digest") if item.get(name)}
            of_models.append({**metric, "model_id": identifier(item["model_id"]), **dataset})
    return found, of_models


def batch(fields: Fields) -> Json:
    """The arguments of ``runs_log_batch`` from a log-batch request."""
    metric_items, param_items, tag_items = (
        fields.objects("metrics"),
        fields.objects("params"),
        fields.objects("tags"),
    )
    for name, items, limit in (
        ("metrics", metric_items, MAX_METRICS),
        ("params", param_items, MAX_PARAMS_AND_TAGS),
        ("tags", tag_items, MAX_PARAMS_AND_TAGS),
        ("metrics, params, and tags", [*metric_items, *param_items, *tag_items], MAX_METRICS),
    ):
        if len(items) > limit:
            raise Invalid(
                f"A batch logging request can contain at most {limit} {name}. Got {len(items)} {name}. "
                f"Please split up {name} across multiple requests and try again."
            )
    arguments: Json = {}
    if metric_items:
        arguments["metrics"], of_models = metrics(metric_items)
        if of_models:
            arguments["model_metrics"] = of_models
    if param_items:
        arguments["params"] = params(param_items)
    if tag_items:
        arguments["tags"] = pairs(tag_items, "tags", MAX_TAG_VALUE)
    return arguments


def dataset_input(item: Json) -> Json:
    """A dataset that a run read."""
    dataset = item.get("dataset")
    if not isinstance(dataset, dict) or not dataset.get("name") or not dataset.get("digest"):
        raise Invalid("Missing value for required parameter 'dataset': name and digest must be provided.")
    for name, limit in (
        ("name", 500),
        ("digest", 36),
        ("source", 65_535),
        ("schema", 1_048_575),
        ("profile", 16_777_215),
    ):
        text_value(dataset.get(name), f"dataset.{name}", limit)
    tags = item.get("tags")
    return {
        **{
            name: str(dataset[name])
            for name in ("name", "digest", "schema", "profile")
            if dataset.get(name) is not None
        },
        "source_type": str(dataset.get("source_type") or ""),
        "source": str(dataset.get("source") or ""),
        "tags": pairs(
            [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else [], "tags", 500
        ),
    }


# ---- writing --------------------------------------------------------------------------------------------------------


def moment(milliseconds: int | None) -> datetime | None:
    """A client's time, where it is one that the calendar knows."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def clock(milliseconds: int) -> datetime:
    """The same, and the beginning of 1970 for times that the calendar does not know."""
    return moment(milliseconds) or datetime.fromtimestamp(0, UTC)


def key_values(values: Mapping[str, str]) -> list[Json]:
    """A mapping as ``[{key, value}]``."""
    return [{"key": name, "value": value} for name, value in values.items()]


def page(name: str, items: list[Json], cursor: str | None) -> Json:
    """A page of a list; no token on the last."""
    return {name: items, **({"next_page_token": cursor} if cursor else {})}


def lifecycle(row: Json) -> str:
    """MLflow's lifecycle stage."""
    return "deleted" if row["deleted"] else "active"


def experiment(row: Json) -> Json:
    """An experiment."""
    return {
        "experiment_id": row["id"],
        "name": row["name"],
        "artifact_location": f"mlflow-artifacts:/experiments/{row['id']}",
        "lifecycle_stage": lifecycle(row),
        "creation_time": row["created"],
        "last_update_time": row["updated"],
        "tags": key_values(row["tags"]),
        "workspace": row["workspace"],
    }


def run_info(row: Json) -> Json:
    """A run without its data."""
    return {
        "run_id": row["id"],
        "run_uuid": row["id"],
        "run_name": row["name"],
        "experiment_id": row["experiment_id"],
        "user_id": row["user_name"],
        "status": row["status"],
        "start_time": row["start_time"],
        **({"end_time": row["end_time"]} if row["end_time"] is not None else {}),
        "artifact_uri": run_uri(row["id"]),
        "lifecycle_stage": lifecycle(row),
    }


def run(row: Json) -> Json:
    """A run in full."""
    return {
        "info": run_info(row),
        "data": {
            "metrics": row["metrics"],
            "params": key_values(row["params"]),
            "tags": key_values(row["tags"]),
        },
        "inputs": {
            "dataset_inputs": [
                {
                    "tags": key_values(item["tags"]),
                    "dataset": {name: value for name, value in item.items() if name != "tags"},
                }
                for item in row["datasets"]
            ],
            "model_inputs": [{"model_id": model_id} for model_id in row["inputs"]],
        },
        "outputs": {"model_outputs": row["outputs"]},
    }


def logged_model(row: Json) -> Json:
    """A logged model."""
    return {
        "info": {
            "model_id": row["id"],
            "experiment_id": row["experiment_id"],
            "name": row["name"],
            "creation_timestamp_ms": row["created"],
            "last_updated_timestamp_ms": row["updated"],
            "artifact_uri": model_uri(row["id"]),
            "status": row["status"],
            "model_type": row["model_type"],
            **({"source_run_id": row["source_run_id"]} if row["source_run_id"] else {}),
            "tags": key_values(row["tags"]),
        },
        "data": {"params": key_values(row["params"]), "metrics": row["metrics"]},
    }


def run_uri(run_id: str) -> str:
    """Where MLflow's clients find a run's artifacts."""
    return f"mlflow-artifacts:/runs/{run_id}/artifacts"


def model_uri(model_id: str) -> str:
    """Where MLflow's clients find a logged model's files."""
    return f"mlflow-artifacts:/models/{model_id}/artifacts"
