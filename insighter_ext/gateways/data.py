"""The port to the database: one call is one SQL function, run in one transaction as the caller."""

from __future__ import annotations

from typing import Any, Protocol

from insighter_ext.principal import Principal


class DataGateway(Protocol):
    """Calls the SQL functions of ``insighter_ext/schema`` under the caller's row-level security."""

    async def call(self, principal: Principal | None, function: str, **arguments: Any) -> Any:
        """Call one function and return its ``jsonb`` result as Python values.

        Args:
            principal: whoever asks; None calls as ``anon``.
            function: the function's name, without schema.
            arguments: by the function's argument names without their ``p_`` prefix. Dictionaries and lists go as
                ``jsonb``, UUIDs and dates as text.

        Raises:
            InsighterError: what the function raised, by its status.
            Unavailable: the database does not answer.
        """
        ...

    async def call_text(self, principal: Principal | None, function: str, **arguments: Any) -> str:
        """The same for a function whose answer is sent on as it is: its JSON as text, not taken apart here."""
        ...
