"""The bus: what happens in a project, told to everybody who listens."""
