"""Suites: from a YAML file to checks. `loader.py` is the way in, `check.py` says what a suite holds."""
