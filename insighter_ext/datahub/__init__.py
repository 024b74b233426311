"""Data Hub: datasets in immutable versions."""
