# Everything a person needs: `make run` to use it, `make test` before a change is sent.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: run test test-slow check format docs fuzz test-ray endurance bench bench-accuracy bench-http bench-users bench-wire bench-index bench-moving bench-postgresql bench-search codebook calibrate clean

run: $(VENV)/installed
	$(BIN)/regard serve

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-dev
	$(BIN)/python docs/reference/operations.py

fuzz: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/fuzz -m "" --fuzz-requests 10000

test-ray: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/cluster

endurance: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/endurance -m "" --faces 327500 --kills 20

bench: $(VENV)/installed-bench
	$(BIN)/python -W ignore -m benchmarks.speed

bench-accuracy: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.accuracy

bench-http: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.http_load

bench-users: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.users

bench-wire: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.wire

bench-index: $(VENV)/installed-peers
	$(BIN)/python -W ignore -m benchmarks.index

bench-moving: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.moving

bench-postgresql: $(VENV)/installed-drivers
	$(BIN)/python -m benchmarks.postgresql

bench-search: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.search

codebook: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.codebook

calibrate: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.calibrate --curve docs/images/calibration.png

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Regard needs Python 3.11 or newer; say which with: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make an environment; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed

# The peer, without the source build of dlib that its metadata asks for.
$(VENV)/installed-bench: $(VENV)/installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps dlib-bin face_recognition face_recognition_models 'setuptools<81'
	@touch $@

# Indexes to run beside the embedded one.
$(VENV)/installed-peers: $(VENV)/installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check usearch lancedb
	@touch $@

# The driver to run beside Regard's own.
$(VENV)/installed-drivers: $(VENV)/installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check pg8000
	@touch $@

clean:
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
