# make demo   a verdict on the built-in model in two minutes: no GPU, no download
# make test   the tests
# make lint   style, types, import contract
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
REPORT ?= mimic-report

.PHONY: demo test lint bench clean

demo: $(VENV)/.demo
	$(BIN)/mimic-checks demo --output $(REPORT)

test: $(VENV)/.test
	$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python -m bench

$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[hf]"
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test,lint]"
	touch $@

clean:
	rm -rf $(VENV) $(REPORT)
