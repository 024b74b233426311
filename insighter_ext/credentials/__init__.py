"""Revocable credentials: what a kernel holds instead of its user's."""
