# nightly and test set up everything they need in .venv; nothing else is installed or changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOOPED = $(shell grep -rlE '[{][%{]' sql --include='*.sql')
FAULTS = $(addprefix tests/flows/test_,full_disk.py server.py termination.py)
INTAKE = $(addprefix tests/warehouse/,intake drafting)
NIGHTS = $(addprefix tests/flows/test_,backup_flow.py crash.py dask.py lake.py soak.py)
PLAIN = $(shell grep -rLE '[{][%{]' sql --include='*.sql')

.PHONY: nightly lake server test test-faults test-flows test-intake test-models test-nights test-rooms test-warehouse soak lint lint-sql lint-types format bench docs clean

nightly: .venv/ready
	@$(BIN)/python -m flows nightly

# the same on a lake and Dask workers, in a home of its own, with a PostgreSQL that ends with it (docs/cluster.md)
lake: .venv/ready
	@NIGHTLEDGER_HOME=$${NIGHTLEDGER_HOME:-var-lake} $(BIN)/python -m flows lake nightly

# PostgreSQL, Prefect server, deployments and a worker, until Ctrl-C; asks for NIGHTLEDGER_SERVER_PASSWORD
server: .venv/ready
	@set -a; . ./prefect.env; exec $(BIN)/python -m flows server

# seven lots, two at a time, so that each keeps about one core busy; the longest first and the shortest last, since the
# last one runs alone for up to its own length
test: .venv/ready
	@$(MAKE) --no-print-directory --keep-going --jobs 2 \
	  test-warehouse test-nights test-flows test-faults test-rooms test-models test-intake

# nights killed, on Dask, on lakes, restored and under faults of every kind, against two that nothing disturbed
test-nights: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(NIGHTS)

# SIGTERM, full disks, real servers
test-faults: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(FAULTS)

test-flows: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(addprefix --ignore=,$(NIGHTS) $(FAULTS)) tests/flows

test-models: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider --doctest-modules tests/models tests/papers models papers

test-intake: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(INTAKE)

test-warehouse: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(addprefix --ignore=,$(INTAKE)) tests/warehouse

test-rooms: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(addprefix --ignore=tests/,flows models papers warehouse) tests

# a hundred faults over nights of a small portfolio; python -m tests.soak --help
soak: .venv/ready
	@$(BIN)/python -m tests.soak

# the types and the SQL take longest: beside each other
lint: .venv/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 2 lint-types lint-sql
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m warehouse.dictionary --check
	@$(BIN)/python -m tests.licences

lint-types: .venv/ready
	@$(BIN)/mypy

# a file with loops is checked as it runs: rendered, under the name of its relation
lint-sql: .venv/ready
	@rendered=$$(mktemp -d) && trap 'rm -r "$$rendered"' EXIT && \
	$(BIN)/python -c 'import sys; from pathlib import Path; from warehouse import sql; \
	  [sql.keep(relation, Path(sys.argv[1])) for relation in sys.argv[2:]]' \
	  "$$rendered" $(subst /,.,$(LOOPED:sql/%.sql=%)) && \
	$(BIN)/sqlfluff lint $(PLAIN) "$$rendered" --config pyproject.toml --processes 2 --disable-progress-bar

format: .venv/ready
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix $(PLAIN) --disable-progress-bar

bench: .venv/ready
	@$(BIN)/python -m benchmarks

docs: .venv/ready
	@$(BIN)/python -m warehouse.dictionary

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@echo "var/ (the warehouse) is kept; delete it by hand if you mean it"

.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv with $$($(PYTHON) --version) (one to three minutes, only the first time) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; run make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
	@echo "Set up."
