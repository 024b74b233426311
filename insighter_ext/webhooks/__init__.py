"""Webhooks: what happens to models, told to addresses outside."""
