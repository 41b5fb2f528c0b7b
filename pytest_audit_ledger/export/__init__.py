"""Entries as files that need no database."""
