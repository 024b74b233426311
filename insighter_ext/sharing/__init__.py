"""Sharing: members, visibility, organisations, invitations, requests for access, and assets that are more closed."""
