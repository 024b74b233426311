"""The database of a Supabase project."""

from __future__ import annotations

from tests.contract.data import DataContract


class TestData(DataContract):
    """As everywhere."""
