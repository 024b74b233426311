"""The trash: what was deleted, until it goes for good."""
