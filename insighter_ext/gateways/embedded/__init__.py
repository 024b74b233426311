"""The adapters that need nothing outside this machine: a bundled PostgreSQL, a folder of objects."""
