# Everything a person or a CI machine runs. Needs python3 >= 3.11 with venv; the rest is installed
# into .venv by the first target that needs it, and again when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test databases monitoring live bench load fuzz check packaging dist format clean

demo: $(VENV)/run.stamp   ## two recorded machines, played over real sockets, and curl lines to try
	$(BIN)/callstate demo

test: $(VENV)/dev.stamp   ## every test that needs no root
	$(BIN)/coverage run -m pytest --ignore tests/replay --ignore tests/soak --ignore tests/faults --ignore tests/fuzz --ignore tests/load
	$(BIN)/coverage report
	$(BIN)/pytest tests/replay tests/soak tests/faults tests/fuzz tests/load

databases: $(VENV)/dev.stamp ## against real PostgreSQL and MariaDB servers, which it starts itself
	$(BIN)/pytest -m databases

monitoring: $(VENV)/dev.stamp ## dashboard, alerts and metrics, judged by promtool
	$(BIN)/pytest -m promtool tests/test_monitoring.py

live: $(VENV)/dev.stamp   ## against real Asterisk 22 and 16: root, on Debian
	$(BIN)/pytest -m live tests/live

# BENCH="--quick" for a first look, "--only http" for one of them, "--save" to keep the results.
bench: $(VENV)/dev.stamp  ## what it must reach, measured beside its rivals and its limits
	$(BIN)/python -m tests.bench $(BENCH)

# LOAD="--seconds 60 --events 500" for less of it, "--save" to keep the page; see tests/load.
load: $(VENV)/dev.stamp   ## half an hour of ten busy machines and fifty clients: nothing may be lost
	$(BIN)/python -m tests.load $(LOAD)

# FUZZ="--messages 1000000 --seed 7" for another run.
fuzz: $(VENV)/dev.stamp   ## ten million wrong messages, then wrong requests at a whole daemon
	$(BIN)/python -m tests.fuzz.wire --messages 10000000 $(FUZZ)
	$(BIN)/python -m tests.fuzz.attack --clients 100000

check: $(VENV)/dev.stamp  ## formatter, linter, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

packaging: $(VENV)/dev.stamp ## the wheel, installed elsewhere; the unit and the container file
	$(BIN)/pytest -m packaging tests/packaging

dist: $(VENV)/dev.stamp   ## the wheel and the source archive, in dist/
	$(BIN)/python -m build

format: $(VENV)/dev.stamp ## let the formatter and the linter repair what they can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# --group (dependency groups) came with pip 25.1; Debian 12 brings 23.0.
$(VENV)/pip.stamp:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "callstate needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	touch $@

$(VENV)/run.stamp: $(VENV)/pip.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/dev.stamp: $(VENV)/pip.stamp pyproject.toml
	$(BIN)/python -m pip install --quiet --group dev --editable .
	touch $(VENV)/run.stamp $@
