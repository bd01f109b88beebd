# `make help` lists the targets. Everything that is installed goes into .venv, node_modules and build/.

PYTHON ?= python3
VENV := .venv/bin
PREPARE := $(PYTHON) local/environments.py
WHEELS := $(VENV)/python -m stacks.constructs.bundle --fetch
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo up down dev test bench deploy destroy lint lock python

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: python ## Six questions over samples/, streamed through the local stack, and what each technique saved
	@$(PREPARE) run ministack function cdk opensearch
	@$(VENV)/slipstream demo

up: python ## Start the local stack, leave it running, print addresses, a key and blocks to paste
	@$(PREPARE) run ministack function cdk opensearch
	@$(VENV)/slipstream up

down: python ## Stop the local stack
	@if [ -x $(VENV)/slipstream ]; then $(VENV)/slipstream down; else echo "nothing is installed, so nothing runs"; fi

dev: python ## The same function in one threaded process that reloads when the code changes
	@$(PREPARE) run opensearch
	@$(VENV)/slipstream dev

test: python ## Every check: ruff, mypy --strict, pytest (unit, contract, functional, infra, e2e)
	@$(PREPARE) dev ministack function llmeter cdk opensearch
	@$(WHEELS)
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/python -m pytest -n $(WORKERS) --dist loadfile -rfEs --ignore tests/e2e
	$(VENV)/python -m pytest -rfEs tests/e2e

lint: python ## Mend what ruff can mend, then say what is left
	@$(PREPARE) dev
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

bench: python ## Measure; writes build/bench/*.json, figures and report.html
	@$(PREPARE) dev ministack function llmeter awslambdaric cdk
	@$(WHEELS)
	@$(VENV)/slipstream bench all

deploy: python ## Deploy into the AWS account of your credentials, print the first key (ARGS="-c stage=prod …")
	@$(PREPARE) run cdk
	@$(VENV)/python -m local.account deploy $(ARGS)

destroy: python ## Remove what `make deploy` made, after asking (FORCE=1: without)
	@$(PREPARE) run cdk
	@FORCE=$(FORCE) $(VENV)/python -m local.account destroy $(ARGS)

lock: python ## Lock all requirements again, with hashes (needs uv: pipx install uv)
	@command -v uv >/dev/null || { echo "uv is not installed: pipx install uv, or https://docs.astral.sh/uv" >&2; exit 1; }
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	for tool in ministack node llmeter awslambdaric; do uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header tools/$$tool.in -o tools/$$tool.txt; done

python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or say which: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), Slipstream needs 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
