"""The OpenAPI document, made from the handlers and their models.

``python -m server_handlers.openapi`` prints it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from insighter_ext import __version__
from server_handlers.base import API, ApiHandler, Operation, declared

_TYPES = {"uuid": {"type": "string", "format": "uuid"}, "int": {"type": "integer"}, "str": {"type": "string"}}
_ALWAYS = (401, 403, 503)


class OpenApiHandler(ApiHandler):
    """The document itself."""

    path, tag = "/openapi.json", "status"

    async def get(self) -> None:
        """The OpenAPI document; it describes every other route."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(document()))


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """OpenAPI 3.1 of the JSON API."""
    from server_handlers.routes import API_HANDLERS

    models: set[tuple[type[BaseModel], str]] = set()
    for handler in API_HANDLERS:
        for operation in declared(handler).values():
            models |= {(model, "validation") for model in (operation.query, operation.body) if model}
            models |= {(model, "serialization") for model in (operation.returns,) if model}
    ordered = sorted(models, key=lambda item: (item[0].__name__, item[1]))
    references, schemas = models_json_schema(
        ordered,  # type: ignore[arg-type]
        ref_template="#/components/schemas/{model}",
    )
    definitions = dict(sorted(schemas.get("$defs", {}).items()))
    definitions["Error"] = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "details": {},
            "hint": {"type": ["string", "null"]},
        },
    }
    paths: dict[str, Any] = {}
    for handler in API_HANDLERS:
        path = API + handler._ARGUMENT.sub(r"{\1}", handler.path)
        paths[path] = {
            method: _operation(handler, method, operation, references, definitions)
            for method, operation in declared(handler).items()
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Insighter", "version": __version__},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    handler: type[ApiHandler], method: str, operation: Operation, references: Any, definitions: dict[str, Any]
) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TYPES[kind]}
        for name, kind in handler.parameters().items()
    ]
    if operation.query is not None:
        schema = definitions[references[operation.query, "validation"]["$ref"].rsplit("/", 1)[1]]
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": value}
            for name, value in schema["properties"].items()
        ]
    success: dict[str, Any] = {"description": operation.summary}
    if operation.returns is not None:
        success["content"] = {"application/json": {"schema": references[operation.returns, "serialization"]}}
    elif operation.media_out is not None:
        success["content"] = {operation.media_out: {"schema": {"type": "string", "format": "binary"}}}
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    invalid = (422,) if operation.query or operation.body else ()
    statuses = sorted({*_ALWAYS, *operation.errors, *invalid, *((400,) if operation.body else ())})
    result: dict[str, Any] = {
        "operationId": f"{handler.__name__.removesuffix('Handler')}_{method}",
        "summary": operation.summary,
        "tags": [handler.tag],
        "parameters": parameters,
        "responses": {
            str(operation.status): success,
            **({str(operation.also): success} if operation.also is not None else {}),
            **{str(status): {"description": "An error", **error} for status in statuses},
        },
    }
    if operation.body is not None:
        result["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[operation.body, "validation"]}},
        }
    elif operation.media_in is not None:
        result["requestBody"] = {
            "required": True,
            "content": {operation.media_in: {"schema": {"type": "string", "format": "binary"}}},
        }
    return result


if __name__ == "__main__":
    print(json.dumps(document(), indent=1))
