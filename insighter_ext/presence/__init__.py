"""Presence: who has a project open now."""
