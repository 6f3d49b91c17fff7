# `make` or `make help` lists what there is. The first target that needs it makes the virtual environment.

.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TARGET ?= targets.cache
ARGS ?=

.PHONY: help explore test thorough check format lint types torture replays replayed bench api case-studies suites clean

help:				## Show this help.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "interleave needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Finding a failure is what exploring is for: exit status 1 is not an error of make.
explore: $(VENV)/ready		## Explore a target: make explore TARGET=targets.cache ARGS="--seconds 10"
	@$(BIN)/python -m interleave explore $(TARGET) $(ARGS) || test $$? -eq 1

test: $(VENV)/ready		## Run the tests that take seconds.
	$(BIN)/python -m tests -q -n auto -m "not slow and not thorough" $(ARGS)

thorough: $(VENV)/ready		## Run the tests that `make test` leaves out as they take more than seconds.
	$(BIN)/python -m tests -q -n auto -m "thorough and not slow" $(ARGS)

check: format lint types test thorough	## Do all that must pass before a change is handed in.

format: $(VENV)/ready		## Check the format; ARGS=--fix is `ruff format`.
	$(BIN)/ruff format $(if $(filter --fix,$(ARGS)),,--check) .

lint: $(VENV)/ready		## Check with ruff.
	$(BIN)/ruff check .

types: $(VENV)/ready		## Check with mypy --strict.
	$(BIN)/mypy

torture: $(VENV)/ready		## Run the tests that take minutes.
	$(BIN)/python -m tests -q -n auto -m slow $(ARGS)

FAILURES := build/failures

replays: $(VENV)/ready		## Replay every failure that the tests find in a fresh process.
	rm -rf $(FAILURES)
	$(MAKE) --no-print-directory test ARGS="-p tests.replays --record-failures $(FAILURES) $(ARGS)"
	$(MAKE) --no-print-directory replayed

# What a run of the tests has recorded, under another hash seed.
replayed: $(VENV)/ready
	PYTHONHASHSEED=random $(BIN)/python -m tests -q -n auto -p tests.replays --replay-failures $(FAILURES)

bench: $(VENV)/ready		## Print speed ratios.
	$(BIN)/python -m tests.benchmarks.speed $(ARGS)

# The names are fetched when they are asked for; pdoc takes `explore` for the module unless somebody has.
api: $(VENV)/ready		## Write pages about every public name to build/api.
	$(BIN)/python -c "import pathlib, interleave, pdoc; interleave.explore; \
	pdoc.pdoc('interleave', '!interleave[.]', output_directory=pathlib.Path('build/api'))"

case-studies: $(VENV)/ready	## Explore releases of packages with known bugs: the tables of the README.
	$(BIN)/python -m examples.case_studies $(VENV)/case_studies

suites: $(VENV)/ready		## Run the test suites of packages as ever and explored: the other table.
	$(BIN)/python -m tests.libraries.suites install $(VENV)/suites
	$(BIN)/python -m tests.libraries.suites table $(VENV)/suites $(ARGS)

clean:				## Remove what the other targets made.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
