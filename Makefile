# `make demo` and `make test` do their own set-up: a fresh machine needs only Python 3.11 or later and make.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/ready

.PHONY: demo test test-data test-python check format constraints benchmarks clean

demo: $(READY)
	$(BIN)/fieldmark demo

test: check
	$(BIN)/pytest -m "not data"

test-data: $(READY)
	$(BIN)/pytest -m data tests

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# make test-python PY=3.13: the tests under another Python, in an environment of its own.
test-python:
	$(MAKE) test PYTHON=python$(PY) VENV=.venv-$(PY)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

# Renew constraints.txt: the newest versions that fit pyproject.toml, with torch held where it is.
constraints:
	$(PYTHON) -m venv .venv-constraints
	grep '^torch==' constraints.txt > .venv-constraints/torch.txt
	.venv-constraints/bin/pip install --quiet -c .venv-constraints/torch.txt ".[dev]"
	.venv-constraints/bin/pip freeze --exclude fieldmark --exclude pip --exclude setuptools | sed 's/+cpu$$//' > constraints.txt
	rm -rf .venv-constraints

benchmarks: $(READY)
	$(BIN)/python benchmarks/training_loop.py --json benchmarks/results/training_loop.json
	$(BIN)/python benchmarks/accuracy.py --json benchmarks/results/accuracy.json
	$(BIN)/python benchmarks/second_start.py --json benchmarks/results/second_start.json
	$(BIN)/python benchmarks/convolution.py --json benchmarks/results/convolution.json --plot docs/pictures/convolution-speed.png

clean:
	rm -rf $(VENV) .venv-* build dist src/*.egg-info
