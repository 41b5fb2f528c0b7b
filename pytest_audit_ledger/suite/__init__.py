"""Suites: from YAML files to checks. Start with `loader.py`; `check.py` has the result."""
