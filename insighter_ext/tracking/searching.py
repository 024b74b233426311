"""Searches of runs, experiments and logged models: MLflow's endpoints, and the questions of the run table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Ready
from insighter_ext.principal import Principal
from insighter_ext.tracking import protocol
from insighter_ext.tracking.protocol import Fields, Json
from insighter_ext.tracking.search.grammar import Order, Vocabulary, parse_filter, parse_orders
from insighter_ext.tracking.search.models import GroupQuery, RunTableQuery
from insighter_ext.tracking.search.vocabularies import EXPERIMENTS, LOGGED_MODELS, RUNS

if TYPE_CHECKING:
    from insighter_ext.tracking.endpoints import Endpoint


def conditions(text: str, vocabulary: Vocabulary) -> list[Json]:
    """A filter as the database's functions take it."""
    return [condition.as_json() for condition in parse_filter(text, vocabulary)]


def orders(clauses: list[str], vocabulary: Vocabulary) -> list[Json]:
    """An order as the database's functions take it."""
    return [order.as_json() for order in parse_orders(clauses, vocabulary)]


def search_arguments(fields: Fields, vocabulary: Vocabulary) -> Json:
    """What every search endpoint of MLflow's takes: filter, order and page."""
    return {
        "filter": conditions(fields.text("filter"), vocabulary),
        "order": orders(fields.strings("order_by"), vocabulary),
        "cursor": fields.text("page_token") or None,
    }


class SearchEndpoints:
    """MLflow's search endpoints. Answers about runs come out of the database as they are sent."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint."""
        return {
            ("POST", "experiments/search"): self.experiments,
            ("GET", "experiments/search"): self.experiments,
            ("GET", "runs/get"): self.run,
            ("POST", "runs/search"): self.runs,
            ("POST", "logged-models/search"): self.models,
        }

    async def experiments(self, principal: Principal, fields: Fields) -> Json:
        """Experiments of the caller's project; newest first, where no order is given."""
        found = await self._data.call(
            principal,
            "experiments_search",
            view=fields.view("view_type"),
            limit=fields.limit(1000),
            **search_arguments(fields, EXPERIMENTS),
        )
        return protocol.page(
            "experiments", [protocol.experiment(row) for row in found["items"]], found["cursor"]
        )

    async def run(self, principal: Principal, fields: Fields) -> Ready:
        """One run with the newest value of each metric."""
        run_id = fields.required("run_id", "run_uuid")
        return Ready(await self._data.call_text(principal, "runs_get_protocol", run_id=run_id))

    async def runs(self, principal: Principal, fields: Fields) -> Ready:
        """Runs of experiments; newest first, where no order is given."""
        return Ready(
            await self._data.call_text(
                principal,
                "runs_search_protocol",
                experiment_ids=fields.strings("experiment_ids"),
                view=fields.view("run_view_type"),
                limit=fields.limit(1000),
                **search_arguments(fields, RUNS),
            )
        )

    async def models(self, principal: Principal, fields: Fields) -> Json:
        """Logged models of experiments; newest first, where no order is given."""
        found = await self._data.call(
            principal,
            "logged_models_search",
            experiment_ids=fields.strings("experiment_ids"),
            limit=fields.limit(100),
            cursor=fields.text("page_token") or None,
            filter=conditions(fields.text("filter"), LOGGED_MODELS),
            order=[_model_order(item) for item in fields.objects("order_by")],
            datasets=[_dataset(item) for item in fields.objects("datasets")],
        )
        return protocol.page(
            "models", [protocol.logged_model(row) for row in found["items"]], found["cursor"]
        )


class RunTable:
    """What the panels ask of an experiment's runs. Answers are :class:`Ready`, of the types in ``search/models.py``."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    async def query(
        self, principal: Principal, project_id: UUID, experiment_id: str, query: RunTableQuery
    ) -> Ready:
        """A page of runs with the columns asked for: a :class:`~insighter_ext.tracking.search.models.RunTable`.

        Raises:
            Invalid: the filter or the order is none; of a filter ``details`` say where.
            NotFound: the experiment is not in the project.
        """
        return Ready(
            await self._data.call_text(
                principal,
                "runs_query",
                project_id=project_id,
                experiment_id=experiment_id,
                filter=conditions(query.filter, RUNS),
                order=orders(query.order_by, RUNS),
                **query.model_dump(exclude={"filter", "order_by"}),
            )
        )

    async def keys(self, principal: Principal, project_id: UUID, experiment_id: str) -> Ready:
        """The keys of metrics, parameters and tags: a :class:`~insighter_ext.tracking.search.models.RunKeys`."""
        return Ready(
            await self._data.call_text(
                principal, "runs_keys", project_id=project_id, experiment_id=experiment_id
            )
        )

    async def groups(
        self, principal: Principal, project_id: UUID, experiment_id: str, query: GroupQuery
    ) -> Ready:
        """Runs in groups: a :class:`~insighter_ext.tracking.search.models.RunGroups`."""
        return Ready(
            await self._data.call_text(
                principal,
                "runs_groups",
                project_id=project_id,
                experiment_id=experiment_id,
                group=query.group_by,
                filter=conditions(query.filter, RUNS),
                view=query.view,
                metrics=query.metrics,
            )
        )


def _model_order(item: Json) -> Json:
    """A key to order logged models by, with the dataset that a metric was measured on."""
    name = item.get("field_name")
    if not isinstance(name, str) or not name:
        raise Invalid("`field_name` in the `order_by` clause must be specified.", code="invalid_order")
    ascending = item.get("ascending", True)
    if ascending not in (True, False, "true", "false"):
        raise Invalid(
            f"Value of `ascending` in the `order_by` clause must be a boolean, got {ascending!r} for field {name}.",
            code="invalid_order",
        )
    up = ascending in (True, "true")
    dataset = {key: _text(item.get(key)) for key in ("dataset_name", "dataset_digest") if item.get(key)}
    if "dataset_digest" in dataset and "dataset_name" not in dataset:
        raise Invalid(
            "`dataset_digest` can only be specified if `dataset_name` is also specified.",
            code="invalid_order",
        )
    prefix, dot, key = name.partition(".")
    if not dot:
        known = LOGGED_MODELS.kinds["attribute"].keys.get(name.strip())
        if known is None:
            raise Invalid(f"Invalid order by field name: {name}.", code="invalid_order")
        return Order("attribute", known.name or name.strip(), up).as_json()
    if prefix != "metrics":
        raise Invalid(
            f"Invalid order by field name: {name}. Only metrics are supported.", code="invalid_order"
        )
    return {**Order("metric", key, up).as_json(), **dataset}


def _dataset(item: Json) -> Json:
    if not item.get("dataset_name"):
        raise Invalid("`dataset_name` in the `datasets` clause must be specified.")
    return {key: _text(item[key]) for key in ("dataset_name", "dataset_digest") if item.get(key)}


def _text(value: Any) -> str:
    return Fields({"value": value}).text("value")
