# Everything a person needs: `make run` to use it, `make test` before a change is sent.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# What is installed is what a lock in requirements/ names, by its hash; only then the package itself, with nothing more.
PIP := $(BIN)/pip --quiet --disable-pip-version-check
INSTALL_LOCKED := $(PIP) install --require-hashes --only-binary :all: --requirement
INSTALL_ITSELF := $(PIP) install --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes --group build --custom-compile-command 'make lock'

.PHONY: run console console-types console-images test test-slow test-console test-long test-again check lint types rules format docs lock upgrade fuzz test-ray endurance bench bench-accuracy bench-attributes bench-signals bench-http bench-users bench-wire bench-index bench-moving bench-postgresql bench-search codebook calibrate clean soak bench-load endurance-postgresql bench-memory bench-detector utility quantise bench-ledger bench-labels bench-text bench-moderation bench-video bench-jobs endurance-jobs bench-console bench-console-times bench-console-reviews bench-console-shrinking bench-console-screens bench-first-run

run: $(VENV)/installed
	@$(MAKE) --no-print-directory console || echo "The console is not built, which the server can do without; \`make console\` says why."
	$(BIN)/regard serve

# The web app, built into the package. npm is enough; without it, the Node that pip has is taken.
CONSOLE := regard/console/dist/index.html
console: $(CONSOLE)
$(CONSOLE): $(shell find web/src web/public web/*.json web/*.ts web/*.html -type f -not -name schema.d.ts) | $(BIN)/python
	@echo "Building the console …"
	@web/build "$(abspath $(BIN)/python)"

# Its types, after a change of the native API.
console-types: $(VENV)/installed-dev
	$(BIN)/python web/describe.py

# Its pictures in the docs: every one, or SCENES="review case".
console-images: $(VENV)/installed-dev $(CONSOLE)
	$(BIN)/python -W ignore docs/images/console/take.py $(SCENES)

# How many tests run at once, each worker with its models, its PostgreSQL and its Milvus; WORKERS=0: one after the other.
WORKERS ?= 2
# What a test wrote goes when it has passed: tests/scratch.py may have put it in memory.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -o tmp_path_retention_policy=failed
# Tests start hundreds of processes that import the same: what Python compiled is kept, whatever the environment says.
test test-slow test-console test-long test-again rules: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/installed-dev
	$(PYTEST)

test-slow: $(VENV)/installed-dev
	$(PYTEST) -m "slow and not long"

# Those of `make test-slow` that are in a browser.
test-console: $(VENV)/installed-dev
	$(PYTEST) tests/console -m "slow and not long"

test-long: $(VENV)/installed-dev
	$(PYTEST) -m long

# What failed the last time, one after the other.
test-again: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m "" --last-failed --last-failed-no-failures none

check: lint types rules

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# Those of `make test` that are about the repository itself.
rules: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py tests/test_locks.py tests/test_licences.py

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-dev
	$(BIN)/python docs/reference/operations.py
	$(BIN)/python docs/accountability/controls.py

# The locks, made to agree with pyproject.toml: versions that still fit it stay. `make upgrade` takes the newest.
lock: $(VENV)/installed-dev
	$(COMPILE) --extra dev $(RENEW) --output-file requirements/development.txt
	$(COMPILE) --constraint requirements/development.txt --output-file requirements/server.txt
	$(COMPILE) --constraint requirements/development.txt --extra cluster --extra heic --extra milvus --extra oidc --extra otel --extra parquet --extra pdf --extra ray --extra video --output-file requirements/server-with-extras.txt

upgrade:
	$(MAKE) lock RENEW=--upgrade

FUZZ_REQUESTS ?= 10000
fuzz: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/fuzz -m "" --fuzz-requests $(FUZZ_REQUESTS)

test-ray: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/cluster

# START_SECONDS is the longest that a start after a kill may take; nothing is too long without it.
KILLS ?= 100
FACES ?= 32700
ENDURANCE = $(BIN)/python -m pytest tests/endurance -m "" --faces $(FACES) --kills $(KILLS) \
	$(if $(START_SECONDS),--start-seconds $(START_SECONDS))
endurance: $(VENV)/installed-dev
	$(ENDURANCE)

endurance-postgresql: $(VENV)/installed-dev
	$(ENDURANCE) --database postgresql

endurance-jobs: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/endurance/test_job_kills.py -m "" --kills $(KILLS)
	$(BIN)/python -m pytest tests/endurance/test_job_kills.py -m "" --kills $(KILLS) --database postgresql
	$(BIN)/python -m pytest tests/endurance/test_hour_of_video.py -m ""

bench: $(VENV)/installed-bench
	$(BIN)/python -W ignore -m benchmarks.speed
	$(BIN)/python -W ignore -m benchmarks.image_speed --again
	$(BIN)/python -W ignore -m benchmarks.weights

bench-console: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory console
	$(BIN)/python -m benchmarks.console

bench-console-times: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory console
	$(BIN)/python -W ignore -m benchmarks.console_times
	$(BIN)/python -W ignore -m benchmarks.console_times --reviewed

bench-console-reviews: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory console
	$(BIN)/python -W ignore -m benchmarks.console_reviews

# In parts, each of which is kept in .cache/benchmarks: PARTS="cuts memory" for some, AGAIN=1 to measure what is kept.
PARTED = $(PARTS) $(if $(AGAIN),--again)

bench-console-shrinking: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.console_shrinking $(PARTED)

bench-console-screens: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory console
	$(BIN)/python -W ignore -m benchmarks.console_screens

bench-first-run: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.first_run

bench-accuracy: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.poor_accuracy

bench-attributes: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.attributes

bench-signals: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.face_signals

bench-detector: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.detector

bench-labels: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.labels
	$(BIN)/python -m benchmarks.label_reliability

bench-jobs: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.jobs $(PARTED)

bench-http: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.http_load

bench-text: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.text

bench-moderation: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.moderation

bench-video: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.video $(PARTED)

bench-users: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.users

bench-ledger: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.ledger

bench-wire: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.wire

bench-index: $(VENV)/installed-peers
	$(BIN)/python -W ignore -m benchmarks.index

bench-load: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.load

bench-memory: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.memory

bench-moving: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.moving

bench-postgresql: $(VENV)/installed-drivers
	$(BIN)/python -m benchmarks.postgresql

bench-search: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.search

# Hours are a number, as in HOURS=0.1; the table and the samples go into .cache/soak.
HOURS ?= 24
soak: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.soak --hours $(HOURS)

codebook: $(VENV)/installed-dev
	$(BIN)/python -W ignore -m benchmarks.codebook $(if $(CARD),--card $(CARD))

quantise: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.quantise

utility: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.utility $(if $(CARD),--card $(CARD))

calibrate: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.calibrate $(if $(CARD),--card $(CARD)) --curve docs/images/calibration.png

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "The locks are for Python 3.11 to 3.14; say which with: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make an environment; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: requirements/server.txt pyproject.toml | $(BIN)/python
	$(INSTALL_LOCKED) requirements/server.txt
	$(INSTALL_ITSELF)
	@touch $@

$(VENV)/installed-dev: requirements/development.txt pyproject.toml | $(BIN)/python
	$(INSTALL_LOCKED) requirements/development.txt
	$(INSTALL_ITSELF)
	@touch $@ $(VENV)/installed

# The peer, without the source build of dlib that its metadata asks for.
$(VENV)/installed-bench: $(VENV)/installed-dev
	$(PIP) install --no-deps dlib-bin face_recognition face_recognition_models 'setuptools<81'
	@touch $@

# Indexes to run beside the embedded one.
$(VENV)/installed-peers: $(VENV)/installed-dev
	$(PIP) install usearch lancedb
	@touch $@

# The driver to run beside Regard's own.
$(VENV)/installed-drivers: $(VENV)/installed-dev
	$(PIP) install pg8000
	@touch $@

clean:
	rm -rf $(VENV) .cache regard/console/dist web/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
