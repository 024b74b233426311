"""Experiments: MLflow's tracking protocol on our own tables, and what the panels show of it."""
