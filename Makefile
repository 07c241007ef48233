# `make demo` and `make test` do their own set-up: a fresh machine needs only Python 3.11 or later and make.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/ready
PEERS = .venv-peers
DOCS = .venv-docs

# As many processes as there are cores, each with one thread: together they are as fast as the machine is.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

.PHONY: demo test test-data test-isa test-newest test-python test-peers peers check format constraints
.PHONY: constraints-peers constraints-docs benchmarks public-logits benchmarks-peers mutations audit docs clean

demo: $(READY)
	$(BIN)/fieldmark demo

test: check
	$(PYTEST) -m "not data and not peers"

test-data: $(READY)
	$(BIN)/pytest -m data tests

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What computes, on a processor that this one is not: without AVX-512 and bf16, and without any vector code of
# PyTorch's own; with one thread, and with two.
NUMERIC = tests/conv tests/evaluation tests/runs tests/shipping tests/training tests/test_reproducibility.py \
	tests/models/test_contract.py tests/models/test_overfitting.py tests/models/test_public_logits.py
THREADED = tests/conv/algorithms/test_algorithms.py tests/conv/algorithms/test_algorithm_gradients.py \
	tests/conv/pooling/test_pools.py tests/evaluation tests/shipping tests/training/test_loop.py tests/training/test_wiring.py

test-isa: $(READY)
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(PYTEST) -m "not data and not peers" $(NUMERIC)
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=2 \
		$(BIN)/pytest -m "not data and not peers" $(THREADED)

# Plant 120 slips, one at a time, and say which the tests notice. An hour or more; it goes on where it was stopped.
mutations: $(READY)
	$(BIN)/python tests/mutations.py --jobs 2

# A hundred tampered runs and classifiers, loaded, predicted with and trained from in hostile folders: what did they do?
audit: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python tests/security/audit.py --number 100

# Once a month: the newest versions of everything that pyproject.toml allows, in an environment of their own.
test-newest:
	rm -rf .venv-newest
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/pip install --disable-pip-version-check -e ".[dev]"
	OMP_NUM_THREADS=1 .venv-newest/bin/pytest -n auto --dist worksteal -m "not data and not peers"

# make test-python PY=3.13: the tests under another Python, in an environment of its own.
test-python:
	$(MAKE) test PYTHON=python$(PY) VENV=.venv-$(PY)

# Against torchvision, timm and fastai, in an environment of their own (6 GB, a minute to install): torchvision does
# not import beside a torch that was built without the operators it registers, so torch comes from PyPI here.
peers: $(PEERS)/ready

test-peers: $(PEERS)/ready
	$(PEERS)/bin/pytest -m peers tests/peers

$(PEERS)/ready: pyproject.toml constraints-peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check -c constraints-peers.txt \
		torch torchvision timm fastai pytest hypothesis -e .
	touch $(PEERS)/ready

# The site, in site/. A link that leads nowhere, a name that the reference does not find, and a page that would fetch
# something from elsewhere fail. In an environment of its own: the reference is read from the source, without torch.
docs: $(DOCS)/ready
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	$(DOCS)/bin/python tests/site_audit.py site

$(DOCS)/ready: constraints-docs.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --disable-pip-version-check -r constraints-docs.txt
	@touch $(DOCS)/ready

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	@echo "Making $(VENV), about 2 GB: PyTorch first (a minute or two, once), then the smaller packages."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(READY)

# Renew constraints.txt: the newest versions that fit pyproject.toml, with torch held where it is.
constraints:
	$(PYTHON) -m venv .venv-constraints
	grep '^torch==' constraints.txt > .venv-constraints/torch.txt
	.venv-constraints/bin/pip install --quiet -c .venv-constraints/torch.txt ".[dev]"
	.venv-constraints/bin/pip freeze --exclude fieldmark --exclude pip --exclude setuptools | sed 's/+cpu$$//' > constraints.txt
	rm -rf .venv-constraints

# Renew constraints-peers.txt: the newest versions that fit together.
constraints-peers:
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/pip install --quiet torch torchvision timm fastai pytest hypothesis .
	.venv-constraints/bin/pip freeze --exclude fieldmark --exclude pip --exclude setuptools > constraints-peers.txt
	rm -rf .venv-constraints

# Renew constraints-docs.txt: the newest versions that the extra `docs` of pyproject.toml allows.
constraints-docs:
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'], sep='\n')" \
		> .venv-constraints/docs.txt
	.venv-constraints/bin/pip install --quiet -r .venv-constraints/docs.txt
	.venv-constraints/bin/pip freeze --exclude pip --exclude setuptools > constraints-docs.txt
	rm -rf .venv-constraints

# The logits that tests/models/test_public_logits.py expects, from torchvision.
public-logits: $(PEERS)/ready
	$(PEERS)/bin/python benchmarks/oracles/public_logits.py

benchmarks: $(READY)
	$(BIN)/python benchmarks/training_loop.py --json benchmarks/results/training_loop.json
	$(BIN)/python benchmarks/accuracy.py --json benchmarks/results/accuracy.json
	$(BIN)/python benchmarks/second_start.py --json benchmarks/results/second_start.json
	$(BIN)/python benchmarks/convolution.py --json benchmarks/results/convolution.json --plot docs/pictures/convolution-speed.png

benchmarks-peers: $(PEERS)/ready
	$(PEERS)/bin/python benchmarks/architectures.py --json benchmarks/results/architectures.json

clean:
	rm -rf $(VENV) .venv-* build dist site src/*.egg-info
