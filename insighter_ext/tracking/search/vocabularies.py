"""What runs, experiments, logged models, registered models and their versions are searched by: as in MLflow 3.17."""

from __future__ import annotations

from insighter_ext.tracking.search.grammar import (
    LIST_OPERATORS,
    NULL_OPERATORS,
    NUMBER_OPERATORS,
    TEXT_OPERATORS,
    Field,
    Kind,
    Vocabulary,
)

_NUMBER = Field("number", NUMBER_OPERATORS)
_INTEGER = Field("integer", NUMBER_OPERATORS)
_TEXT = Field("text", TEXT_OPERATORS)
_LISTED = Field("text", TEXT_OPERATORS | LIST_OPERATORS)
_NULLABLE = Field("text", TEXT_OPERATORS | NULL_OPERATORS)

_RUN_NAMES = ("run_name", "run name", "Run name", "Run Name")
_RUN_TIMES = ("start_time", "created", "Created")

RUNS = Vocabulary(
    "runs",
    prefixes={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    kinds={
        "metric": Kind(others=_NUMBER),
        "param": Kind(others=_NULLABLE),
        "tag": Kind(others=_NULLABLE),
        "attribute": Kind(
            keys={
                "run_id": _LISTED,
                **dict.fromkeys(("status", "artifact_uri", "user_id"), _TEXT),
                **dict.fromkeys(_RUN_NAMES, Field("text", TEXT_OPERATORS, name="run_name")),
                **dict.fromkeys(_RUN_TIMES, Field("number", NUMBER_OPERATORS, name="start_time")),
                "end_time": _NUMBER,
            }
        ),
        "dataset": Kind(keys=dict.fromkeys(("name", "digest", "context"), _LISTED)),
    },
    orders={
        "metric": None,
        "param": None,
        "tag": None,
        "attribute": frozenset(
            {"run_id", "status", "artifact_uri", "user_id", "end_time", "run_name", *_RUN_TIMES}
        ),
    },
)

_PLAIN = {"attribute": "attribute", "tag": "tag", "tags": "tag"}

EXPERIMENTS = Vocabulary(
    "experiments",
    prefixes=_PLAIN,
    kinds={
        "tag": Kind(others=_NULLABLE),
        "attribute": Kind(
            keys={
                "name": _TEXT,
                "experiment_id": Field("text", frozenset({"=", "!="}) | LIST_OPERATORS),
                "creation_time": _INTEGER,
                "last_update_time": _INTEGER,
            }
        ),
    },
    orders={"attribute": frozenset({"name", "experiment_id", "creation_time", "last_update_time"})},
)

REGISTERED_MODELS = Vocabulary(
    "registered models",
    prefixes=_PLAIN,
    kinds={
        "tag": Kind(others=_TEXT),
        "attribute": Kind(
            keys={
                "name": _LISTED,
                # Ordered by only: MLflow's word for the time of the last change.
                "timestamp": Field("integer", frozenset(), name="last_updated_timestamp"),
            }
        ),
    },
    orders={"attribute": frozenset({"name", "timestamp", "last_updated_timestamp"})},
)

MODEL_VERSIONS = Vocabulary(
    "model versions",
    prefixes=_PLAIN,
    kinds={
        "tag": Kind(others=_TEXT),
        "attribute": Kind(
            keys={
                "name": _LISTED,
                "run_id": _LISTED,
                "source_path": _TEXT,
                "version_number": Field("integer", NUMBER_OPERATORS, quoted=True),
            }
        ),
    },
    orders={
        "attribute": frozenset({"name", "version_number", "creation_timestamp", "last_updated_timestamp"})
    },
)

_CREATED = ("creation_timestamp", "creation_time", "creation_timestamp_ms")
_UPDATED = ("last_updated_timestamp", "last_updated_timestamp_ms")
_MODEL_TEXTS = ("name", "model_id", "model_type", "source_run_id", "experiment_id", "artifact_location")
_STATUS = "status"

LOGGED_MODELS = Vocabulary(
    "logged models",
    prefixes={"attributes": "attribute", "metrics": "metric", "params": "param", "tags": "tag"},
    kinds={
        "metric": Kind(others=_NUMBER),
        "param": Kind(others=_LISTED),
        "tag": Kind(others=_LISTED),
        "attribute": Kind(
            keys={
                **dict.fromkeys((*_MODEL_TEXTS, _STATUS), _LISTED),
                **dict.fromkeys(_CREATED, Field("number", NUMBER_OPERATORS, name="creation_timestamp")),
                **dict.fromkeys(_UPDATED, Field("number", NUMBER_OPERATORS, name="last_updated_timestamp")),
            }
        ),
    },
    orders={
        "metric": None,
        "attribute": frozenset({*_MODEL_TEXTS, _STATUS, *_CREATED, *_UPDATED}),
    },
)
