"""Every error the platform raises on purpose, with the HTTP status it maps to.

A message says what happened and, in ``hint``, what to do next. Whatever is not one of these is a defect and reaches a
client only as "internal error" with a request id.
"""

from __future__ import annotations

from typing import Any, ClassVar


class InsighterError(Exception):
    """Base of all domain errors.

    Args:
        message: one sentence for people.
        hint: what to do next.
        code: a stable word for programs; the class's own where omitted.
        details: anything else a client can use.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal"

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, details: Any = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """The one error body of the HTTP API."""
        return {"code": self.code, "message": self.message, "details": self.details, "hint": self.hint}


class BadRequest(InsighterError):
    """The request cannot be understood."""

    status = 400
    default_code = "bad_request"


class Unauthenticated(InsighterError):
    """No credential, or one that is not valid any more."""

    status = 401
    default_code = "unauthenticated"


class Forbidden(InsighterError):
    """Known, seen, and not allowed."""

    status = 403
    default_code = "forbidden"


class NotFound(InsighterError):
    """Not there, or not for the eyes of whoever asks."""

    status = 404
    default_code = "not_found"


class Conflict(InsighterError):
    """It contradicts what is there: a name taken, a state that does not allow it."""

    status = 409
    default_code = "conflict"


class TooLarge(InsighterError):
    """More bytes than the server takes."""

    status = 413
    default_code = "too_large"


class Invalid(InsighterError):
    """Understood, but its content is wrong."""

    status = 422
    default_code = "invalid"


class TooMany(InsighterError):
    """Asked too often; ``details["retry_after"]`` says for how many seconds to wait."""

    status = 429
    default_code = "rate_limited"


class Unavailable(InsighterError):
    """Something the platform needs does not answer now; trying again makes sense."""

    status = 503
    default_code = "unavailable"


class Timeout(InsighterError):
    """It took longer than allowed."""

    status = 504
    default_code = "timeout"


BY_STATUS: dict[int, type[InsighterError]] = {
    cls.status: cls
    for cls in (
        BadRequest, Unauthenticated, Forbidden, NotFound, Conflict, TooLarge, Invalid, TooMany, Unavailable, Timeout,
    )
}  # fmt: skip


def from_status(status: int, message: str, **kwargs: Any) -> InsighterError:
    """The domain error for an HTTP status, as the database and remote services name it."""
    return BY_STATUS.get(status, InsighterError)(message, **kwargs)
