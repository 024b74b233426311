"""One long list of requests to MLflow's REST API, good and bad, as any program could send them.

``{name}`` in a path or a value stands for what an earlier answer gave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """A request.

    Attributes:
        name: what it tries; no two have the same.
        path: below ``/api/2.0/mlflow/``; from ``/`` on it is one from the server's root.
        body: JSON; of a GET the query string.
        raw: a body that is no JSON.
        keep: names for later steps, and where in the answer they are (``a.b.0.c``).
    """

    name: str
    method: str
    path: str
    body: Any = None
    raw: bytes | None = None
    keep: dict[str, str] = field(default_factory=dict)


_names: set[str] = set()
STEPS: list[Step] = []


def step(name: str, method: str, path: str, body: Any = None, raw: bytes | None = None, **keep: str) -> None:
    """Add a request to the list."""
    assert name not in _names, name
    _names.add(name)
    STEPS.append(Step(name, method, path, body, raw, keep))


def post(name: str, path: str, body: Any = None, **keep: str) -> None:
    """A POST."""
    step(name, "POST", path, body if body is not None else {}, None, **keep)


def get(name: str, path: str, query: Any = None, **keep: str) -> None:
    """A GET."""
    step(name, "GET", path, query, None, **keep)


LONG = "x" * 300
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

# ---- experiments ----

get("experiment: the first", "experiments/get", {"experiment_id": "0"})
post(
    "experiment",
    "experiments/create",
    {"name": "first", "tags": [{"key": "a", "value": "1"}]},
    e="experiment_id",
)
# What one of the servers takes and the other does not goes here, so that the rest stays the same on both.
post("other experiment", "experiments/create", {"name": "other things"}, oe="experiment_id")
post(
    "other run",
    "runs/create",
    {"experiment_id": "{oe}", "run_name": "other", "start_time": 1},
    o="run.info.run_id",
    ouri="run.info.artifact_uri",
)
post("experiment: again", "experiments/create", {"name": "first"})
post("experiment: no name", "experiments/create", {})
post("experiment: empty name", "experiments/create", {"name": ""})
post("experiment: blank name", "experiments/create", {"name": "  "}, blank="experiment_id")
post("experiment: blank name deleted", "experiments/delete", {"experiment_id": "{blank}"})
post("experiment: name is a number", "experiments/create", {"name": 7})
post("experiment: name is null", "experiments/create", {"name": None})
post("experiment: name is a list", "experiments/create", {"name": ["a"]})
post("experiment: long name", "experiments/create", {"name": "x" * 501})
post("experiment: longest name", "experiments/create", {"name": "x" * 500})
post("experiment: unknown field", "experiments/create", {"name": "unknown field", "nothing": 1})
post("experiment: tags are no list", "experiments/create", {"name": "t", "tags": "a"})
post("experiment: tag without key", "experiments/create", {"name": "t1", "tags": [{"value": "1"}]})
post(
    "experiment: tag with a bad key",
    "experiments/create",
    {"name": "t2", "tags": [{"key": "a?b", "value": "1"}]},
)
post(
    "experiment: tag with a long value",
    "experiments/create",
    {"name": "t3", "tags": [{"key": "a", "value": "x" * 20001}]},
)
post(
    "experiment: location",
    "experiments/create",
    {"name": "elsewhere", "artifact_location": "s3://bucket/there"},
    x="experiment_id",
)
post(
    "experiment: location with a query",
    "experiments/create",
    {"name": "t4", "artifact_location": "s3://bucket/a?b=c"},
    x2="experiment_id",
)
step("experiment: no JSON", "POST", "experiments/create", raw=b"{")
step("experiment: JSON that is no object", "POST", "experiments/create", raw=b"[]")
step("experiment: null", "POST", "experiments/create", raw=b"null")
step("experiment: no body", "POST", "experiments/create", raw=b"")
get("experiment: got", "experiments/get", {"experiment_id": "{e}"})
get("experiment: got elsewhere", "experiments/get", {"experiment_id": "{x}"})
get("experiment: got without id", "experiments/get", {})
get("experiment: got with an empty id", "experiments/get", {"experiment_id": ""})
get("experiment: unknown", "experiments/get", {"experiment_id": "99999999"})
get("experiment: id is a word", "experiments/get", {"experiment_id": "abc"})
get("experiment: id is negative", "experiments/get", {"experiment_id": "-1"})
get("experiment: id is too large", "experiments/get", {"experiment_id": "9" * 30})
get("experiment: default", "experiments/get", {"experiment_id": "0"})
get("experiment: by name", "experiments/get-by-name", {"experiment_name": "first"})
get("experiment: by unknown name", "experiments/get-by-name", {"experiment_name": "nothing"})
get("experiment: by no name", "experiments/get-by-name", {})
post("experiment: got by POST", "experiments/get", {"experiment_id": "{e}"})
post("experiment: tag", "experiments/set-experiment-tag", {"experiment_id": "{e}", "key": "b", "value": "2"})
post(
    "experiment: tag again",
    "experiments/set-experiment-tag",
    {"experiment_id": "{e}", "key": "b", "value": "3"},
)
post("experiment: tag without value", "experiments/set-experiment-tag", {"experiment_id": "{e}", "key": "c"})
post(
    "experiment: tag with an empty value",
    "experiments/set-experiment-tag",
    {"experiment_id": "{e}", "key": "d", "value": ""},
)
post(
    "experiment: tag is a number",
    "experiments/set-experiment-tag",
    {"experiment_id": "{oe}", "key": "e", "value": 5},
)
post(
    "experiment: tag without its key",
    "experiments/set-experiment-tag",
    {"experiment_id": "{e}", "value": "2"},
)
post(
    "experiment: tag with long key",
    "experiments/set-experiment-tag",
    {"experiment_id": "{e}", "key": LONG, "value": "2"},
)
post(
    "experiment: tag with a very long value",
    "experiments/set-experiment-tag",
    {"experiment_id": "{e}", "key": "f", "value": "x" * 6000},
)
post(
    "experiment: tag with a too long value",
    "experiments/set-experiment-tag",
    {"experiment_id": "{e}", "key": "f", "value": "x" * 20001},
)
post(
    "experiment: tag of nothing",
    "experiments/set-experiment-tag",
    {"experiment_id": "99999999", "key": "b", "value": "2"},
)
get("experiment: tagged", "experiments/get", {"experiment_id": "{e}"})
post("experiment: tag off", "experiments/delete-experiment-tag", {"experiment_id": "{e}", "key": "b"})
post("experiment: tag off again", "experiments/delete-experiment-tag", {"experiment_id": "{e}", "key": "b"})
post("experiment: tag off without key", "experiments/delete-experiment-tag", {"experiment_id": "{e}"})
post("experiment: renamed", "experiments/update", {"experiment_id": "{e}", "new_name": "second"})
post("experiment: renamed the same", "experiments/update", {"experiment_id": "{e}", "new_name": "second"})
post(
    "experiment: renamed to a taken name",
    "experiments/update",
    {"experiment_id": "{e}", "new_name": "elsewhere"},
)
post("experiment: location deleted", "experiments/delete", {"experiment_id": "{x}"})
post("experiment: other location deleted", "experiments/delete", {"experiment_id": "{x2}"})
post("experiment: renamed without name", "experiments/update", {"experiment_id": "{e}"})
post("experiment: nothing renamed", "experiments/update", {"experiment_id": "99999999", "new_name": "y"})
post("experiment: no id renamed", "experiments/update", {"new_name": "y"})
post("experiment: to be deleted", "experiments/create", {"name": "gone"}, g="experiment_id")
post(
    "run of a deleted experiment",
    "runs/create",
    {"experiment_id": "{g}", "start_time": 1, "run_name": "gr"},
    gr="run.info.run_id",
)
post("experiment: deleted", "experiments/delete", {"experiment_id": "{g}"})
post("experiment: deleted again", "experiments/delete", {"experiment_id": "{g}"})
post("experiment: nothing deleted", "experiments/delete", {"experiment_id": "99999999"})
post("experiment: no id deleted", "experiments/delete", {})
get("experiment: got deleted", "experiments/get", {"experiment_id": "{g}"})
get("experiment: deleted by name", "experiments/get-by-name", {"experiment_name": "gone"})
post("experiment: name of a deleted one", "experiments/create", {"name": "gone"})
post("experiment: deleted renamed", "experiments/update", {"experiment_id": "{g}", "new_name": "z"})
post(
    "experiment: deleted tagged",
    "experiments/set-experiment-tag",
    {"experiment_id": "{g}", "key": "b", "value": "2"},
)
post("run: in a deleted experiment", "runs/create", {"experiment_id": "{g}"})
get("run: went with its experiment", "runs/get", {"run_id": "{gr}"})
post("run: param in a deleted experiment", "runs/log-parameter", {"run_id": "{gr}", "key": "p", "value": "1"})
post("experiment: restored", "experiments/restore", {"experiment_id": "{g}"})
post("experiment: restored again", "experiments/restore", {"experiment_id": "{g}"})
post("experiment: nothing restored", "experiments/restore", {"experiment_id": "99999999"})
get("run: came back with its experiment", "runs/get", {"run_id": "{gr}"})
post("experiments: search", "experiments/search", {"max_results": 100})
post("experiments: search without limit", "experiments/search", {})
post("experiments: search for none", "experiments/search", {"max_results": 0})
post("experiments: search for too many", "experiments/search", {"max_results": 50001})
post("experiments: search by name", "experiments/search", {"max_results": 5, "filter": "name = 'second'"})
post(
    "experiments: search by a pattern", "experiments/search", {"max_results": 5, "filter": "name LIKE 'sec%'"}
)
post("experiments: search by a tag", "experiments/search", {"max_results": 5, "filter": "tags.a = '1'"})
post("experiments: search in nonsense", "experiments/search", {"max_results": 5, "filter": "name = "})
post(
    "experiments: search in another order",
    "experiments/search",
    {"max_results": 5, "order_by": ["name DESC"]},
)
post("experiments: search with a bad token", "experiments/search", {"max_results": 5, "page_token": "xyz"})
post(
    "experiments: search of a kind that is none",
    "experiments/search",
    {"max_results": 5, "view_type": "NONE"},
)
get("experiments: search by GET", "experiments/search", {"max_results": "5", "view_type": "ACTIVE_ONLY"})

# ---- runs ----

post(
    "run",
    "runs/create",
    {
        "experiment_id": "{e}",
        "user_id": "u",
        "run_name": "r1",
        "start_time": 1000,
        "tags": [{"key": "k", "value": "v"}],
    },
    r="run.info.run_id",
    uri="run.info.artifact_uri",
)
post("run: start as text", "runs/create", {"experiment_id": "{e}", "run_name": "r2", "start_time": "2000"})
post("run: start is a word", "runs/create", {"experiment_id": "{e}", "start_time": "soon"})
post("run: start is broken", "runs/create", {"experiment_id": "{oe}", "start_time": 1.5})
post(
    "run: start is a whole float",
    "runs/create",
    {"experiment_id": "{e}", "run_name": "r3", "start_time": 3000.0},
)
post("run: no experiment", "runs/create", {"run_name": "nowhere"})
post("run: unknown experiment", "runs/create", {"experiment_id": "99999999"})
post("run: experiment is a word", "runs/create", {"experiment_id": "abc"})
post("run: experiment is a number", "runs/create", {"experiment_id": 0})
post("run: no start", "runs/create", {"experiment_id": "{oe}", "run_name": "no start"})
post(
    "run: name by tag",
    "runs/create",
    {"experiment_id": "{e}", "start_time": 1, "tags": [{"key": "mlflow.runName", "value": "tagged"}]},
)
post(
    "run: two names",
    "runs/create",
    {"experiment_id": "{oe}", "run_name": "one", "tags": [{"key": "mlflow.runName", "value": "two"}]},
)
post(
    "run: same name twice",
    "runs/create",
    {
        "experiment_id": "{e}",
        "start_time": 2,
        "run_name": "one",
        "tags": [{"key": "mlflow.runName", "value": "one"}],
    },
)
post("run: tags are no list", "runs/create", {"experiment_id": "{oe}", "tags": {"a": "b"}})
post("run: tag without key", "runs/create", {"experiment_id": "{oe}", "tags": [{"value": "b"}]})
post(
    "run: tag with a bad key",
    "runs/create",
    {"experiment_id": "{oe}", "tags": [{"key": "a?b", "value": "b"}]},
)
post(
    "run: tag with a long value",
    "runs/create",
    {
        "experiment_id": "{oe}",
        "start_time": 1,
        "run_name": "long",
        "tags": [{"key": "a", "value": "x" * 8001}],
    },
)
# MLflow's client for R writes what it does not say as an empty object, and every number as a text.
post(
    "run: as R says it",
    "runs/create",
    {"experiment_id": "{oe}", "user_id": "unknown", "start_time": "5", "run_name": "r", "tags": {}},
)
post(
    "metric: as R says it",
    "runs/log-metric",
    {"run_uuid": "{o}", "run_id": "{o}", "key": "r", "value": "0.5", "timestamp": "1", "step": "3"},
)
get("run: got", "runs/get", {"run_id": "{r}"})
get("run: got by its old name", "runs/get", {"run_uuid": "{r}"})
get("run: got without id", "runs/get", {})
get("run: unknown", "runs/get", {"run_id": "0" * 32})
get("run: id is a word", "runs/get", {"run_id": "abc"})
get("run: id with a quote", "runs/get", {"run_id": "' or 1=1 --"})
post("run: finished", "runs/update", {"run_id": "{r}", "status": "FINISHED", "end_time": 5000})
post("run: running again", "runs/update", {"run_id": "{o}", "status": "RUNNING"})
post("run: status as a number", "runs/update", {"run_id": "{o}", "status": 3, "end_time": "6000"})
post("run: status that is none", "runs/update", {"run_id": "{o}", "status": "DONE"})
post("run: status as a number that is none", "runs/update", {"run_id": "{o}", "status": 99})
post("run: renamed", "runs/update", {"run_id": "{r}", "run_name": "renamed"})
post("run: renamed to nothing", "runs/update", {"run_id": "{r}", "run_name": ""})
post("run: nothing updated", "runs/update", {"run_id": "{r}"})
post("run: unknown updated", "runs/update", {"run_id": "0" * 32, "status": "FINISHED"})
post("run: no id updated", "runs/update", {"status": "FINISHED"})
get("run: after updates", "runs/get", {"run_id": "{r}"})

# ---- tags, params, metrics ----

post("tag", "runs/set-tag", {"run_id": "{r}", "key": "t", "value": "1"})
post("tag: again", "runs/set-tag", {"run_id": "{r}", "key": "t", "value": "2"})
post("tag: by its old name", "runs/set-tag", {"run_uuid": "{r}", "key": "t3", "value": "2"})
post("tag: no key", "runs/set-tag", {"run_id": "{r}", "value": "2"})
post("tag: no value", "runs/set-tag", {"run_id": "{r}", "key": "t4"})
post("tag: empty value", "runs/set-tag", {"run_id": "{r}", "key": "t5", "value": ""})
post("tag: value is a number", "runs/set-tag", {"run_id": "{r}", "key": "t6", "value": 6})
post("tag: long key", "runs/set-tag", {"run_id": "{r}", "key": "x" * 251, "value": "1"})
post("tag: longest key", "runs/set-tag", {"run_id": "{r}", "key": "x" * 250, "value": "1"})
post("tag: long value", "runs/set-tag", {"run_id": "{r}", "key": "t7", "value": "x" * 8001})
post("tag: bad key", "runs/set-tag", {"run_id": "{r}", "key": "a/../b", "value": "1"})
post("tag: unknown run", "runs/set-tag", {"run_id": "0" * 32, "key": "t", "value": "1"})
post("tag: off", "runs/delete-tag", {"run_id": "{r}", "key": "t"})
post("tag: off again", "runs/delete-tag", {"run_id": "{r}", "key": "t"})
post("tag: off without key", "runs/delete-tag", {"run_id": "{r}"})
post("tag: off an unknown run", "runs/delete-tag", {"run_id": "0" * 32, "key": "t"})

post("param", "runs/log-parameter", {"run_id": "{r}", "key": "p", "value": "1"})
post("param: again", "runs/log-parameter", {"run_id": "{r}", "key": "p", "value": "1"})
post("param: changed", "runs/log-parameter", {"run_id": "{r}", "key": "p", "value": "2"})
post("param: number", "runs/log-parameter", {"run_id": "{r}", "key": "pn", "value": 1})
post("param: no value", "runs/log-parameter", {"run_id": "{r}", "key": "pv"})
post("param: empty value", "runs/log-parameter", {"run_id": "{r}", "key": "pe", "value": ""})
post("param: no key", "runs/log-parameter", {"run_id": "{r}", "value": "1"})
post("param: key is a number", "runs/log-parameter", {"run_id": "{r}", "key": 1, "value": "1"})
post("param: longest value", "runs/log-parameter", {"run_id": "{r}", "key": "pl", "value": "x" * 6000})
post("param: long value", "runs/log-parameter", {"run_id": "{r}", "key": "pm", "value": "x" * 6001})
post("param: unknown run", "runs/log-parameter", {"run_id": "0" * 32, "key": "p", "value": "1"})
post("param: bad key", "runs/log-parameter", {"run_id": "{r}", "key": "a\nb", "value": "1"})
post("param: key upwards", "runs/log-parameter", {"run_id": "{r}", "key": "../p", "value": "1"})
post("param: key from the root", "runs/log-parameter", {"run_id": "{r}", "key": "/p", "value": "1"})
post("param: key with a slash at its end", "runs/log-parameter", {"run_id": "{r}", "key": "p/", "value": "1"})
post("param: key in Greek", "runs/log-parameter", {"run_id": "{r}", "key": "λ", "value": "1"})

METRIC: dict[str, Any] = {"run_id": "{r}", "key": "m", "value": 0.5, "timestamp": 1, "step": 0}
post("metric", "runs/log-metric", METRIC)
post("metric: again", "runs/log-metric", METRIC)
post("metric: without step", "runs/log-metric", {**METRIC, "step": None})
post("metric: whole number", "runs/log-metric", {**METRIC, "value": 7, "step": 1})
post("metric: number as text", "runs/log-metric", {**METRIC, "value": "0.25", "step": 2})
post("metric: NaN as text", "runs/log-metric", {**METRIC, "key": "nan", "value": "NaN"})
post(
    "metric: infinity as text",
    "runs/log-metric",
    {**METRIC, "run_id": "{o}", "key": "inf", "value": "Infinity"},
)
post(
    "metric: minus infinity as text",
    "runs/log-metric",
    {**METRIC, "run_id": "{o}", "key": "ninf", "value": "-Infinity"},
)
step(
    "metric: NaN",
    "POST",
    "runs/log-metric",
    raw=b'{"run_id": "{o}", "key": "nan2", "value": NaN, "timestamp": 1}',
)
step(
    "metric: infinity",
    "POST",
    "runs/log-metric",
    raw=b'{"run_id": "{o}", "key": "inf2", "value": Infinity, "timestamp": 1}',
)
step(
    "metric: more than a double",
    "POST",
    "runs/log-metric",
    raw=b'{"run_id": "{o}", "key": "inf3", "value": 1e400, "timestamp": 1}',
)
post("metric: word", "runs/log-metric", {**METRIC, "value": "high"})
post("metric: true", "runs/log-metric", {**METRIC, "run_id": "{o}", "value": True})
post("metric: no value", "runs/log-metric", {**METRIC, "value": None})
post("metric: no time", "runs/log-metric", {**METRIC, "timestamp": None})
post("metric: time as text", "runs/log-metric", {**METRIC, "timestamp": "12", "step": "3"})
post("metric: time is broken", "runs/log-metric", {**METRIC, "run_id": "{o}", "timestamp": 1.5})
post("metric: time is negative", "runs/log-metric", {**METRIC, "timestamp": -1})
post("metric: time is a word", "runs/log-metric", {**METRIC, "timestamp": "now"})
post("metric: step is negative", "runs/log-metric", {**METRIC, "step": -5})
post("metric: step is large", "runs/log-metric", {**METRIC, "step": 2**63 - 1, "key": "large"})
post("metric: step is too large", "runs/log-metric", {**METRIC, "run_id": "{o}", "step": 2**63})
post("metric: no key", "runs/log-metric", {**METRIC, "key": None})
post("metric: empty key", "runs/log-metric", {**METRIC, "key": ""})
post("metric: long key", "runs/log-metric", {**METRIC, "key": "x" * 251})
post("metric: bad key", "runs/log-metric", {**METRIC, "key": "a?b"})
post("metric: key upwards", "runs/log-metric", {**METRIC, "key": "../m"})
post("metric: no run", "runs/log-metric", {**METRIC, "run_id": None})
post("metric: unknown run", "runs/log-metric", {**METRIC, "run_id": "0" * 32})

BATCH = "runs/log-batch"
post(
    "batch",
    BATCH,
    {
        "run_id": "{r}",
        "metrics": [{"key": "b", "value": i, "timestamp": i, "step": i} for i in range(3)],
        "params": [{"key": "bp", "value": "1"}],
        "tags": [{"key": "bt", "value": "1"}],
    },
)
post(
    "batch: again",
    BATCH,
    {
        "run_id": "{r}",
        "metrics": [{"key": "b", "value": i, "timestamp": i, "step": i} for i in range(3)],
        "params": [{"key": "bp", "value": "1"}],
        "tags": [{"key": "bt", "value": "1"}],
    },
)
post("batch: empty", BATCH, {"run_id": "{r}"})
post("batch: no run", BATCH, {"metrics": []})
post("batch: unknown run", BATCH, {"run_id": "0" * 32, "tags": [{"key": "a", "value": "b"}]})
post(
    "batch: a param twice",
    BATCH,
    {"run_id": "{r}", "params": [{"key": "tw", "value": "1"}, {"key": "tw", "value": "1"}]},
)
post(
    "batch: a param twice, differently",
    BATCH,
    {"run_id": "{r}", "params": [{"key": "tw", "value": "1"}, {"key": "tw", "value": "2"}]},
)
post(
    "batch: a param changed",
    BATCH,
    {
        "run_id": "{r}",
        "params": [{"key": "new", "value": "1"}, {"key": "p", "value": "2"}],
        "tags": [{"key": "half", "value": "1"}],
    },
)
post(
    "batch: a tag twice",
    BATCH,
    {"run_id": "{r}", "tags": [{"key": "two", "value": "1"}, {"key": "two", "value": "2"}]},
)
post(
    "batch: half invalid",
    BATCH,
    {
        "run_id": "{r}",
        "metrics": [{"key": "half", "value": 1, "timestamp": 1}, {"key": "../x", "value": 1, "timestamp": 1}],
        "params": [{"key": "half", "value": "1"}],
    },
)
post("batch: metric without time", BATCH, {"run_id": "{r}", "metrics": [{"key": "untimed", "value": 1}]})
post("batch: metric without value", BATCH, {"run_id": "{r}", "metrics": [{"key": "half", "timestamp": 1}]})
post("batch: metric without key", BATCH, {"run_id": "{r}", "metrics": [{"value": 1, "timestamp": 1}]})
post(
    "batch: metric with a negative time",
    BATCH,
    {"run_id": "{r}", "metrics": [{"key": "half", "value": 1, "timestamp": -1}]},
)
post("batch: param without key", BATCH, {"run_id": "{r}", "params": [{"value": "1"}]})
post("batch: param without value", BATCH, {"run_id": "{r}", "params": [{"key": "valueless"}]})
post(
    "batch: param with a long value",
    BATCH,
    {"run_id": "{r}", "params": [{"key": "half", "value": "x" * 6001}]},
)
post("batch: tag with a long value", BATCH, {"run_id": "{r}", "tags": [{"key": "half", "value": "x" * 8001}]})
post("batch: tag without key", BATCH, {"run_id": "{r}", "tags": [{"value": "1"}]})
post(
    "batch: too many metrics",
    BATCH,
    {"run_id": "{r}", "metrics": [{"key": "many", "value": 1, "timestamp": i} for i in range(1001)]},
)
post(
    "batch: too many params",
    BATCH,
    {"run_id": "{r}", "params": [{"key": f"many{i}", "value": "1"} for i in range(101)]},
)
post(
    "batch: too many tags",
    BATCH,
    {"run_id": "{r}", "tags": [{"key": f"many{i}", "value": "1"} for i in range(101)]},
)
post(
    "batch: too much together",
    BATCH,
    {
        "run_id": "{r}",
        "metrics": [{"key": "many", "value": 1, "timestamp": i} for i in range(950)],
        "params": [{"key": f"many{i}", "value": "1"} for i in range(60)],
    },
)
post("batch: metrics are no list", BATCH, {"run_id": "{r}", "metrics": {"a": 1}})
post("batch: a metric is a number", BATCH, {"run_id": "{r}", "metrics": [1]})
post("batch: params are text", BATCH, {"run_id": "{r}", "params": "a"})
get("run: after logging", "runs/get", {"run_id": "{r}"})

get("history", "metrics/get-history", {"run_id": "{r}", "metric_key": "m"})
get("history: page", "metrics/get-history", {"run_id": "{r}", "metric_key": "m", "max_results": "2"})
get("history: no key", "metrics/get-history", {"run_id": "{r}"})
get("history: no run", "metrics/get-history", {"metric_key": "m"})
get("history: unknown key", "metrics/get-history", {"run_id": "{r}", "metric_key": "nothing"})
get("history: unknown run", "metrics/get-history", {"run_id": "0" * 32, "metric_key": "m"})
get("history: NaN", "metrics/get-history", {"run_id": "{r}", "metric_key": "nan"})
get(
    "history: interval",
    "metrics/get-history-bulk-interval",
    {"run_ids": "{r}", "metric_key": "b", "max_results": "10"},
)
get("history: interval of no run", "metrics/get-history-bulk-interval", {"metric_key": "b"})
get("history: interval of no key", "metrics/get-history-bulk-interval", {"run_ids": "{r}"})
get(
    "history: interval with one end",
    "metrics/get-history-bulk-interval",
    {"run_ids": "{r}", "metric_key": "b", "start_step": "1"},
)
get(
    "history: interval backwards",
    "metrics/get-history-bulk-interval",
    {"run_ids": "{r}", "metric_key": "b", "start_step": "2", "end_step": "1"},
)
get(
    "history: interval of too many",
    "metrics/get-history-bulk-interval",
    {"run_ids": "{r}", "metric_key": "b", "max_results": "2501"},
)
get("history: bulk", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": "{r}", "metric_key": "b"})

# ---- inputs and outputs ----

DATASET = {"name": "d", "digest": "1", "source_type": "local", "source": "there"}
post(
    "inputs",
    "runs/log-inputs",
    {
        "run_id": "{r}",
        "datasets": [{"dataset": DATASET, "tags": [{"key": "mlflow.data.context", "value": "train"}]}],
    },
)
post(
    "inputs: again",
    "runs/log-inputs",
    {
        "run_id": "{r}",
        "datasets": [{"dataset": DATASET, "tags": [{"key": "mlflow.data.context", "value": "train"}]}],
    },
)
post("inputs: none", "runs/log-inputs", {"run_id": "{r}", "datasets": []})
post("inputs: no run", "runs/log-inputs", {"datasets": [{"dataset": DATASET}]})
post("inputs: unknown run", "runs/log-inputs", {"run_id": "0" * 32, "datasets": [{"dataset": DATASET}]})
post(
    "inputs: no name",
    "runs/log-inputs",
    {"run_id": "{o}", "datasets": [{"dataset": {**DATASET, "name": None}}]},
)
post(
    "inputs: no digest",
    "runs/log-inputs",
    {"run_id": "{o}", "datasets": [{"dataset": {**DATASET, "digest": None}}]},
)
post(
    "inputs: no source",
    "runs/log-inputs",
    {"run_id": "{o}", "datasets": [{"dataset": {**DATASET, "source": None}}]},
)
post(
    "inputs: no kind of source",
    "runs/log-inputs",
    {"run_id": "{o}", "datasets": [{"dataset": {**DATASET, "source_type": None}}]},
)
post("inputs: no dataset", "runs/log-inputs", {"run_id": "{o}", "datasets": [{}]})
post(
    "inputs: long name",
    "runs/log-inputs",
    {"run_id": "{r}", "datasets": [{"dataset": {**DATASET, "name": "x" * 501}}]},
)
post(
    "inputs: long digest",
    "runs/log-inputs",
    {"run_id": "{r}", "datasets": [{"dataset": {**DATASET, "digest": "x" * 37}}]},
)
post(
    "inputs: long tag",
    "runs/log-inputs",
    {"run_id": "{r}", "datasets": [{"dataset": DATASET, "tags": [{"key": "a", "value": "x" * 501}]}]},
)
post(
    "inputs: long key of a tag",
    "runs/log-inputs",
    {"run_id": "{r}", "datasets": [{"dataset": DATASET, "tags": [{"key": "x" * 256, "value": "x"}]}]},
)
post("inputs: no list", "runs/log-inputs", {"run_id": "{r}", "datasets": "d"})
post(
    "datasets of experiments", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["{e}"]}
)
post("datasets of no experiment", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": []})
post(
    "datasets of too many",
    "/ajax-api/2.0/mlflow/experiments/search-datasets",
    {"experiment_ids": [str(i) for i in range(21)]},
)

MODELS = "logged-models"
post(
    "model",
    MODELS,
    {
        "experiment_id": "{e}",
        "name": "lm",
        "model_type": "agent",
        "source_run_id": "{r}",
        "params": [{"key": "a", "value": "1"}],
        "tags": [{"key": "b", "value": "2"}],
    },
    m="model.info.model_id",
    muri="model.info.artifact_uri",
)
post("model: without name", MODELS, {"experiment_id": "{e}"})
post("model: empty name", MODELS, {"experiment_id": "{e}", "name": ""})
post("model: bad name", MODELS, {"experiment_id": "{e}", "name": "a/b"})
post("model: long name", MODELS, {"experiment_id": "{oe}", "name": "x" * 501})
post("model: no experiment", MODELS, {"name": "a"})
post("model: unknown experiment", MODELS, {"experiment_id": "99999999", "name": "a"})
post("model: unknown run", MODELS, {"experiment_id": "{oe}", "name": "a", "source_run_id": "0" * 32})
post(
    "model: a param twice",
    MODELS,
    {"experiment_id": "{e}", "name": "a", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
)
post(
    "model: long param",
    MODELS,
    {"experiment_id": "{oe}", "name": "a", "params": [{"key": "a", "value": "x" * 6001}]},
)
post("model: tag without key", MODELS, {"experiment_id": "{oe}", "name": "a", "tags": [{"value": "x"}]})
get("model: got", "logged-models/{m}")
get("model: unknown", "logged-models/m-" + "0" * 32)
get("model: id is a word", "logged-models/abc")
step("model: ready", "PATCH", "logged-models/{m}", {"model_id": "{m}", "status": "LOGGED_MODEL_READY"})
step("model: ready again", "PATCH", "logged-models/{m}", {"model_id": "{m}", "status": "LOGGED_MODEL_READY"})
step("model: status as a number", "PATCH", "logged-models/{m}", {"model_id": "{m}", "status": 2})
step("model: no status", "PATCH", "logged-models/{m}", {"model_id": "{m}"})
post("other model", MODELS, {"experiment_id": "{oe}", "name": "om"}, om="model.info.model_id")
step("model: status that is none", "PATCH", "logged-models/{om}", {"model_id": "{om}", "status": "DONE"})
step(
    "model: unknown finished",
    "PATCH",
    "logged-models/m-" + "0" * 32,
    {"model_id": "m-" + "0" * 32, "status": "LOGGED_MODEL_READY"},
)
step(
    "model: tags",
    "PATCH",
    "logged-models/{m}/tags",
    {"tags": [{"key": "c", "value": "3"}, {"key": "d/e", "value": "4"}]},
)
step(
    "model: tags of nothing",
    "PATCH",
    "logged-models/m-" + "0" * 32 + "/tags",
    {"tags": [{"key": "c", "value": "3"}]},
)
step("model: bad tag", "PATCH", "logged-models/{om}/tags", {"tags": [{"key": "c?", "value": "3"}]})
step("model: no tags", "PATCH", "logged-models/{m}/tags", {})
step("model: tag off", "DELETE", "logged-models/{m}/tags/c")
step("model: tag off again", "DELETE", "logged-models/{m}/tags/c")
post("model: params", "logged-models/{m}/params", {"model_id": "{m}", "params": [{"key": "z", "value": "1"}]})
post(
    "model: params of nothing",
    "logged-models/m-" + "0" * 32 + "/params",
    {"model_id": "m-" + "0" * 32, "params": [{"key": "z", "value": "1"}]},
)
post(
    "model: bad param",
    "logged-models/{om}/params",
    {"model_id": "{om}", "params": [{"key": "z?", "value": "1"}]},
)
post(
    "model: metric",
    "runs/log-metric",
    {**METRIC, "key": "mm", "model_id": "{m}", "dataset_name": "d", "dataset_digest": "1"},
)
get("model: after all", "logged-models/{m}")
get("model: folders", "logged-models/{m}/artifacts/directories")
get("model: folder upwards", "logged-models/{m}/artifacts/directories", {"artifact_directory_path": "../x"})
post(
    "models: search",
    "logged-models/search",
    {"experiment_ids": ["{e}"], "max_results": 1, "order_by": [{"field_name": "creation_timestamp"}]},
)
post("models: search nowhere", "logged-models/search", {})
post("models: search by name", "logged-models/search", {"experiment_ids": ["{e}"], "filter": "name = 'lm'"})
post(
    "models: search by a metric",
    "logged-models/search",
    {"experiment_ids": ["{e}"], "filter": "metrics.mm > 0.4"},
)
post(
    "models: search for too many", "logged-models/search", {"experiment_ids": ["{e}"], "max_results": 100000}
)
post("outputs", "runs/outputs", {"run_id": "{r}", "models": [{"model_id": "{m}", "step": 3}]})
post("outputs: again", "runs/outputs", {"run_id": "{o}", "models": [{"model_id": "{m}", "step": 3}]})
post("outputs: none", "runs/outputs", {"run_id": "{r}", "models": []})
post("outputs: unknown run", "runs/outputs", {"run_id": "0" * 32, "models": [{"model_id": "{m}", "step": 3}]})
post("inputs: model", "runs/log-inputs", {"run_id": "{r}", "models": [{"model_id": "{m}"}]})
get("run: with inputs and outputs", "runs/get", {"run_id": "{r}"})
post(
    "model: old kind",
    "runs/log-model",
    {
        "run_id": "{o}",
        "model_json": '{"artifact_path": "old", "flavors": {}, "run_id": "{o}", "utc_time_created": "2020-01-01"}',
    },
)
post("model: old kind, no JSON", "runs/log-model", {"run_id": "{r}", "model_json": "{"})
post("model: old kind, incomplete", "runs/log-model", {"run_id": "{r}", "model_json": "{}"})
post("model: old kind, nothing", "runs/log-model", {"run_id": "{r}"})
post("model: old kind, no run", "runs/log-model", {"model_json": "{}"})
post("model: to be deleted", MODELS, {"experiment_id": "{e}", "name": "gone"}, gm="model.info.model_id")
step("model: deleted", "DELETE", "logged-models/{gm}")
step("model: deleted again", "DELETE", "logged-models/{gm}")
get("model: got deleted", "logged-models/{gm}")
get("model: got deleted as allowed", "logged-models/{gm}", {"allow_deleted": "true"})

# ---- artifacts; {root} is the path of the run's artifacts, {mroot} that of the model's ----

step("file", "PUT", ARTIFACTS + "/{root}/folder/a.txt", raw=b"hello")
step("file: again", "PUT", ARTIFACTS + "/{root}/folder/a.txt", raw=b"hello!")
step("file: empty", "PUT", ARTIFACTS + "/{root}/empty.txt", raw=b"")
step("file: upwards", "PUT", ARTIFACTS + "/{root}/../x", raw=b"x")
step("file: upwards, encoded", "PUT", ARTIFACTS + "/{root}/%2e%2e/x", raw=b"x")
step("file: upwards, slashes encoded", "PUT", ARTIFACTS + "/{root}/..%2fx", raw=b"x")
step("file: upwards, encoded twice", "PUT", ARTIFACTS + "/{root}/%252e%252e%252fx", raw=b"x")
step("file: from the root, encoded", "PUT", ARTIFACTS + "/%2fetc/passwd", raw=b"x")
step("file: with backslashes", "PUT", ARTIFACTS + "/{oroot}/..%5cx", raw=b"x")
step("file: with a zero", "PUT", ARTIFACTS + "/{oroot}/a%00b", raw=b"x")
get("file: got", ARTIFACTS + "/{root}/folder/a.txt")
get("file: not there", ARTIFACTS + "/{root}/nothing.txt")
get("file: got upwards", ARTIFACTS + "/{root}/%2e%2e/%2e%2e/x")
get("files", "artifacts/list", {"run_id": "{r}"})
get("files: of a folder", "artifacts/list", {"run_id": "{r}", "path": "folder"})
get("files: of a file", "artifacts/list", {"run_id": "{r}", "path": "folder/a.txt"})
get("files: of nothing", "artifacts/list", {"run_id": "{r}", "path": "nothing"})
get("files: upwards", "artifacts/list", {"run_id": "{r}", "path": "../"})
get("files: upwards, encoded", "artifacts/list", {"run_id": "{r}", "path": "%2e%2e"})
get("files: from the root", "artifacts/list", {"run_id": "{r}", "path": "/etc"})
get("files: unknown run", "artifacts/list", {"run_id": "0" * 32})
get("files: no run", "artifacts/list", {})
get("files: of a path", ARTIFACTS, {"path": "{root}"})
get("files: of a path upwards", ARTIFACTS, {"path": "{root}/../.."})
get("file: seen", "/get-artifact", {"run_id": "{r}", "path": "folder/a.txt"})
get("file: seen, not there", "/get-artifact", {"run_id": "{r}", "path": "nothing"})
get("file: seen upwards", "/get-artifact", {"run_id": "{r}", "path": "../x"})
step("file: deleted", "DELETE", ARTIFACTS + "/{root}/empty.txt")
step("file: deleted upwards", "DELETE", ARTIFACTS + "/{root}/%2e%2e/x")
step("file: of a model", "PUT", ARTIFACTS + "/{mroot}/MLmodel", raw=b"flavors: {}")
get(
    "file: of a model, seen",
    "/ajax-api/2.0/mlflow/logged-models/{m}/artifacts/files",
    {"artifact_file_path": "MLmodel"},
)
get("file: of a model, no path", "/ajax-api/2.0/mlflow/logged-models/{m}/artifacts/files")
get("model: folders with a file", "logged-models/{m}/artifacts/directories")
step(
    "file: uploaded by a page",
    "POST",
    "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={r}&path=up.txt",
    raw=b"x",
)
step("file: uploaded without run", "POST", "/ajax-api/2.0/mlflow/upload-artifact?path=up.txt", raw=b"x")
step("file: uploaded without path", "POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={r}", raw=b"x")
step(
    "file: nothing uploaded", "POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={r}&path=up.txt", raw=b""
)

# ---- registry ----

REGISTERED = "registered-models/"
post(
    "registered",
    REGISTERED + "create",
    {"name": "rm", "description": "d", "tags": [{"key": "a", "value": "1"}]},
)
post("registered: again", REGISTERED + "create", {"name": "rm"})
post("registered: no name", REGISTERED + "create", {})
post("registered: empty name", REGISTERED + "create", {"name": ""})
post("registered: name with a slash", REGISTERED + "create", {"name": "a/b"})
post("registered: name with a colon", REGISTERED + "create", {"name": "a:b"})
post("registered: name upwards", REGISTERED + "create", {"name": ".."})
post("registered: long name", REGISTERED + "create", {"name": "x" * 257})
step("registered: long name deleted", "DELETE", REGISTERED + "delete", {"name": "x" * 257})
post("registered: name is a number", REGISTERED + "create", {"name": 5})
post("registered: tag without key", REGISTERED + "create", {"name": "rt", "tags": [{"value": "1"}]})
post("registered: bad tag", REGISTERED + "create", {"name": "rt", "tags": [{"key": "a?", "value": "1"}]})
post(
    "registered: long tag",
    REGISTERED + "create",
    {"name": "rt", "tags": [{"key": "a", "value": "x" * 100001}]},
)
get("registered: got", REGISTERED + "get", {"name": "rm"})
get("registered: unknown", REGISTERED + "get", {"name": "nothing"})
get("registered: got without name", REGISTERED + "get")
step("registered: described", "PATCH", REGISTERED + "update", {"name": "rm", "description": "new"})
step("registered: described with nothing", "PATCH", REGISTERED + "update", {"name": "rm", "description": ""})
step("registered: not described", "PATCH", REGISTERED + "update", {"name": "rm"})
step(
    "registered: unknown described", "PATCH", REGISTERED + "update", {"name": "nothing", "description": "new"}
)
post("registered: renamed", REGISTERED + "rename", {"name": "rm", "new_name": "rn"})
post("registered: renamed the same", REGISTERED + "rename", {"name": "rn", "new_name": "rn"})
post("registered: other", REGISTERED + "create", {"name": "other"})
post("registered: one more", REGISTERED + "create", {"name": "ro"})
post("registered: renamed to a taken name", REGISTERED + "rename", {"name": "rn", "new_name": "other"})
post("registered: renamed badly", REGISTERED + "rename", {"name": "rn", "new_name": "a/b"})
post("registered: renamed to nothing", REGISTERED + "rename", {"name": "rn"})
post("registered: unknown renamed", REGISTERED + "rename", {"name": "nothing", "new_name": "b"})
post("registered: tag", REGISTERED + "set-tag", {"name": "rn", "key": "b", "value": "2"})
post("registered: tag again", REGISTERED + "set-tag", {"name": "rn", "key": "b", "value": "3"})
post("registered: tag without its key", REGISTERED + "set-tag", {"name": "rn", "value": "2"})
post("registered: tag without value", REGISTERED + "set-tag", {"name": "rn", "key": "v"})
post("registered: unknown tagged", REGISTERED + "set-tag", {"name": "nothing", "key": "b", "value": "2"})
step("registered: tag off", "DELETE", REGISTERED + "delete-tag", {"name": "rn", "key": "b"})
step("registered: tag off again", "DELETE", REGISTERED + "delete-tag", {"name": "rn", "key": "b"})
step("registered: tag off nothing", "DELETE", REGISTERED + "delete-tag", {"name": "nothing", "key": "b"})
step("registered: tag off without key", "DELETE", REGISTERED + "delete-tag", {"name": "rn"})

VERSIONS = "model-versions/"
post(
    "version",
    VERSIONS + "create",
    {
        "name": "rn",
        "source": "models:/{m}",
        "run_id": "{r}",
        "model_id": "{m}",
        "description": "v",
        "tags": [{"key": "a", "value": "1"}],
    },
)
post("version: of a run", VERSIONS + "create", {"name": "rn", "source": "{uri}/folder", "run_id": "{r}"})
post("version: of one more", VERSIONS + "create", {"name": "ro", "source": "{ouri}/folder", "run_id": "{o}"})
post("version: no source", VERSIONS + "create", {"name": "rn"})
post("version: empty source", VERSIONS + "create", {"name": "rn", "source": ""})
post("version: no name", VERSIONS + "create", {"source": "{uri}/folder"})
post(
    "version: unknown name",
    VERSIONS + "create",
    {"name": "nothing", "source": "{uri}/folder", "run_id": "{r}"},
)
post("version: file of the server", VERSIONS + "create", {"name": "rn", "source": "/etc/passwd"})
post("version: file of the server as address", VERSIONS + "create", {"name": "rn", "source": "file:///etc"})
post("version: source upwards", VERSIONS + "create", {"name": "rn", "source": "mlflow-artifacts:/../x"})
post(
    "version: source of another run",
    VERSIONS + "create",
    {"name": "rn", "source": "{uri}/../../x", "run_id": "{r}"},
)
post("version: unknown model", VERSIONS + "create", {"name": "rn", "source": "models:/m-" + "0" * 32})
post("version: version of nothing", VERSIONS + "create", {"name": "rn", "source": "models:/nothing/1"})
post(
    "version: bad tag",
    VERSIONS + "create",
    {"name": "rn", "source": "{uri}/folder", "run_id": "{r}", "tags": [{"key": "a?", "value": "1"}]},
)
get("version: got", VERSIONS + "get", {"name": "rn", "version": "1"})
get("version: unknown", VERSIONS + "get", {"name": "rn", "version": "99"})
get("version: a word", VERSIONS + "get", {"name": "rn", "version": "one"})
get("version: of nothing", VERSIONS + "get", {"name": "nothing", "version": "1"})
get("version: got without number", VERSIONS + "get", {"name": "rn"})
get("version: address", VERSIONS + "get-download-uri", {"name": "rn", "version": "2"})
get("version: address of nothing", VERSIONS + "get-download-uri", {"name": "rn", "version": "99"})
get("version: file seen", "/model-versions/get-artifact", {"name": "rn", "version": "2", "path": "a.txt"})
step("version: described", "PATCH", VERSIONS + "update", {"name": "rn", "version": "1", "description": "new"})
step("version: not described", "PATCH", VERSIONS + "update", {"name": "rn", "version": "1"})
step(
    "version: unknown described",
    "PATCH",
    VERSIONS + "update",
    {"name": "rn", "version": "99", "description": "new"},
)
post(
    "version: stage",
    VERSIONS + "transition-stage",
    {"name": "rn", "version": "1", "stage": "Production", "archive_existing_versions": False},
)
post(
    "version: stage in small letters",
    VERSIONS + "transition-stage",
    {"name": "rn", "version": "2", "stage": "production", "archive_existing_versions": True},
)
post(
    "version: stage that is none",
    VERSIONS + "transition-stage",
    {"name": "rn", "version": "1", "stage": "Best"},
)
post("version: no stage", VERSIONS + "transition-stage", {"name": "rn", "version": "1"})
post(
    "version: archive into none",
    VERSIONS + "transition-stage",
    {"name": "ro", "version": "1", "stage": "None", "archive_existing_versions": True},
)
post(
    "version: unknown staged",
    VERSIONS + "transition-stage",
    {"name": "rn", "version": "99", "stage": "Staging"},
)
post("versions: newest", REGISTERED + "get-latest-versions", {"name": "rn"})
post(
    "versions: newest of a stage",
    REGISTERED + "get-latest-versions",
    {"name": "rn", "stages": ["Production"]},
)
post(
    "versions: newest of a stage that is none",
    REGISTERED + "get-latest-versions",
    {"name": "rn", "stages": ["Best"]},
)
get(
    "versions: newest by GET",
    REGISTERED + "get-latest-versions",
    {"name": "rn", "stages": ["None", "Production"]},
)
post("versions: newest of nothing", REGISTERED + "get-latest-versions", {"name": "nothing"})
post("version: tag", VERSIONS + "set-tag", {"name": "rn", "version": "1", "key": "b", "value": "2"})
post("version: tag without key", VERSIONS + "set-tag", {"name": "rn", "version": "1", "value": "2"})
post(
    "version: unknown tagged", VERSIONS + "set-tag", {"name": "rn", "version": "99", "key": "b", "value": "2"}
)
step("version: tag off", "DELETE", VERSIONS + "delete-tag", {"name": "rn", "version": "1", "key": "b"})
step("version: tag off again", "DELETE", VERSIONS + "delete-tag", {"name": "rn", "version": "1", "key": "b"})
ALIAS = REGISTERED + "alias"
post("alias", ALIAS, {"name": "rn", "alias": "best", "version": "1"})
post("alias: again", ALIAS, {"name": "rn", "alias": "best", "version": "1"})
post("alias: moved", ALIAS, {"name": "rn", "alias": "best", "version": "2"})
post("alias: reserved", ALIAS, {"name": "rn", "alias": "latest", "version": "1"})
post("alias: like a version", ALIAS, {"name": "rn", "alias": "v3", "version": "1"})
post("alias: bad", ALIAS, {"name": "rn", "alias": "a b", "version": "1"})
post("alias: long", ALIAS, {"name": "rn", "alias": "x" * 256, "version": "1"})
post("alias: none", ALIAS, {"name": "rn", "version": "1"})
post("alias: without version", ALIAS, {"name": "rn", "alias": "best"})
post("alias: of an unknown version", ALIAS, {"name": "rn", "alias": "best", "version": "99"})
post("alias: of nothing", ALIAS, {"name": "nothing", "alias": "best", "version": "1"})
get("alias: got", ALIAS, {"name": "rn", "alias": "best"})
get("alias: unknown", ALIAS, {"name": "rn", "alias": "worst"})
get("alias: got of nothing", ALIAS, {"name": "nothing", "alias": "best"})
get("registered: with versions and alias", REGISTERED + "get", {"name": "rn"})
step("alias: off", "DELETE", ALIAS, {"name": "rn", "alias": "best"})
step("alias: off again", "DELETE", ALIAS, {"name": "rn", "alias": "best"})
step("alias: off nothing", "DELETE", ALIAS, {"name": "nothing", "alias": "best"})
get("registered: search", REGISTERED + "search")
get("registered: search for one", REGISTERED + "search", {"max_results": "1"})
get("registered: search for none", REGISTERED + "search", {"max_results": "0"})
get("registered: search for too many", REGISTERED + "search", {"max_results": "1001"})
get("registered: search by name", REGISTERED + "search", {"filter": "name = 'rn'"})
get("registered: search by a pattern", REGISTERED + "search", {"filter": "name ILIKE 'R%'"})
get("registered: search in nonsense", REGISTERED + "search", {"filter": "nothing = '1'"})
get("versions: search", VERSIONS + "search")
get("versions: search by name", VERSIONS + "search", {"filter": "name = 'rn'"})
get("versions: search by run", VERSIONS + "search", {"filter": "run_id = '{r}'"})
get("versions: search by runs", VERSIONS + "search", {"filter": "run_id IN ('{r}')"})
get("versions: search for too many", VERSIONS + "search", {"max_results": "200001"})
step("version: deleted", "DELETE", VERSIONS + "delete", {"name": "rn", "version": "2"})
step("version: deleted again", "DELETE", VERSIONS + "delete", {"name": "rn", "version": "2"})
step("version: deleted without number", "DELETE", VERSIONS + "delete", {"name": "rn"})
get("version: got deleted", VERSIONS + "get", {"name": "rn", "version": "2"})
step("registered: deleted", "DELETE", REGISTERED + "delete", {"name": "other"})
step("registered: deleted again", "DELETE", REGISTERED + "delete", {"name": "other"})
step("registered: nothing deleted", "DELETE", REGISTERED + "delete", {})

# ---- prompts: registered models with a tag ----

PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
post("prompt", REGISTERED + "create", {"name": "pr", "description": "p", "tags": PROMPT})
post("prompt: again", REGISTERED + "create", {"name": "pr", "tags": PROMPT})
post("prompt: name of a model", REGISTERED + "create", {"name": "rn", "tags": PROMPT})
post("prompt: model of the same name", REGISTERED + "create", {"name": "pr"})
post(
    "prompt: version",
    VERSIONS + "create",
    {
        "name": "pr",
        "source": "dummy-source",
        "description": "first",
        "tags": [*PROMPT, {"key": "mlflow.prompt.text", "value": "Hello {{ name }}"}],
    },
)
post("prompt: version of a model", VERSIONS + "create", {"name": "pr", "source": "models:/{m}", "tags": []})
post("model: to be mixed", REGISTERED + "create", {"name": "mixed"})
post(
    "model: version that is a prompt",
    VERSIONS + "create",
    {"name": "mixed", "source": "dummy-source", "tags": PROMPT},
)
get("model: with a version that is a prompt", REGISTERED + "get", {"name": "mixed"})
step("model: mixed deleted", "DELETE", REGISTERED + "delete", {"name": "mixed"})
get("prompt: got", REGISTERED + "get", {"name": "pr"})
get("prompt: version got", VERSIONS + "get", {"name": "pr", "version": "1"})
post("prompt: alias", ALIAS, {"name": "pr", "alias": "live", "version": "1"})
get("prompt: by alias", ALIAS, {"name": "pr", "alias": "live"})
get("prompts: search", REGISTERED + "search", {"filter": "tag.`mlflow.prompt.is_prompt` = 'true'"})
get(
    "prompts: search by name",
    REGISTERED + "search",
    {"filter": "tag.`mlflow.prompt.is_prompt` = 'true' AND name = 'pr'"},
)
get("prompts: not among models", REGISTERED + "search", {"filter": "tag.`mlflow.prompt.is_prompt` != 'true'"})
get("prompts: not among all", REGISTERED + "search")
get(
    "prompts: versions",
    VERSIONS + "search",
    {"filter": "name = 'pr' AND tag.`mlflow.prompt.is_prompt` = 'true'"},
)
get("prompts: versions not among all", VERSIONS + "search")
step("prompt: version deleted", "DELETE", VERSIONS + "delete", {"name": "pr", "version": "1"})
step("prompt: deleted", "DELETE", REGISTERED + "delete", {"name": "pr"})

# ---- searching runs, deleting them ----

post(
    "runs: search",
    "runs/search",
    {"experiment_ids": ["{e}"], "max_results": 1, "order_by": ["start_time ASC"]},
)
post("runs: search nowhere", "runs/search", {})
post("runs: search in an unknown experiment", "runs/search", {"experiment_ids": ["99999999"]})
post("runs: search for too many", "runs/search", {"experiment_ids": ["{e}"], "max_results": 50001})
post("runs: search for none", "runs/search", {"experiment_ids": ["{e}"], "max_results": 0})
post("runs: search by a param", "runs/search", {"experiment_ids": ["{e}"], "filter": "params.p = '1'"})
post("runs: search in nonsense", "runs/search", {"experiment_ids": ["{e}"], "filter": "metrics.m >"})
post(
    "runs: search with SQL",
    "runs/search",
    {"experiment_ids": ["{e}"], "filter": "params.p = '1'; drop table runs"},
)
post("runs: search with a bad token", "runs/search", {"experiment_ids": ["{e}"], "page_token": "xyz"})
post("run: deleted", "runs/delete", {"run_id": "{r}"})
post("run: deleted again", "runs/delete", {"run_id": "{r}"})
post("run: nothing deleted", "runs/delete", {"run_id": "0" * 32})
post("run: no id deleted", "runs/delete", {})
get("run: got deleted", "runs/get", {"run_id": "{r}"})
post("run: deleted updated", "runs/update", {"run_id": "{r}", "status": "FAILED"})
post("run: deleted tagged", "runs/set-tag", {"run_id": "{r}", "key": "t", "value": "1"})
post("run: tag off a deleted one", "runs/delete-tag", {"run_id": "{r}", "key": "k"})
post("run: param of a deleted one", "runs/log-parameter", {"run_id": "{r}", "key": "p9", "value": "1"})
post("run: metric of a deleted one", "runs/log-metric", METRIC)
post("run: batch of a deleted one", BATCH, {"run_id": "{r}", "tags": [{"key": "a", "value": "b"}]})
post("run: inputs of a deleted one", "runs/log-inputs", {"run_id": "{r}", "datasets": [{"dataset": DATASET}]})
get("files: of a deleted run", "artifacts/list", {"run_id": "{r}"})
get("history: of a deleted run", "metrics/get-history", {"run_id": "{r}", "metric_key": "m"})
post("run: restored", "runs/restore", {"run_id": "{r}"})
post("run: restored again", "runs/restore", {"run_id": "{r}"})
post("run: nothing restored", "runs/restore", {"run_id": "0" * 32})

# ---- the rest ----

get("unknown endpoint", "nothing/here")
post("wrong method", "runs/get", {"run_id": "{r}"})
get("wrong method the other way", "runs/create")
get("version of the server", "/version")
get("health", "/health")
get("telemetry", "/ajax-api/3.0/mlflow/ui-telemetry")
post("telemetry: sent", "/ajax-api/3.0/mlflow/ui-telemetry", {"records": []})
