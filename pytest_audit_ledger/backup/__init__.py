"""Backups: written, restored, and verified."""
