# Everything a person or a CI machine runs. Needs python3 >= 3.11 with venv; the rest is installed
# into .venv by the first target that needs it, and again when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What live, bench, load and fuzz run on: compiled, or pure with `make bench CALLSTATE_BUILD=pure`.
CALLSTATE_BUILD ?= compiled
$(if $(filter pure compiled,$(CALLSTATE_BUILD)),,$(error CALLSTATE_BUILD must be pure or compiled))
# The checkout is pure, always. The compiled copy in build/ is found before it, by every process
# that a test starts as well; the current folder must not come first, as it does with `python -m`.
on_pure := CALLSTATE_BUILD=pure
on_compiled := CALLSTATE_BUILD=compiled PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/build/compiled:$(CURDIR) \
	PYTEST_ADDOPTS="-o 'pythonpath=build/compiled .'"
ON := $(on_$(CALLSTATE_BUILD))
COPY := $(filter compiled,$(CALLSTATE_BUILD))

.PHONY: demo test compiled test-compiled databases monitoring live bench load fuzz sanitized check packaging dist format clean

demo: $(VENV)/run.stamp   ## two recorded machines, played over real sockets, and curl lines to try
	$(BIN)/callstate demo

test: $(VENV)/dev.stamp   ## every test that needs no root
	$(on_pure) $(BIN)/coverage run -m pytest --ignore tests/replay --ignore tests/soak --ignore tests/faults --ignore tests/fuzz --ignore tests/load
	$(BIN)/coverage report
	$(on_pure) $(BIN)/pytest tests/replay tests/soak tests/faults tests/fuzz tests/load

compiled: $(VENV)/dev.stamp ## a copy of the package with compiled modules, in build/compiled
	$(BIN)/python hatch_build.py

test-compiled: compiled   ## the tests of what is compiled, on that copy
	$(on_compiled) $(BIN)/pytest tests/ami tests/core tests/replay tests/soak tests/faults tests/test_*.py

databases: $(VENV)/dev.stamp ## against real PostgreSQL and MariaDB servers, which it starts itself
	$(on_pure) $(BIN)/pytest -m databases

monitoring: $(VENV)/dev.stamp ## dashboard, alerts and metrics, judged by promtool
	$(on_pure) $(BIN)/pytest -m promtool tests/test_monitoring.py

live: $(VENV)/dev.stamp $(COPY)   ## against real Asterisk 22 and 16: root, on Debian
	$(ON) $(BIN)/pytest -m live tests/live

# BENCH="--quick" for a first look, "--only http" for one of them, "--save" to keep the results.
bench: $(VENV)/dev.stamp $(COPY)  ## what it must reach, measured beside its rivals and its limits
	$(ON) $(BIN)/python -m tests.bench $(BENCH)

# LOAD="--seconds 60 --events 500" for less of it, "--save" to keep the page; see tests/load.
load: $(VENV)/dev.stamp $(COPY)   ## half an hour of ten busy machines and fifty clients: nothing may be lost
	$(ON) $(BIN)/python -m tests.load $(LOAD)

# FUZZ="--messages 1000000 --seed 7" for another run.
fuzz: $(VENV)/dev.stamp $(COPY)   ## ten million wrong messages, then wrong requests at a whole daemon
	$(ON) $(BIN)/python -m tests.fuzz.wire --messages 10000000 $(FUZZ)
	$(ON) $(BIN)/python -m tests.fuzz.attack --clients 100000

# Compiled for this alone, in minutes. What happens outside of bytes that C was given ends the run with a report.
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
sanitized: $(VENV)/dev.stamp ## the tests of ami, every byte that C reads watched by gcc's sanitizers
	mkdir -p build/sanitized
	CFLAGS="$(SANITIZERS)" LDFLAGS="$(SANITIZERS)" $(BIN)/python -c "from pathlib import Path as P; \
		import hatch_build as h; f = P('build/sanitized'); h.compile_modules(f); h.lay_out(f)"
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
		$(subst build/compiled,build/sanitized/compiled,$(on_compiled)) $(BIN)/pytest tests/ami

check: $(VENV)/dev.stamp  ## formatter, linter, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

packaging: $(VENV)/dev.stamp ## the wheel, installed elsewhere; the unit and the container file
	$(on_pure) $(BIN)/pytest -m packaging tests/packaging

dist: $(VENV)/dev.stamp   ## the source archive and the wheels, in dist/: pure, and compiled where it can be
	CALLSTATE_BUILD=pure $(BIN)/python -m build
	CALLSTATE_BUILD= $(BIN)/python -m build --wheel

format: $(VENV)/dev.stamp ## let the formatter and the linter repair what they can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

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
