"""What the SDK raises. The class says what is missing, the message says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any


class InsighterClientError(Exception):
    """Base of all errors of the SDK.

    Attributes:
        status: the HTTP status of the server's answer; None where there was no answer.
        code: a stable word for programs.
        hint: what to do next.
        details: anything else the server said.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "error",
        hint: str | None = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        end = "" if self.message.endswith((".", "!", "?", ":")) else "."
        return f"{self.message}{end} {self.hint[:1].upper()}{self.hint[1:]}"


class NotConnected(InsighterClientError):
    """This Python does not know a server."""


class ServerUnreachable(InsighterClientError):
    """The server does not answer."""


class CredentialExpired(InsighterClientError):
    """The server does not know this credential (any more)."""


class NotFound(InsighterClientError, LookupError):
    """Base of what is not there, or not for these eyes."""


class ProjectNotFound(NotFound):
    """No such project."""


class DatasetNotFound(NotFound):
    """No such dataset."""


class DatasetVersionNotFound(NotFound):
    """No such version of a dataset."""


class RunNotFound(NotFound):
    """No such run."""


class ModelNotFound(NotFound):
    """No such registered model."""


class ModelVersionNotFound(NotFound):
    """No such version or alias of a registered model."""


class DeploymentNotFound(NotFound):
    """No such endpoint."""


class DownloadFailed(InsighterClientError):
    """What arrived is not what the server announced."""


class DeploymentFailed(InsighterClientError):
    """An endpoint did not become healthy.

    Attributes:
        reason: why, in words.
        log: the last lines of its process.
    """

    def __init__(
        self, name: str, reason: str, log: Sequence[str], *, code: str = "deployment_failed"
    ) -> None:
        tail = "\n".join(f"    {line}" for line in log[-15:])
        said = f"\n\nThe end of its log:\n{tail}" if tail else ""
        super().__init__(
            f'the endpoint "{name}" failed: {reason}{said}', code=code, details={"log": list(log)}
        )
        self.reason = reason
        self.log = list(log)


class DeploymentTimeout(InsighterClientError):
    """An endpoint takes longer than whoever waits for it."""


class PredictionFailed(InsighterClientError):
    """An endpoint refused the input or failed on it."""


def missing(
    error: type[NotFound],
    what: str,
    name: object,
    where: str,
    names: Sequence[str],
    see: str,
    code: str = "not_found",
) -> NotFound:
    """An error that names what is missing, guesses what was meant, and says where to look.

    Args:
        error: its class.
        what: "dataset".
        name: what was asked for.
        where: 'project "Wine quality"'.
        names: what there is.
        see: the call that lists it.
    """
    close = difflib.get_close_matches(str(name).lower(), [known.lower() for known in names], n=1, cutoff=0.5)
    guess = next((known for known in names if close and known.lower() == close[0]), None)
    hint = f'Did you mean "{guess}"? ' if guess else ""
    if len(names) > 1:
        hint += f"{see} shows all {len(names)}."
    elif names and not guess:
        hint += f'The only one is "{names[0]}".'
    elif not names:
        hint += "There is none yet."
    return error(f'no {what} "{name}" in {where}', status=404, code=code, hint=hint.strip() or None)
