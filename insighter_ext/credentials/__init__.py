"""Revocable credentials: what kernels, browsers and programs hold instead of a password."""
