"""What MLflow calls the errors of this house."""

from __future__ import annotations

from insighter_ext.errors import InsighterError

# Where the status says too little.
_BY_CODE = {
    "alias_not_found": (400, "INVALID_PARAMETER_VALUE"),
    "experiment_not_deleted": (404, "RESOURCE_DOES_NOT_EXIST"),
    "feature_disabled": (400, "FEATURE_DISABLED"),
    # What is refused by a rule, whatever state it is in: clients shall not try again.
    "alias_protected": (403, "PERMISSION_DENIED"),
    "gates_failed": (403, "PERMISSION_DENIED"),
    "endpoint_not_found": (404, "ENDPOINT_NOT_FOUND"),
}


def error_code(error: InsighterError) -> tuple[int, str]:
    """MLflow's HTTP status and error code for a domain error (``mlflow/exceptions.py``)."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if error.status == 409:
        # Clients take RESOURCE_ALREADY_EXISTS for "fine, it is there": nothing else may be called so.
        return (
            (400, "RESOURCE_ALREADY_EXISTS") if error.code.endswith("_exists") else (409, "RESOURCE_CONFLICT")
        )
    return {
        400: (400, "INVALID_PARAMETER_VALUE"),
        401: (401, "UNAUTHENTICATED"),
        403: (403, "PERMISSION_DENIED"),
        404: (404, "RESOURCE_DOES_NOT_EXIST"),
        413: (400, "INVALID_PARAMETER_VALUE"),
        422: (400, "INVALID_PARAMETER_VALUE"),
        429: (429, "REQUEST_LIMIT_EXCEEDED"),
        503: (503, "TEMPORARILY_UNAVAILABLE"),
        504: (504, "DEADLINE_EXCEEDED"),
    }.get(error.status, (500, "INTERNAL_ERROR"))
