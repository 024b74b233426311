"""The objects of a Supabase project."""

from __future__ import annotations

from tests.contract.objects import ObjectsContract


class TestObjects(ObjectsContract):
    """As everywhere."""
