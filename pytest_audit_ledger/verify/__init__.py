"""One run: every check evaluated against one snapshot."""
