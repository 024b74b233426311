"""Supabase mode: its adapters, against a double of the project and against an independent emulator."""
