# Needs Python >= 3.11, make and a package registry; everything else is installed in .venv.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Almost half of all installed code: it is compiled if it is imported.
RARELY_IMPORTED := '/(tests?|testing|_inductor|fontTools|moto|narwhals|networkx|sympy|tensorboard)/'

# pip uses one CPU, and half of its work are CUDA's libraries: two pips share the packages. The lock names every dependency.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --no-deps
LARGE := '^nvidia-'
# Some packages have files for later versions of Python.
COMPILE := { $(BIN)/python -m compileall -qq -j 0 -x $(RARELY_IMPORTED) .venv/lib || true; }

# Without bytecode, each of the hundreds of processes that the tests start would compile the packages again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv demo check test slow chaos soak croissant lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP)  ## create .venv with all locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Ninefold needs Python 3.11 or newer; '$(PYTHON)' is not. Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@grep $(LARGE) requirements.lock > .venv/large.txt; grep -v $(LARGE) requirements.lock > .venv/small.txt
	$(PIP) -r .venv/large.txt & large=$$!; $(PIP) -r .venv/small.txt && $(COMPILE); small=$$?; wait $$large && exit $$small
	$(PIP) --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## train on handwritten digits and classify some, in about a minute
	@$(BIN)/ninefold demo

check: $(STAMP)  ## check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers 2 || { [ $$? -eq 2 ] && $(BIN)/mypy; }  # 2: a worker did not start within 3 s on a busy machine
	$(BIN)/lint-imports

test: check  ## run check, then the tests
	$(BIN)/python -m pytest -n 4 --dist loadfile

slow: $(STAMP)  ## run the long tests: minutes of training, the demo at full length
	$(BIN)/python -m pytest -m slow

chaos: $(STAMP)  ## run the chaos tests: kill processes and Redis while jobs run
	$(BIN)/python -m pytest -m "chaos or not chaos" tests/chaos tests/compatibility
	$(BIN)/python -m pytest -m chaos tests --ignore tests/chaos --ignore tests/compatibility

MINUTES ?= 10
SEED ?= 0
soak: $(STAMP)  ## inject random faults for some minutes: make soak MINUTES=60 SEED=1
	$(BIN)/python -m tests.chaos.soak --minutes $(MINUTES) --seed $(SEED)

CROISSANT := .venv/croissant/bin/python
$(CROISSANT): $(STAMP)
	$(PYTHON) -m venv .venv/croissant
	$(CROISSANT) -m pip install --disable-pip-version-check --quiet "mlcroissant[image]==1.1.1"

croissant: $(CROISSANT)  ## read a downloaded dataset with mlcroissant, which has a .venv of its own (400 MB)
	MLCROISSANT_PYTHON=$(CROISSANT) $(BIN)/python -m pytest -m croissant tests/model/data/download

lock: $(STAMP)  ## update requirements.lock from pyproject.toml
	PYTHON=$(BIN)/python .ci/lock

clean:  ## remove .venv and all caches
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
