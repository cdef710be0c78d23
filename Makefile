# One entry point for everything a developer does. `make test` sets up and runs all checks.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: check test install lint types imports rules units lab docs format clean

check: install ## set up and run the main job
	-$(BIN)/kdoctor check

test: lint types imports rules units ## set up and run every check

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

rules: install
	$(BIN)/kdoctor rules lint
	$(BIN)/kdoctor rules test

units: install ## the benchmarks by themselves, since they measure, then the rest on two processors
	$(BIN)/pytest tests/benchmarks
	$(BIN)/pytest -n 2 --no-loadscope-reorder --ignore=tests/benchmarks

lab: install ## only the fault lab (root, Linux)
	$(BIN)/pytest tests/lab

docs: install ## what is generated: the rules' pages and the schemas
	$(BIN)/kdoctor rules docs docs/rules
	$(BIN)/kdoctor schema report >docs/schema/report.json
	for kind in rule recipe translation; do $(BIN)/kdoctor rules schema $$kind >docs/schema/$$kind.json; done

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
