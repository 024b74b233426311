"""Bring what other systems keep into a project."""
