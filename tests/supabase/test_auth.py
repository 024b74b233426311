"""Accounts of a Supabase project."""

from __future__ import annotations

from tests.contract.auth import AuthContract


class TestAccounts(AuthContract):
    """As everywhere."""
