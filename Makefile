# make demo      compare GA-NAS with three other strategies on the real NAS-Bench-201 table: runs/demo/report.html
# make test      lint, types, tests
# make test-all  the slow tests as well
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-all lint clean

demo: $(VENV)/.installed
	$(BIN)/ganas demo

# A process for each core and one thread in each: networks and matrices are small, and threads would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

test: lint
	$(PYTEST)

test-all: lint
	$(PYTEST) -m "slow or not slow"

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p ganas
	$(BIN)/mypy --explicit-package-bases tests perf examples

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first and by name: a newer one, asked for by another package, would take gigabytes.
$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing into $(VENV) ..."
	$(INSTALL) torch
	$(INSTALL) --editable '.[torch]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing the test tools into $(VENV) ..."
	$(INSTALL) torch
	$(INSTALL) --editable '.[surrogates,text,torch,test]'
	@touch $@ $(VENV)/.installed
