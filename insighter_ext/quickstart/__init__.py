"""The first minute: a project with real data and a notebook that goes from the table to an endpoint."""
