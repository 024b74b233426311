"""Traces: what calls of programs did, span by span, and what is said of them."""
