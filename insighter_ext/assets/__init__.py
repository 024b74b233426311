"""Assets of every kind: listed, found, pinned."""
