"""What PostgreSQL reports, as domain errors: the same ones whichever adapter it came through."""

from __future__ import annotations

import json
from typing import Any

from insighter_ext import errors

# SQLSTATE → HTTP status; functions raise PTnnn themselves.
_STATUS = {
    "42501": 403,  # insufficient_privilege: row-level security refused a row
    "23505": 409,  # unique_violation
    "23503": 409,  # foreign_key_violation
    "23001": 409,  # restrict_violation: the same where a key says "on delete restrict", from PostgreSQL 18 on
    "23514": 422,  # check_violation
    "23502": 422,  # not_null_violation
    "54000": 422,  # program_limit_exceeded: a text too long for its index
    "54001": 422,  # statement_too_complex: nested too deeply
    "57014": 504,  # query_canceled
}


def domain_error(sqlstate: str, message: str, detail: str | None, hint: str | None) -> errors.InsighterError:
    """The domain error for what PostgreSQL reports; both gateways map alike.

    A function that raises ``PTnnn`` puts a stable code word in ``DETAIL``, or a JSON object with ``code`` and
    ``details``.
    """
    if sqlstate.startswith("PT") and sqlstate[2:].isdigit():
        code, details = _detail(detail)
        return errors.from_status(int(sqlstate[2:]), message, hint=hint, code=code, details=details)
    if sqlstate in _STATUS:
        return errors.from_status(_STATUS[sqlstate], message, hint=hint)
    if sqlstate[:2] == "22":  # data exceptions: a value that its type does not take, such as a made-up cursor
        return errors.Invalid(message, hint=hint)
    if sqlstate[:2] in {"08", "53", "57"}:
        return errors.Unavailable("the database does not answer", hint="try again in a moment")
    return errors.InsighterError(f"the database refused the call ({sqlstate}): {message}")


def _detail(text: str | None) -> tuple[str | None, Any]:
    if text is None or not text.startswith("{"):
        return text, None
    found = json.loads(text)
    return found["code"], found["details"]
