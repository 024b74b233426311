"""OpenTelemetry's protocol: exports of spans as ``/v1/traces`` takes them, in protocol buffers or JSON.

The body is bounded before anything is made of it, unpacked too. What it takes to read it is imported with the first
export.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import TYPE_CHECKING, Any

from insighter_ext.errors import BadRequest, TooLarge
from insighter_ext.traces.spans import Export, Scope

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MAX_UNPACKED = 64 * 2**20
"""The same, unpacked."""

MAX_SPANS = 10_000
"""Spans of an export."""

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_IDS = ("traceId", "spanId", "parentSpanId")


def read(body: bytes, content_type: str, content_encoding: str) -> Export:
    """The spans of an export.

    Args:
        body: as it was sent.
        content_type: of the request's header.
        content_encoding: the same; gzip, deflate, or nothing.

    Raises:
        BadRequest: it is no such export.
        TooLarge: it is larger than an export may be.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media not in (PROTOBUF, JSON):
        raise BadRequest(
            f"Invalid Content-Type: {content_type[:100]!r}. Expected: {PROTOBUF} or {JSON}",
            hint="export by OTLP over HTTP",
        )
    message = _message(unpacked(body, content_encoding.strip().lower()), media)
    if not message.resource_spans:
        raise BadRequest("Invalid OpenTelemetry format - no spans found")
    scopes = [
        Scope(resource.resource, scope.spans)
        for resource in message.resource_spans
        for scope in resource.scope_spans
    ]
    if (count := sum(len(scope.spans) for scope in scopes)) > MAX_SPANS:
        raise TooLarge(
            f"the export has {count} spans, at most {MAX_SPANS} go at once", hint="export them in parts"
        )
    return Export.of(scopes)


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding, never more than :data:`MAX_UNPACKED` of it."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise BadRequest(
            f"Unsupported Content-Encoding: {encoding[:40]}", hint="send it as gzip, or as it is"
        )
    # Of what calls itself deflate some have the header of zlib, and some have not.
    for bits in (zlib.MAX_WBITS | 16,) if encoding == "gzip" else (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(bits)
        try:
            data = unpacker.decompress(body, MAX_UNPACKED + 1)
        except zlib.error:
            continue
        if len(data) > MAX_UNPACKED:
            raise TooLarge(
                f"the export unpacks to more than {MAX_UNPACKED // 2**20} MiB", hint="export it in parts"
            )
        if unpacker.eof:
            return data
    raise BadRequest(f"Failed to decompress {encoding} payload", hint="it is damaged, or cut off")


def answer(media: str) -> bytes:
    """What a successful export is answered: nothing was left out."""
    return b"{}" if media == JSON else b""


def _message(body: bytes, media: str) -> ExportTraceServiceRequest:
    from google.protobuf.json_format import ParseDict, ParseError
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    try:
        if media == JSON:
            ParseDict(_with_base64_ids(json.loads(body)), message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise BadRequest("Invalid OpenTelemetry format", hint="send an ExportTraceServiceRequest") from None
    return message


def _with_base64_ids(document: Any) -> Any:
    """OTLP writes ids in hexadecimal digits, where JSON of protocol buffers has base64."""
    for resource in document.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for place in (span, *span.get("links", [])):
                    for name in _IDS:
                        if value := place.get(name):
                            place[name] = base64.b64encode(binascii.unhexlify(value)).decode()
    return document
