# nightly and test set up everything they need in .venv; nothing else is installed or changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOOPED = $(shell grep -rlE '[{][%{]' sql --include='*.sql')
KILLS = $(addprefix tests/flows/test_,crash.py soak.py termination.py)
HOMES = $(addprefix tests/flows/test_,backup_flow.py dask.py full_disk.py lake.py server.py)
PLAIN = $(shell grep -rLE '[{][%{]' sql --include='*.sql')

.PHONY: nightly lake server test test-flows test-homes test-kills test-models test-rooms soak lint lint-sql format bench docs clean

nightly: .venv/ready
	@$(BIN)/python -m flows nightly

# the same on a lake and Dask workers, in a home of its own, with a PostgreSQL that ends with it (docs/cluster.md)
lake: .venv/ready
	@NIGHTLEDGER_HOME=$${NIGHTLEDGER_HOME:-var-lake} $(BIN)/python -m flows lake nightly

# PostgreSQL, Prefect server, deployments and a worker, until Ctrl-C; asks for NIGHTLEDGER_SERVER_PASSWORD
server: .venv/ready
	@set -a; . ./prefect.env; exec $(BIN)/python -m flows server

# five lots, two at a time, the longest first and the shortest last: each keeps about one core busy
test: .venv/ready
	@$(MAKE) --no-print-directory --keep-going --jobs 2 test-rooms test-kills test-flows test-homes test-models

# killed processes
test-kills: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(KILLS)

# full disks, backups, lakes, Dask clusters, real servers
test-homes: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(HOMES)

test-flows: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(addprefix --ignore=,$(KILLS) $(HOMES)) tests/flows

test-models: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider --doctest-modules tests/models tests/papers models papers

test-rooms: .venv/ready
	@$(BIN)/python -m pytest -p no:cacheprovider $(addprefix --ignore=tests/,flows models papers) tests

# a hundred faults over nights of a small portfolio; python -m tests.soak --help
soak: .venv/ready
	@$(BIN)/python -m tests.soak

lint: .venv/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory lint-sql
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m warehouse.dictionary --check
	@$(BIN)/python -m tests.licences

# a file with loops is checked as it runs: rendered, under its own name
lint-sql: .venv/ready
	@$(BIN)/sqlfluff lint $(PLAIN) --processes 2 --disable-progress-bar
	@for file in $(LOOPED); do \
	  relation=$$(echo $$file | sed 's|^sql/||; s|/|.|; s|[.]sql$$||'); \
	  $(BIN)/python -m warehouse.sql $$relation | $(BIN)/sqlfluff lint - --stdin-filename $$file || exit 1; \
	done

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
