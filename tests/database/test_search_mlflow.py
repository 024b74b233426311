"""The same filters and orders asked of MLflow's own store and of ours, over the same data: the same answers, in order.

MLflow's is the SQL store on SQLite, as ``mlflow server`` opens it without further words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from insighter_ext.errors import Invalid
from insighter_ext.tracking import searching
from insighter_ext.tracking.search.grammar import Vocabulary, parse_filter, parse_orders
from insighter_ext.tracking.search.vocabularies import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
)
from tests.database.conftest import Database, Person

pytestmark = pytest.mark.filterwarnings("ignore")

RUN_FILTERS = [
    "",
    "metrics.auc > 0.5",
    "metrics.auc >= 0.5",
    "metrics.auc < 0.5",
    "metrics.auc <= 0.5",
    "metrics.auc = 0.5",
    "metrics.auc != 0.5",
    "metric.auc > 5e-1",
    "metrics.auc > -1",
    "metrics.`auc` > 0.2 AND metrics.loss < 2",
    'metrics."auc" > 0.2',
    "metrics.`a metric/with signs` > 0",
    "metrics.weird > 0",
    "metrics.weird < 0",
    "metrics.weird != 0",
    "metrics.weird = 0",
    "metrics.weird >= -1e300",
    "metrics.nothing > 0",
    "params.model = 'forest'",
    "params.model != 'forest'",
    'params.model = "forest"',
    "param.model LIKE 'f%'",
    "parameter.model LIKE '%OREST'",
    "parameters.model ILIKE '%OREST'",
    "params.model like 'f_rest'",
    "params.path LIKE 'C:\\data%'",
    "params.path = 'C:\\data\\x'",
    "params.`odd key` = '100%'",
    "params.`odd key` LIKE '100%'",
    "params.empty = ''",
    "params.model IS NULL",
    "params.model IS NOT NULL",
    "params.model is not null and params.empty is null",
    'params.word = "it\'s"',
    "params.word = 'Grüße 你好'",
    "params.word ILIKE '%HELLO%'",
    "tags.team = 'blue'",
    "tag.team != 'blue'",
    "tags.team IS NULL",
    "tags.`mlflow.note` LIKE '%x%'",
    "tags.mlflow.note = 'x'",
    "tags.team = 'blue' AND params.model = 'forest' AND metrics.auc > 0.1",
    "tags.team='blue'AND params.model='forest'",
    "attributes.status = 'FINISHED'",
    "status = 'FINISHED'",
    "attributes.status != 'FINISHED'",
    "attr.status LIKE 'F%'",
    "run.status ILIKE 'f%'",
    "user_id = 'ann'",
    "attributes.user_id != 'ann'",
    "start_time > 1700000005000",
    "attributes.start_time <= 1700000005000",
    "attributes.start_time = 1700000003000",
    "created > 1700000005000",
    "attributes.Created < 1700000005000",
    "start_time > 1700000005000.5",
    "end_time > 1700000005000",
    "end_time != 1",
    "attributes.end_time < 1700000500000",
    "run_name = 'run 3'",
    "attributes.run_name LIKE 'run%'",
    "attributes.`Run name` = 'run 4'",
    "attributes.\"run name\" ILIKE 'RUN 4'",
    "attributes.artifact_uri LIKE '%nowhere%'",
    "dataset.name = 'wine'",
    "datasets.name != 'wine'",
    "dataset.digest = 'd2'",
    "dataset.context = 'train'",
    "dataset.context != 'train'",
    "dataset.name LIKE 'w%' AND dataset.context = 'test'",
    "dataset.name IN ('wine', 'beer')",
    "dataset.name NOT IN ('wine')",
    "datasets.context IN ('test')",
    "AND metrics.auc > 0.5",
    "metrics.auc > 0.5 AND",
    "  metrics.auc\n>\t0.5  ",
    # What neither takes.
    "metrics.auc > 'x'",
    "metrics.auc > nan",
    "metrics.auc > inf",
    "metrics.auc LIKE 'x'",
    "metrics.auc IN ('x')",
    "metrics.auc IS NULL",
    "metrics.auc == 1",
    "metrics.auc <> 1",
    "metrics.auc",
    "params.model > 'a'",
    "params.model = 5",
    "params.model IN ('forest')",
    "params.model = forest",
    "tags.team >= 'a'",
    "tags.team = blue",
    "status = 5",
    "status > 'a'",
    "status IN ('FINISHED')",
    "attributes.nothing = 'x'",
    "nothing.x = 'x'",
    "start_time = 'x'",
    "start_time LIKE 'x'",
    "start_time IS NULL",
    "status IS NULL",
    "run_id IN ()",
    "run_id IN (1, 2)",
    "dataset.nothing = 'x'",
    "dataset.name > 'x'",
    "dataset.name = 3",
    "metrics.auc > 0.5 OR metrics.auc < 0.1",
    "(metrics.auc > 0.5)",
    "NOT metrics.auc > 0.5",
    "metrics.auc > 0.5; select 1",
    "metrics.auc > 0.5 -- why",
    "metrics.auc > 0.5 /* why */",
    "1 = 1",
    "'a' = 'a'",
    "params.model = 'unclosed",
    "*",
    ")",
    "=",
]

RUN_ORDERS: list[list[str]] = [
    [],
    ["metrics.auc"],
    ["metrics.auc ASC"],
    ["metrics.auc DESC"],
    ["metrics.`auc` desc"],
    ["metrics.weird"],
    ["metrics.weird DESC"],
    ["metrics.`a metric/with signs` DESC"],
    ["params.model", "metrics.auc DESC"],
    ["params.model DESC"],
    ["params.`odd key` DESC"],
    ["tags.team", "start_time"],
    ["tags.team DESC"],
    ["start_time"],
    ["start_time ASC"],
    ["attributes.start_time DESC"],
    ["created DESC"],
    ["end_time"],
    ["attributes.end_time DESC"],
    ["status", "run_id DESC"],
    ["attribute.status DESC"],
    ["run_id"],
    ["run_name DESC"],
    ["user_id", "metrics.loss"],
    ["metrics.nothing DESC"],
    # What neither takes.
    ["nothing"],
    ["metrics.auc up"],
    ["metrics.auc DESC x"],
    ["dataset.name"],
    ["metrics.auc, metrics.loss"],
    ["1"],
]

# What MLflow answers with an internal error, or lets through without a meaning: an error of the caller's here.
STRICTER = {"'a' = 'a'", "metrics.auc > 0.5; select 1"}


class Pair:
    """MLflow's store and our database with the same content."""

    def __init__(self, store: Any, registry: Any) -> None:
        self.store = store
        self.registry = registry
        self.experiments: list[str] = []


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """MLflow's store, filled."""
    from mlflow import entities as e
    from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    logging.getLogger("alembic").setLevel(logging.WARNING)
    folder = tmp_path_factory.mktemp("mlflow-store")
    uri = f"sqlite:///{folder}/mlflow.db"
    store, registry = SqlAlchemyStore(uri, (folder / "artifacts").as_uri()), Registry(uri)
    pair = Pair(store, registry)
    for index, tags in enumerate([{"team": "blue"}, {"team": "red", "a b": "c"}, {}, {"team": "Blue"}]):
        made = store.create_experiment(
            f"experiment {index}" + " ü" * (index == 2),
            None,
            [e.ExperimentTag(k, v) for k, v in tags.items()],
        )
        pair.experiments.append(made)
    store.delete_experiment(pair.experiments[3])
    experiment = pair.experiments[0]
    nan, inf = float("nan"), float("inf")
    runs = []
    for index in range(24):
        # Some begin at the same time.
        run = store.create_run(
            experiment, ["ann", "bob"][index % 2], 1_700_000_000_000 + (index // 2) * 1000, [], f"run {index}"
        ).info.run_id
        runs.append(run)
        metrics = {"auc": index % 7 / 10} if index % 6 else {}
        metrics |= {"loss": index % 3, "a metric/with signs": index % 4 - 1}
        if index % 5 < 4:
            metrics["weird"] = [nan, inf, -inf, float(index % 2)][index % 5]
        params = {"model": ["forest", "linear", "Forest"][index % 3]} if index % 4 else {}
        params |= {
            "odd key": ["100%", "100", "1000"][index % 3],
            "path": ["C:\\data\\x", "C:/data"][index % 2],
        }
        params |= {"word": ["it's", "Grüße 你好", "Hello there", "a_b"][index % 4]} | (
            {"empty": ""} if index % 8 == 0 else {}
        )
        tags = {"team": ["blue", "red"][index % 2]} if index % 3 else {"mlflow.note": "x"}
        store.log_batch(
            run,
            [e.Metric(k, v, 1, index % 3) for k, v in metrics.items()],
            [e.Param(k, v) for k, v in params.items()],
            [e.RunTag(k, v) for k, v in tags.items()],
        )
        datasets = [
            e.DatasetInput(
                e.Dataset(["wine", "beer"][n], f"d{index % 3}", "local", "{}"),
                [e.InputTag("mlflow.data.context", ["train", "test"][(index + n) % 2])] if index % 5 else [],
            )
            for n in range(index % 3)
        ]
        store.log_inputs(run, datasets)
        if index % 4 < 2:
            status = [e.RunStatus.FINISHED, e.RunStatus.FAILED][index % 4]
            store.update_run_info(run, status, 1_700_000_000_000 + index * 50_000, None)
        if index % 11 == 10:
            store.delete_run(run)
    for index in range(12):
        model = store.create_logged_model(
            experiment_id=pair.experiments[index % 2],
            name=["model", "other", "Model"][index % 3],
            source_run_id=runs[index % 5],
            tags=[e.LoggedModelTag("team", ["blue", "red"][index % 2])] if index % 3 else [],
            params=[e.LoggedModelParameter("kind", ["a", "b", "c%"][index % 3])],
            model_type=["sklearn", "torch"][index % 2],
        )
        for n in range(index % 4):
            dataset = e.Dataset(["wine", "beer"][n % 2], f"d{n}", "local", "{}")
            # A metric on a dataset that the run has read.
            store.log_inputs(runs[n], [e.DatasetInput(dataset, [])])
            store.log_batch(
                runs[n],
                [e.Metric("f1", (index * 7 + n * 3) % 10 / 10, n, n, model_id=model.model_id,
                          dataset_name=dataset.name, dataset_digest=dataset.digest, run_id=runs[n])],
                [],
                [],
            )  # fmt: skip
    for index in range(9):
        name = f"{['wine', 'beer', 'Wine'][index % 3]} {index}"
        prompt = {"mlflow.prompt.is_prompt": "true"} if index % 4 == 3 else {}
        tags = {**prompt, "team": ["blue", "red"][index % 2]} if index % 3 else prompt
        registry.create_registered_model(name, [RegisteredModelTag(k, v) for k, v in tags.items()])
        for n in range(index % 4):
            tags = {**prompt, "stage": f"s{n}"} if n else prompt
            registry.create_model_version(
                name, f"file:///m/{n}", runs[n], [ModelVersionTag(k, v) for k, v in tags.items()]
            )
    yield pair
    store._dispose_engine()


@pytest.fixture(scope="module")
def ours(database: Database, theirs: Pair) -> tuple[Person, dict[str, str]]:
    """The same in our database; answers who asks, and our id of each of MLflow's experiments."""
    person = database.person("searcher")
    project = person.call("projects_create", name="The same")["id"]
    ids: dict[str, str] = {}
    put = database.superuser
    rows = theirs.store.search_experiments(view_type=3)
    for row in sorted(rows, key=lambda one: int(one.experiment_id)):
        (found,) = put(
            "insert into insighter.experiments (project_id, name, tags, is_default, created_by, created_at, updated_at,"
            " deleted_at) values (%s, %s, %s, %s, %s, to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0), %s)"
            " returning id",
            project, row.name, Jsonb(row.tags), row.name == "Default", person.user_id, row.creation_time,
            row.last_update_time, "now" if row.lifecycle_stage == "deleted" else None,
        )  # fmt: skip
        ids[row.experiment_id] = str(found[0])
    for run in theirs.store.search_runs([theirs.experiments[0]], "", 3, 1000):
        info = run.info
        put(
            "insert into insighter.runs (id, project_id, experiment_id, name, status, user_name, start_time, end_time,"
            " params, tags, created_by, deleted_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            UUID(info.run_id), project, ids[info.experiment_id], info.run_name, info.status, info.user_id,
            info.start_time, info.end_time, Jsonb(run.data.params), Jsonb(run.data.tags), person.user_id,
            "now" if info.lifecycle_stage == "deleted" else None,
        )  # fmt: skip
        for metric in run.data._metric_objs:
            # MLflow's SQL store keeps infinities as the greatest number there is.
            put(
                "insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)"
                " values (%s, %s, %s, %s, %s, %s)",
                project, UUID(info.run_id), metric.key, metric.value, metric.step, metric.timestamp,
            )  # fmt: skip
        for read in run.inputs.dataset_inputs:
            put(
                "insert into insighter.run_datasets (project_id, run_id, name, digest, source_type, source, tags)"
                " values (%s, %s, %s, %s, 'local', '', %s)",
                project, UUID(info.run_id), read.dataset.name, read.dataset.digest,
                Jsonb({tag.key: tag.value for tag in read.tags}),
            )  # fmt: skip
    for model in theirs.store.search_logged_models(theirs.experiments, max_results=1000):
        put(
            "insert into insighter.logged_models (id, project_id, experiment_id, name, model_type, source_run_id,"
            " status, params, tags, created_by, created_at, updated_at) values (%s, %s, %s, %s, %s, %s,"
            " 'LOGGED_MODEL_PENDING', %s, %s, %s, to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0))",
            model.model_id, project, ids[model.experiment_id], model.name, model.model_type,
            UUID(model.source_run_id), Jsonb(model.params), Jsonb(model.tags), person.user_id,
            model.creation_timestamp, model.last_updated_timestamp,
        )  # fmt: skip
        for metric in model.metrics or []:
            put(
                "insert into insighter.logged_model_metrics (project_id, model_id, key, run_id, dataset_name,"
                " dataset_digest, value, step, time) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                project, model.model_id, metric.key, UUID(metric.run_id), metric.dataset_name, metric.dataset_digest,
                metric.value, metric.step, metric.timestamp,
            )  # fmt: skip
    both = "tags.`mlflow.prompt.is_prompt` = 'true'"
    for model in [
        *theirs.registry.search_registered_models(),
        *theirs.registry.search_registered_models(both),
    ]:
        (made,) = put(
            "insert into insighter.registered_models (project_id, name, tags, created_by, created_at, updated_at)"
            " values (%s, %s, %s, %s, to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0)) returning id",
            project, model.name, Jsonb(model._tags), person.user_id, model.creation_timestamp,
            model.last_updated_timestamp,
        )  # fmt: skip
        for version in theirs.registry.search_model_versions(
            f"name = '{model.name}'" + (f" AND {both}" if model._is_prompt() else "")
        ):
            put(
                "insert into insighter.model_versions (project_id, model_id, version, source, root, root_path, run_id,"
                " tags, created_by, created_at, updated_at) values (%s, %s, %s, %s, '', '', %s, %s, %s,"
                " to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0))",
                project, made[0], version.version, version.source, UUID(version.run_id), Jsonb(version.tags),
                person.user_id, version.creation_timestamp, version.last_updated_timestamp,
            )  # fmt: skip
    return person.kernel(project), ids


def asked(filter: str, order: list[str], vocabulary: Vocabulary) -> dict[str, Any]:
    """The arguments of a search."""
    return {
        "filter": [condition.as_json() for condition in parse_filter(filter, vocabulary)],
        "order": [one.as_json() for one in parse_orders(order, vocabulary)],
    }


SAID: dict[str, Any] = {}
"""MLflow's answers, or its refusals: asked once for all versions of PostgreSQL."""


def same(theirs: Callable[[], list[Any]], ours: Callable[[], list[Any]], what: Any) -> None:
    """Both answer the same, or both refuse."""
    key = f"{theirs.__qualname__} {what}"
    if key not in SAID:
        try:
            SAID[key] = theirs()
        except Exception as error:  # INVALID_PARAMETER_VALUE, or what MLflow's server answers with 500
            SAID[key] = error
    if isinstance(SAID[key], Exception):
        with pytest.raises(Invalid):
            pytest.fail(f"{what}: answered {ours()}, where MLflow says {SAID[key]}")
    else:
        assert ours() == SAID[key], what


@pytest.mark.parametrize("filter", RUN_FILTERS)
def test_filters_of_runs(theirs: Pair, ours: tuple[Person, dict[str, str]], filter: str) -> None:
    person, ids = ours
    experiment = theirs.experiments[0]

    def answer() -> list[str]:
        found = person.call(
            "runs_search_protocol", experiment_ids=[ids[experiment]], **asked(filter, [], RUNS)
        )
        return [run["info"]["run_id"] for run in found["runs"]]

    if filter in STRICTER:
        with pytest.raises(Invalid):
            answer()
        return
    same(
        lambda: [run.info.run_id for run in theirs.store.search_runs([experiment], filter, 1, 1000)],
        answer,
        filter,
    )


@pytest.mark.parametrize("order", RUN_ORDERS, ids=[", ".join(one) or "none" for one in RUN_ORDERS])
@pytest.mark.parametrize("view", [1, 3])
def test_orders_of_runs(
    theirs: Pair, ours: tuple[Person, dict[str, str]], order: list[str], view: int
) -> None:
    person, ids = ours
    experiment = theirs.experiments[0]

    def answer() -> list[str]:
        seen: list[str] = []
        cursor = None
        while True:
            found = person.call(
                "runs_search_protocol",
                experiment_ids=[ids[experiment]],
                view={1: "active", 3: "all"}[view],
                limit=5,
                cursor=cursor,
                **asked("", order, RUNS),
            )
            seen += [run["info"]["run_id"] for run in found["runs"]]
            assert len(found["runs"]) == 5 or "next_page_token" not in found
            if (cursor := found.get("next_page_token")) is None:
                return seen

    same(
        lambda: [
            run.info.run_id for run in theirs.store.search_runs([experiment], "", view, 1000, order or None)
        ],
        answer,
        (order, view),
    )


def test_runs_by_their_ids(theirs: Pair, ours: tuple[Person, dict[str, str]]) -> None:
    person, ids = ours
    experiment = theirs.experiments[0]
    some = [run.info.run_id for run in theirs.store.search_runs([experiment], "", 1, 4)]
    for operator in ("IN", "NOT IN"):
        filter = f"run_id {operator} ({', '.join(repr(one) for one in some)})"
        expected = [run.info.run_id for run in theirs.store.search_runs([experiment], filter, 1, 1000)]
        found = person.call(
            "runs_search_protocol", experiment_ids=[ids[experiment]], **asked(filter, [], RUNS)
        )
        assert [run["info"]["run_id"] for run in found["runs"]] == expected


def test_the_answer_is_that_of_the_protocol(theirs: Pair, ours: tuple[Person, dict[str, str]]) -> None:
    """Each run with all that MLflow's own server tells of it."""
    from google.protobuf.json_format import ParseDict
    from mlflow.entities import Run
    from mlflow.protos import service_pb2

    person, ids = ours
    experiment = theirs.experiments[0]
    found = person.call("runs_search_protocol", experiment_ids=[ids[experiment]], view="all")
    expected = {run.info.run_id: run for run in theirs.store.search_runs([experiment], "", 3, 1000)}
    assert len(found["runs"]) == len(expected)
    for told in found["runs"]:
        run = Run.from_proto(ParseDict(told, service_pb2.Run()))
        other = expected[run.info.run_id]
        assert repr(sorted(run.data.metrics.items())) == repr(sorted(other.data.metrics.items()))
        assert (run.data.params, run.data.tags) == (other.data.params, other.data.tags)
        info, same_info = dict(run.info), dict(other.info)
        for unlike in ("artifact_uri", "experiment_id"):
            info.pop(unlike), same_info.pop(unlike)
        assert info == same_info
        assert read(run) == read(other)
    one = person.call("runs_get_protocol", run_id=told["info"]["run_id"])
    assert one == {"run": told}


def read(run: Any) -> list[Any]:
    """The datasets that a run read, with the values of their tags."""
    return sorted(
        (one.dataset.name, one.dataset.digest, [tag.value for tag in one.tags])
        for one in run.inputs.dataset_inputs
    )


EXPERIMENT_SEARCHES: list[tuple[str, list[str]]] = [
    ("", []),
    ("name = 'experiment 0'", []),
    ("name != 'experiment 0'", []),
    ("name LIKE 'experiment%'", ["name"]),
    ("attribute.name ILIKE 'EXPERIMENT%'", ["name DESC"]),
    ("name LIKE '%ü%'", []),
    ("tags.team = 'blue'", []),
    ("tag.team ILIKE 'BLUE'", []),
    ("tags.team != 'blue'", []),
    ("tags.team IS NULL", []),
    ("tags.`a b` IS NOT NULL", []),
    ("creation_time > 0 AND tags.team = 'red'", ["creation_time"]),
    ("last_update_time < 5", []),
    ("", ["creation_time ASC"]),
    ("", ["last_update_time DESC", "name"]),
    ("", ["experiment_id"]),
    ("", ["experiment_id DESC"]),
    ("name > 'a'", []),
    ("name = 5", []),
    ("name IS NULL", []),
    ("name IN ('a')", []),
    ("creation_time > 1.5", []),
    ("creation_time = 'x'", []),
    ("attributes.name = 'x'", []),
    ("metrics.x > 1", []),
    ("nothing = 'x'", []),
    ("tags.team > 'x'", []),
    ("", ["tags.team"]),
    ("", ["nothing"]),
]


@pytest.mark.parametrize(("filter", "order"), EXPERIMENT_SEARCHES)
@pytest.mark.parametrize("view", [1, 2, 3])
def test_experiments(
    theirs: Pair, ours: tuple[Person, dict[str, str]], filter: str, order: list[str], view: int
) -> None:
    person, _ = ours
    same(
        lambda: [one.name for one in theirs.store.search_experiments(view, 1000, filter, order or None)],
        lambda: [
            one["name"]
            for one in person.call(
                "experiments_search",
                view={1: "active", 2: "deleted", 3: "all"}[view],
                **asked(filter, order, EXPERIMENTS),
            )["items"]
        ],
        (filter, order, view),
    )


LOGGED: list[tuple[str, list[dict[str, Any]], list[dict[str, str]]]] = [
    ("", [], []),
    ("name = 'model'", [], []),
    ("attributes.name != 'model'", [], []),
    ("name LIKE 'm%'", [{"field_name": "name"}], []),
    ("name ILIKE 'm%'", [{"field_name": "name", "ascending": False}], []),
    ("model_type = 'torch'", [{"field_name": "creation_timestamp", "ascending": True}], []),
    ("name IN ('model', 'other')", [], []),
    ("name NOT IN ('model')", [], []),
    ("params.kind = 'a'", [], []),
    ("params.kind LIKE 'c%'", [], []),
    ("params.kind IN ('a', 'b')", [], []),
    ("tags.team = 'blue' AND params.kind != 'a'", [], []),
    ("metrics.f1 > 0.5", [], []),
    ("metrics.f1 <= 0.5", [], []),
    ("metrics.f1 > 0.1 AND metrics.f1 < 0.4", [], []),
    ("metrics.f1 > 0.1", [], [{"dataset_name": "wine"}]),
    ("metrics.f1 > 0.1", [], [{"dataset_name": "beer"}, {"dataset_name": "wine", "dataset_digest": "d2"}]),
    ("", [], [{"dataset_name": "beer"}]),
    ("", [], [{"dataset_name": "100%"}]),
    ("creation_timestamp > 0", [{"field_name": "model_id"}], []),
    ("creation_time > 0", [], []),
    ("last_updated_timestamp < 5", [], []),
    ("", [{"field_name": "metrics.f1"}], []),
    ("", [{"field_name": "metrics.f1", "ascending": False}], []),
    ("", [{"field_name": "metrics.f1", "dataset_name": "wine"}], []),
    (
        "",
        [{"field_name": "metrics.f1", "dataset_name": "wine", "dataset_digest": "d2", "ascending": False}],
        [],
    ),
    ("", [{"field_name": "model_type"}, {"field_name": "metrics.f1", "ascending": False}], []),
    ("name > 'a'", [], []),
    ("metrics.f1 LIKE 'x'", [], []),
    ("params.kind IS NULL", [], []),
    ("name = 'a' OR name = 'b'", [], []),
    ("attribute.name = 'x'", [], []),
    ("creation_timestamp > 'x'", [], []),
    ("nothing = 'x'", [], []),
    ("", [{"field_name": "nothing"}], []),
    ("", [{"field_name": "params.kind"}], []),
    ("", [], [{"dataset_digest": "d2"}]),
]


@pytest.mark.parametrize(("filter", "order", "datasets"), LOGGED)
def test_logged_models(
    theirs: Pair,
    ours: tuple[Person, dict[str, str]],
    filter: str,
    order: list[dict[str, Any]],
    datasets: list[dict[str, str]],
) -> None:
    person, ids = ours

    def answer() -> list[str]:
        seen: list[str] = []
        cursor = None
        while True:
            found = person.call(
                "logged_models_search",
                experiment_ids=[ids[one] for one in theirs.experiments],
                filter=searching.conditions(filter, LOGGED_MODELS),
                order=[searching._model_order(one) for one in order],
                datasets=[searching._dataset(one) for one in datasets],
                limit=5,
                cursor=cursor,
            )
            seen += [one["id"] for one in found["items"]]
            if (cursor := found["cursor"]) is None:
                return seen

    same(
        lambda: [
            one.model_id
            for one in theirs.store.search_logged_models(
                theirs.experiments, filter, datasets or None, 1000, order or None
            )
        ],
        answer,
        (filter, order, datasets),
    )


PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"

MODELS: list[tuple[str, list[str]]] = [
    ("", []),
    ("name = 'wine 0'", []),
    ("name != 'wine 0'", []),
    ("name LIKE 'wine%'", ["name DESC"]),
    ("name ILIKE 'wine%'", []),
    ("name IN ('wine 0', 'beer 1')", []),
    ("name NOT IN ('wine 0')", []),
    ("tags.team = 'blue'", []),
    ("tag.team != 'blue'", []),
    ("tags.team LIKE 'b%' AND name LIKE 'w%'", []),
    (PROMPTS, []),
    ("tags.`mlflow.prompt.is_prompt` != 'true'", []),
    ("tags.`mlflow.prompt.is_prompt` = 'false'", []),
    ("tags.`mlflow.prompt.is_prompt` != 'false'", []),
    (f"{PROMPTS} AND tags.team = 'red'", []),
    ("", ["timestamp"]),
    ("", ["last_updated_timestamp DESC", "name DESC"]),
    ("name > 'a'", []),
    ("name = 5", []),
    ("tags.team IN ('a')", []),
    ("run_id = 'x'", []),
    ("", ["creation_timestamp"]),
    ("", ["nothing"]),
]


@pytest.mark.parametrize(("filter", "order"), MODELS)
def test_registered_models(
    theirs: Pair, ours: tuple[Person, dict[str, str]], filter: str, order: list[str]
) -> None:
    person, _ = ours
    same(
        lambda: [one.name for one in theirs.registry.search_registered_models(filter, 1000, order or None)],
        lambda: [
            one["name"]
            for one in person.call("models_search", **asked(filter, order, REGISTERED_MODELS))["items"]
        ],
        (filter, order),
    )


VERSIONS: list[tuple[str, list[str]]] = [
    ("", []),
    ("name = 'wine 6'", []),
    ("name LIKE '%e%'", ["version_number", "name"]),
    ("name IN ('wine 6', 'beer 1')", []),
    ("version_number > 1", ["name DESC"]),
    ("version_number = '2'", []),
    ("version_number != 2", ["creation_timestamp"]),
    ("source_path = 'file:///m/1'", []),
    ("source_path LIKE 'file:%'", ["last_updated_timestamp"]),
    ("tags.stage = 's1'", []),
    (PROMPTS, []),
    ("tags.`mlflow.prompt.is_prompt` != 'true'", []),
    ("run_id IN ('nothing')", []),
    ("run_id != 'nothing'", []),
    ("version_number > 1.5", []),
    ("version_number = 'x'", []),
    ("version_number LIKE '1'", []),
    ("name > 'x'", []),
    ("source_path IN ('x')", []),
    ("", ["nothing"]),
    ("", ["run_id"]),
]


@pytest.mark.parametrize(("filter", "order"), VERSIONS)
def test_model_versions(
    theirs: Pair, ours: tuple[Person, dict[str, str]], filter: str, order: list[str]
) -> None:
    person, _ = ours
    same(
        lambda: [
            (one.name, int(one.version))
            for one in theirs.registry.search_model_versions(filter, 1000, order or None)
        ],
        lambda: [
            (one["name"], one["version"])
            for one in person.call("model_versions_search", **asked(filter, order, MODEL_VERSIONS))["items"]
        ],
        (filter, order),
    )
