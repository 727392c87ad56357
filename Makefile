# make demo   a verdict on the built-in model in two minutes: no GPU, no download
# make test   the tests
# make test-families   the tests of ten model families with their real processors (pip's default torch and torchvision, 5.6 GB)
# make kills   every command killed at random moments (half an hour)
# make lint   style, types, import contract
PYTHON ?= python3
VENV ?= .venv
FAMILIES ?= .venv-families
BIN := $(VENV)/bin
REPORT ?= mimic-report

.PHONY: demo test test-families lint kills bench clean

demo: $(VENV)/.demo
	$(BIN)/mimic-checks demo --output $(REPORT)

test: $(VENV)/.test $(VENV)/.plugins
	OMP_NUM_THREADS=1 MIMIC_CHECKS_TEST_PLUGINS=$(VENV)/plugins MIMIC_CHECKS_TEST_HYPOTHESIS=$(VENV)/hypothesis $(BIN)/python -m pytest -n 2 --dist loadfile

test-families: $(FAMILIES)/.test
	$(FAMILIES)/bin/python -m pytest tests/families

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Thirty kills at random moments of every command that leaves files; the log is committed.
kills: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.runs.kills $(VENV)/kills-$$$$ --boundaries 3 --log reports/kills.log

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

# Plugins that would change this suite's own run if they were installed: a folder of their own, for the tests that name them.
$(VENV)/.plugins: constraints.txt $(VENV)/.test
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps --upgrade --target $(VENV)/plugins \
	  pytest-randomly pytest-rerunfailures pytest-html pytest-metadata jinja2 markupsafe
	# The oldest version that cases are drawn with, beside the newest in $(VENV).
	$(BIN)/pip install --quiet --no-deps --upgrade --target $(VENV)/hypothesis hypothesis==6.140.4
	touch $@

$(FAMILIES)/.test: pyproject.toml constraints.txt constraints-families.txt
	$(PYTHON) -m venv $(FAMILIES)
	grep -v '^torch==' constraints.txt | cat - constraints-families.txt > $(FAMILIES)/constraints.txt
	$(FAMILIES)/bin/pip install --quiet --constraint $(FAMILIES)/constraints.txt torch torchvision num2words
	$(FAMILIES)/bin/pip install --quiet --constraint $(FAMILIES)/constraints.txt --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) $(FAMILIES) $(REPORT)
