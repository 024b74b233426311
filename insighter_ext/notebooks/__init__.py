"""Notebooks of a project's folder: assets whose versions are snapshots of what ran."""
