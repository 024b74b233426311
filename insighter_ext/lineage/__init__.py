"""Lineage: what was made from what, over assets of every kind."""
