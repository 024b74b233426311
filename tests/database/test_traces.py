"""Traces: who sees and writes them, how exports come together, searching, and what goes with an experiment."""

from __future__ import annotations
