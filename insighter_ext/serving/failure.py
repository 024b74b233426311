"""How a start that cannot go on is told."""

from __future__ import annotations

_MESSAGE_CHARACTERS = 500


class StartFailed(Exception):
    """The start cannot go on. The message is the state's ``reason``; ``exit_code`` is the process's."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def brief(error: BaseException) -> str:
    """An exception in one line: its type and its message, cut to a length a person reads."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")[:_MESSAGE_CHARACTERS]
