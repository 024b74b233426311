"""The queries that MLflow's web pages send as GraphQL, answered by the endpoints of its REST protocol.

A schema of its own in place of MLflow's, which would import the whole of MLflow's server. It has what the pages ask
for and nothing that contains itself, so an answer cannot grow beyond what a few calls give.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from insighter_ext.errors import InsighterError, Invalid
from insighter_ext.principal import Principal
from insighter_ext.tracking.error_codes import error_code
from insighter_ext.tracking.protocol import Fields, Json

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo, GraphQLSchema

    from insighter_ext.tracking.endpoints import Endpoint

_MOST_TOKENS = 500
_SCHEMA = """
directive @component(name: String!) on QUERY
scalar LongString
type Query {
  mlflowGetExperiment(input: MlflowGetExperimentInput): MlflowGetExperimentResponse
  mlflowGetRun(input: MlflowGetRunInput): MlflowGetRunResponse
  mlflowSearchRuns(input: MlflowSearchRunsInput): MlflowSearchRunsResponse
  mlflowGetMetricHistoryBulkInterval(
    input: MlflowGetMetricHistoryBulkIntervalInput
  ): MlflowGetMetricHistoryBulkIntervalResponse
}
input MlflowGetExperimentInput { experimentId: String }
input MlflowGetRunInput { runId: String runUuid: String }
input MlflowSearchRunsInput {
  experimentIds: [String] filter: String runViewType: String maxResults: Int orderBy: [String] pageToken: String
}
input MlflowGetMetricHistoryBulkIntervalInput {
  runIds: [String] metricKey: String startStep: Int endStep: Int maxResults: Int
}
type ApiError { code: String message: String helpUrl: String }
type Tag { key: String value: String }
type MlflowGetExperimentResponse { experiment: MlflowExperiment apiError: ApiError }
type MlflowGetRunResponse { run: MlflowRun apiError: ApiError }
type MlflowSearchRunsResponse { runs: [MlflowRun!] nextPageToken: String apiError: ApiError }
type MlflowGetMetricHistoryBulkIntervalResponse { metrics: [MlflowMetric!] apiError: ApiError }
type MlflowExperiment {
  experimentId: String name: String artifactLocation: String lifecycleStage: String lastUpdateTime: LongString
  creationTime: LongString tags: [Tag!] effectiveTraceArchivalRetention: String workspace: String
}
type MlflowRun {
  info: MlflowRunInfo data: MlflowRunData inputs: MlflowRunInputs outputs: MlflowRunOutputs
  experiment: MlflowExperiment modelVersions: [MlflowModelVersion!]
}
type MlflowRunInfo {
  runId: String runUuid: String runName: String experimentId: String userId: String status: String
  startTime: LongString endTime: LongString artifactUri: String lifecycleStage: String
}
type MlflowRunData { metrics: [MlflowMetric!] params: [Tag!] tags: [Tag!] }
type MlflowMetric {
  key: String value: Float timestamp: LongString step: LongString runId: String modelId: String
  datasetName: String datasetDigest: String
}
type MlflowRunInputs { datasetInputs: [MlflowDatasetInput!] modelInputs: [MlflowModelInput!] }
type MlflowDatasetInput { tags: [Tag!] dataset: MlflowDataset }
type MlflowDataset {
  name: String digest: String sourceType: String source: String schema: String profile: String
}
type MlflowModelInput { modelId: String }
type MlflowRunOutputs { modelOutputs: [MlflowModelOutput!] }
type MlflowModelOutput { modelId: String step: LongString }
type MlflowModelVersion {
  name: String version: String creationTimestamp: LongString lastUpdatedTimestamp: LongString userId: String
  currentStage: String description: String source: String runId: String status: String statusMessage: String
  tags: [Tag!] runLink: String aliases: [String] modelId: String
}
"""
_CAPITAL = re.compile(r"(?=[A-Z])")


class GraphQL:
    """See the module.

    Args:
        find: gives the endpoint of a method and a path below ``mlflow/``.
    """

    def __init__(self, find: Callable[[str, str], tuple[Endpoint, dict[str, str]]]) -> None:
        self._find = find

    async def answer(
        self, principal: Principal, query: str, variables: Json, operation: str | None = None
    ) -> Json:
        """``{data, errors}`` of a query.

        Raises:
            Invalid: it is no query, or a long one.
        """
        from graphql import ExecutionResult, GraphQLError, execute, parse, validate

        schema = _schema()
        try:
            document = parse(query, max_tokens=_MOST_TOKENS)
        except GraphQLError as error:
            raise Invalid(f"this is no query that is answered here: {error.message}") from None
        if problems := validate(schema, document, max_errors=5) or _too_wide(document):
            return {"data": None, "errors": [problem.message for problem in problems]}
        outcome = execute(
            schema,
            document,
            variable_values=variables,
            operation_name=operation,
            context_value=_Asked(self._find, principal),
            field_resolver=_field,
        )
        result = outcome if isinstance(outcome, ExecutionResult) else await outcome
        errors = [error.message for error in result.errors] if result.errors else None
        return {"data": result.data, "errors": errors}


class _Asked:
    """One request: whoever asks, and what was looked up for it already."""

    def __init__(
        self, find: Callable[[str, str], tuple[Endpoint, dict[str, str]]], principal: Principal
    ) -> None:
        self._find = find
        self._principal = principal
        # What is on its way already: the rows of an answer are resolved all at once, and ask the same.
        self._experiments: dict[str, asyncio.Task[Json]] = {}
        self._versions: asyncio.Task[dict[str, list[Json]]] | None = None

    async def call(self, method: str, path: str, fields: Json) -> Json:
        endpoint, _ = self._find(method, path)
        found: Any = await endpoint(self._principal, Fields(fields))
        # Some endpoints give the JSON that the database made, as it is.
        answer: Json = json.loads(found) if isinstance(found, str) else found
        return answer

    async def told(self, method: str, path: str, asked: Json | None) -> Json:
        """What an endpoint answers; what it refuses stands in the answer, where the pages look for it."""
        fields = {_snake(name): value for name, value in (asked or {}).items() if value is not None}
        try:
            return await self.call(method, path, fields)
        except InsighterError as error:
            message = f"{error.message} ({error.hint})" if error.hint else error.message
            return {"api_error": {"code": error_code(error)[1], "message": message}}

    async def experiment(self, experiment_id: str) -> Json:
        if experiment_id not in self._experiments:
            asked = self.call("GET", "experiments/get", {"experiment_id": experiment_id})
            self._experiments[experiment_id] = asyncio.ensure_future(asked)
        found: Json = (await self._experiments[experiment_id])["experiment"]
        return found

    async def versions(self, run_id: str, alone: bool) -> list[Json]:
        """Model versions that come from a run; of many runs they are read once."""
        if alone:
            found = await self.call("GET", "model-versions/search", {"filter": f"run_id = '{run_id}'"})
            return list(found["model_versions"])
        if self._versions is None:
            self._versions = asyncio.ensure_future(self._all_versions())
        return (await self._versions).get(run_id, [])

    async def _all_versions(self) -> dict[str, list[Json]]:
        of_runs: dict[str, list[Json]] = {}
        for version in (await self.call("GET", "model-versions/search", {}))["model_versions"]:
            of_runs.setdefault(version["run_id"], []).append(version)
        return of_runs


def _field(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    if info.path.prev is None:
        method, path = {
            "mlflowGetExperiment": ("GET", "experiments/get"),
            "mlflowGetRun": ("GET", "runs/get"),
            "mlflowSearchRuns": ("POST", "runs/search"),
            "mlflowGetMetricHistoryBulkInterval": ("GET", "metrics/get-history-bulk-interval"),
        }[info.field_name]
        return info.context.told(method, path, arguments.get("input"))
    if info.parent_type.name == "MlflowRun":
        if info.field_name == "experiment":
            return info.context.experiment(source["info"]["experiment_id"])
        if info.field_name == "modelVersions":
            alone = info.path.prev.key == "run"
            return info.context.versions(source["info"]["run_id"], alone)
    value = source.get(_snake(info.field_name))
    if info.parent_type.name == "MlflowMetric" and info.field_name == "value":
        # NaN and infinities are texts in the REST protocol, and nothing in GraphQL.
        return float(value) if math.isfinite(float(value)) else None
    return value


def _too_wide(document: Any) -> list[Any]:
    from graphql import FieldNode, GraphQLError, OperationDefinitionNode

    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            asked = definition.selection_set.selections
            if len(asked) != 1 or not isinstance(asked[0], FieldNode):
                return [GraphQLError("one query at a time")]
    return []


@functools.cache
def _schema() -> GraphQLSchema:
    from graphql import build_schema

    schema = build_schema(_SCHEMA)
    # 64-bit integers are texts, because a page's numbers are not that long.
    schema.type_map["LongString"].serialize = str  # type: ignore[attr-defined]
    return schema


@functools.cache
def _snake(name: str) -> str:
    return _CAPITAL.sub("_", name).lower()
