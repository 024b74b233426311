"""For tests of the disk below the object store: a database in which everybody may do everything.

What the real one allows is tested in ``tests/database/test_objects.py``.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from insighter_ext.principal import Principal

EDITOR = Principal(UUID("6f0c7a52-5d7e-4b57-9d62-16f0f3f0a002"))


class Permissive:
    """A data gateway that is asked about objects only, and says yes.

    Attributes:
        released: the projects that were deleted.
    """

    def __init__(self, *released: UUID) -> None:
        self.released = [str(project_id) for project_id in released]

    async def call(self, principal: Principal | None, function: str, **arguments: Any) -> Any:
        """See :class:`insighter_ext.gateways.data.DataGateway`."""
        if function == "objects_authorize":
            return arguments["keys"]
        assert function == "objects_released", function
        return self.released
