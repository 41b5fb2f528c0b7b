# Public targets: demo, test, lint, bench. Nothing but Python, make and the package registry is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench
.DEFAULT_GOAL := test

# A stamp for each extra, so that an unchanged pyproject.toml installs nothing twice.
$(VENV)/.installed-%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

demo: $(VENV)/.installed-demo
	$(BIN)/python -m pytest --ledger-db=demo integrity.ledger.yaml

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -m tests.benchmarks.compare
