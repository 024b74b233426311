"""Traces: MLflow's endpoints, and exports of OpenTelemetry."""

from __future__ import annotations

import asyncio
import json

from insighter_ext.errors import BadRequest, Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.traces.endpoints import TracesEndpoints
from insighter_ext.traces.spans import Export

MAX_BODY = 32 * 2**20
"""Bytes of an export, as it is sent."""

_SHORT = 64_000


class TracesService:
    """See the module.

    Attributes:
        mlflow: the endpoints of MLflow's protocol.
    """

    def __init__(self, data: DataGateway) -> None:
        self._data = data
        self.mlflow = TracesEndpoints(data)

    async def put_file(self, principal: Principal, trace_id: str, body: bytes) -> None:
        """Keep the spans in the file that clients upload where their exports did not arrive, or not yet.

        Args:
            principal: whoever asks.
            trace_id: of a trace that is known.
            body: ``{"spans": […]}``.

        Raises:
            BadRequest: it is no such file.
            NotFound: there is no such trace.
        """
        trace = await self._data.call(principal, "traces_get", id=trace_id)
        export = await asyncio.to_thread(_file, trace_id, body)
        await self._data.call(
            principal,
            "traces_log_spans",
            experiment_id=trace["experiment_id"],
            traces=export.traces,
            spans=export.spans,
        )

    async def export(
        self,
        principal: Principal,
        body: bytes,
        *,
        content_type: str,
        content_encoding: str = "",
        experiment_id: str = "",
        run_id: str | None = None,
    ) -> bytes:
        """Keep the spans of an export, all of them or none.

        Args:
            principal: whoever asks.
            body: as it was sent.
            content_type: of the request's header; the answer is of the same.
            content_encoding: the same.
            experiment_id: where traces go that are not known yet.
            run_id: a run that traces which end in this export are linked to.

        Returns:
            The answer's body.

        Raises:
            BadRequest, TooLarge: it is no export, or too large a one.
            NotFound: there is no such experiment.
        """
        # Imported with the first export: reading one takes more than a server needs to start.
        from insighter_ext.traces import otlp

        if not experiment_id:
            raise Invalid(
                "Missing value for required header 'x-mlflow-experiment-id'.",
                hint="send the id of the experiment that keeps the traces",
            )
        arguments = (body, content_type, content_encoding)
        # A large one is read apart, for meanwhile others are served.
        short = len(body) <= _SHORT and not content_encoding
        export = otlp.read(*arguments) if short else await asyncio.to_thread(otlp.read, *arguments)
        if export.spans:
            await self._data.call(
                principal,
                "traces_log_spans",
                experiment_id=experiment_id,
                traces=export.traces,
                spans=export.spans,
                run_id=run_id,
            )
        return otlp.answer(content_type.partition(";")[0].strip().lower())


def _file(trace_id: str, body: bytes) -> Export:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("Invalid trace data: it is no JSON", hint='it is a file of {"spans": […]}') from None
    return Export.of_file(trace_id, document)
