.DEFAULT_GOAL := help
.PHONY: help setup run test check format lint types security pipeline build bench scenarios chaos docs lock clean

BIN := .venv/bin
BENCH := --write docs/benchmarks.md --json .benchmarks/gate.json
SCENARIOS := --write docs/strategist
COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready ## make .venv with the locked tools and the package itself; instant when up to date

.venv/.ready: requirements-dev.txt pyproject.toml
	python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e .
	@touch $@

run: setup ## start petrosa-cio with servers of its own
	$(BIN)/cio run

.PHONY: demo
demo: setup ## see the gate at work for a minute; DEMO="--seconds 20" for less
	$(BIN)/cio demo $(DEMO)

test: lint types ## everything but chaos and bench
	$(BIN)/pytest -m "not chaos and not bench" --cov

check: lint types ## the quick look: no servers
	$(BIN)/pytest tests/unit tests/property

format: setup ## put the code in order
	$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

lint: setup ## format, lint and import contracts
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports

types: setup ## mypy, strict
	$(BIN)/mypy

security: setup ## dangerous code, secrets in files, known faults of dependencies
	$(BIN)/bandit --quiet --recursive --severity-level medium src
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline
	$(BIN)/python .ci/audit.py requirements.txt requirements-dev.txt

pipeline: test security ## all that must pass: lint, types, tests, security

build: setup ## the wheel in dist/, and the image where a Docker engine answers
	$(BIN)/hatchling build --target wheel
	@if docker info >/dev/null 2>&1; then docker build --tag petrosa-cio .; \
	else echo "No Docker engine answers here: the wheel is built, the image is not."; fi

bench: setup ## measure, for half an hour; BENCH=--quick for two minutes
	$(BIN)/pytest --benchmark-only tests/bench
	$(BIN)/python -m tests.bench $(BENCH)

scenarios: setup ## what the Strategist makes of bad days, in three minutes; SCENARIOS="--only crash"
	$(BIN)/python -m tests.scenarios $(SCENARIOS)

chaos: setup ## everything goes wrong, for an hour; CHAOS="--seeds 1 --intents 5000" for less
	$(BIN)/python -m tests.chaos $(CHAOS)

docs: setup ## write the documents that are made from the code
	$(BIN)/python docs/generate.py

lock: ## resolve the requirements anew
	$(BIN)/$(COMPILE) pyproject.toml --extra build --extra embedded -o requirements.txt
	$(BIN)/$(COMPILE) pyproject.toml --all-extras -o requirements-dev.txt

clean: ## remove everything that was made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks .chaos .coverage build dist
