"""Deployments: a model version as an endpoint, in a process of its own."""
