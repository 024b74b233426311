"""The audit: who changed what, when, and from what to what, in chains that show what was tampered with."""
