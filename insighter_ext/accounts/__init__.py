"""Accounts: signing up and in, sessions of browsers, personal access tokens."""
