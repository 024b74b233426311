"""Types of the presence API."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from insighter_ext.models import View


class Present(View):
    """Somebody who has the project open."""

    user_id: UUID
    display_name: str
    away: bool = Field(description="The page is open, and nobody looks at it.")
    since: datetime


class Presence(View):
    """Who has the project open now, each person once. Nobody, for who is no member."""

    items: list[Present]
